//! A forked process that is stopped at each of its steps, by `ptrace`.

use std::path::Path;
use std::{fs, io, mem, ptr};

use rustix::process::{Pid, Signal, getpid, kill_process};

use super::{fork_and_go_on, wait_for};

/// The code with which a process ends that must not be traced.
const REFUSED: i32 = 33;

/// A process that stands between two of its steps. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Traced {
    pid: Pid,
    has_ended: bool,
}

impl Traced {
    /// In a role: forks a process that does `prepare`, stops, and will `run`. What that returns is
    /// not dropped when the process ends. `None` where no process may trace another.
    pub(crate) fn start<T, R>(
        prepare: impl FnOnce() -> T,
        run: impl FnOnce(T) -> R,
    ) -> Option<Self> {
        let pid = fork_and_go_on(|| {
            let prepared = prepare();
            if let Err(error) = trace(libc::PTRACE_TRACEME, None, 0) {
                println!("not traced: {error}");
                return REFUSED;
            }
            kill_process(getpid(), Signal::STOP).expect("a process may stop itself");
            mem::forget(run(prepared));
            0
        });
        let status = wait_for(pid);
        if status.exit_status() == Some(REFUSED) {
            return None;
        }
        assert!(status.stopped(), "it did not come to its steps: {status:?}");
        // It does not outlive this process, and its stops at calls can be told from signals.
        let options = libc::PTRACE_O_EXITKILL | libc::PTRACE_O_TRACESYSGOOD;
        let set = trace(libc::PTRACE_SETOPTIONS, Some(pid), options as usize);
        set.expect("options of a process that is traced");
        Some(Self {
            pid,
            has_ended: false,
        })
    }

    /// Whether it has this file open.
    pub(crate) fn has_open(&self, path: &Path) -> bool {
        let open = format!("/proc/{}/fd", self.pid.as_raw_nonzero());
        let entries = fs::read_dir(open).expect("the descriptors of a child");
        let links = entries.flatten().map(|entry| fs::read_link(entry.path()));
        links.flatten().any(|link| link == path)
    }

    /// Lets it go on until just before its next system call, or until just behind the one that it
    /// stands before. Returns whether it got there: else it has ended, and well.
    pub(crate) fn go_to_next_call(&mut self) -> bool {
        self.go_on(libc::PTRACE_SYSCALL, libc::SIGTRAP | 0x80)
    }

    /// Lets it go on, instruction by instruction, until `is_there`. Returns whether it got there:
    /// else it has ended, and well.
    pub(crate) fn go_until(&mut self, mut is_there: impl FnMut() -> bool) -> bool {
        while self.go_on(libc::PTRACE_SINGLESTEP, libc::SIGTRAP) {
            if is_there() {
                return true;
            }
        }
        false
    }

    fn go_on(&mut self, request: libc::c_uint, expected: i32) -> bool {
        trace(request, Some(self.pid), 0).expect("a process that is stopped");
        let status = wait_for(self.pid);
        if status.stopped() {
            // No signal but that of its tracer comes to it.
            assert_eq!(status.stopping_signal(), Some(expected), "{status:?}");
            return true;
        }
        self.has_ended = true;
        assert_eq!(status.exit_status(), Some(0), "{status:?}");
        false
    }

    /// Kills it where it stands. What it had of the kernel is free when this returns.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if !mem::replace(&mut self.has_ended, true) {
            kill_process(self.pid, Signal::KILL).expect("a child");
            let status = wait_for(self.pid);
            let signal = status.terminating_signal();
            assert_eq!(signal, Some(libc::SIGKILL), "it ended by itself");
        }
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        self.end();
    }
}

fn trace(request: libc::c_uint, pid: Option<Pid>, data: usize) -> io::Result<()> {
    let pid = pid.map_or(0, Pid::as_raw_pid);
    // SAFETY: none of the requests that are made here reads or writes memory of this process; the
    // kernel refuses a process that is not a stopped child of this one.
    let done = unsafe { libc::ptrace(request, pid, ptr::null_mut::<u8>(), data) };
    if done == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
