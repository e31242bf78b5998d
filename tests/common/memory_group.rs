//! A control group whose processes the kernel kills when they want more memory than it may have.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

/// What the files of such a group are called, in one of the two versions of the interface.
#[derive(Debug)]
struct Files {
    limit: &'static str,
    /// With this, nothing is put onto a disk to make room.
    no_swap: &'static str,
    /// Where a line says how many processes were killed.
    events: &'static str,
}

const VERSION_1: Files = Files {
    limit: "memory.limit_in_bytes",
    no_swap: "memory.swappiness",
    events: "memory.oom_control",
};
const VERSION_2: Files = Files {
    limit: "memory.max",
    no_swap: "memory.swap.max",
    events: "memory.events",
};

/// The group. It is deleted when this is dropped, behind its processes.
#[derive(Debug)]
pub(crate) struct MemoryGroup {
    directory: PathBuf,
    files: &'static Files,
}

impl MemoryGroup {
    /// A group of no processes that may have `limit` bytes; `None` where this user may make none.
    pub(crate) fn new(test: &str, limit: usize) -> Option<Self> {
        let (parent, files) = parents().find(|(parent, _)| may_write(parent))?;
        let directory = parent.join(format!("mapring-test-{test}-{}", process::id()));
        fs::create_dir(&directory).ok()?;
        let group = Self { directory, files };
        group.write(files.limit, limit);
        // Not there on a kernel that never swaps.
        if group.directory.join(files.no_swap).exists() {
            group.write(files.no_swap, 0);
        }
        Some(group)
    }

    /// Puts a process into it.
    pub(crate) fn add(&self, pid: u32) {
        self.write("cgroup.procs", pid as usize);
    }

    /// How many of its processes were killed for want of memory.
    pub(crate) fn killed(&self) -> u64 {
        let events = fs::read_to_string(self.directory.join(self.files.events));
        let events = events.expect("a group that counts");
        let mut counts = events.lines().filter_map(|line| line.split_once(' '));
        let (_, count) = counts
            .find(|(what, _)| *what == "oom_kill")
            .expect("a count");
        count.parse().expect("a number")
    }

    fn write(&self, file: &str, number: usize) {
        let path = self.directory.join(file);
        let written = fs::write(&path, number.to_string());
        written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // What cannot be deleted is an empty group.
        let _ = fs::remove_dir(&self.directory);
    }
}

/// Where groups are that can be given limits on memory.
fn parents() -> impl Iterator<Item = (PathBuf, &'static Files)> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mounts: Vec<String> = mounts.lines().map(str::to_owned).collect();
    mounts.into_iter().filter_map(|mount| {
        let mut fields = mount.split(' ').skip(1);
        let (place, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
        let place = PathBuf::from(place);
        match kind {
            "cgroup" if options.split(',').any(|option| option == "memory") => {
                Some((place, &VERSION_1))
            }
            "cgroup2" if passes_memory_on(&place) => Some((place, &VERSION_2)),
            _ => None,
        }
    })
}

/// Whether the groups within a group of version 2 can be given limits on memory.
fn passes_memory_on(group: &Path) -> bool {
    let passed_on = fs::read_to_string(group.join("cgroup.subtree_control"));
    passed_on.is_ok_and(|passed_on| passed_on.split_whitespace().any(|what| what == "memory"))
}

fn may_write(directory: &Path) -> bool {
    rustix::fs::access(directory, rustix::fs::Access::WRITE_OK).is_ok()
}
