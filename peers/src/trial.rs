//! One measurement in a process of its own: what hangs, crashes or leaves files behind costs that
//! measurement and nothing else.

#![allow(
    clippy::disallowed_types,
    reason = "a number for a folder has nothing to do with the ring"
)]

use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::measure::Outcome;
use crate::question::Question;

/// Where shared memory has names.
const SHARED: &str = "/dev/shm";
/// No measurement takes so long.
const LONGEST: Duration = Duration::from_secs(60);
/// What this program's complaints begin with.
pub(crate) const PREFIX: &str = "mapring-peers: ";
/// What a measurement of too few records prints.
pub(crate) const TOO_FEW: &str = "too few";

/// Puts one question to one contestant, once.
///
/// # Errors
/// What went wrong, as the other process says it.
pub(crate) fn run(contestant: &str, question: Question, records: u64) -> Result<Outcome> {
    let folder = Folder::new()?;
    let program = env::current_exe().context("cannot find this program")?;
    let mut command = Command::new(program);
    command.args(["measure", contestant, &question.to_string()]);
    command.arg(format!("--records={records}"));
    command.arg("--folder").arg(&folder.path);
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start a measurement")?;
    let in_time = ended_in_time(&mut child);
    if !in_time? {
        // Its own children are killed when it dies.
        child.kill()?;
        child.wait()?;
        bail!("not done after {} seconds", LONGEST.as_secs());
    }
    let status = child.wait()?;
    let complaint = all_of(child.stderr.take())?;
    if !status.success() {
        bail!("{}", why(&complaint, status));
    }
    let printed = all_of(child.stdout.take())?;
    match printed.trim_end() {
        TOO_FEW => Ok(None),
        figure => {
            let parsed = figure
                .parse()
                .with_context(|| format!("printed {figure:?}"));
            Ok(Some(parsed?))
        }
    }
}

fn ended_in_time(child: &mut Child) -> Result<bool> {
    let begin = Instant::now();
    while begin.elapsed() < LONGEST {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(false)
}

/// What the process and its children complain of, or else all that they print, and how it ended.
fn why(complaint: &str, status: ExitStatus) -> String {
    let lines = complaint.lines();
    let own: Vec<_> = lines.filter_map(|line| line.strip_prefix(PREFIX)).collect();
    if !own.is_empty() {
        return own.join("; ");
    }
    let all: Vec<_> = complaint.lines().collect();
    let all = if all.is_empty() {
        "it says nothing".to_owned()
    } else {
        all.join("; ")
    };
    format!("{all} ({status})")
}

/// What it has printed, which is so little that it never had to wait for a reader.
fn all_of(stream: Option<impl Read>) -> Result<String> {
    let mut text = String::new();
    if let Some(mut stream) = stream {
        stream.read_to_string(&mut text)?;
    }
    Ok(text)
}

/// A folder in shared memory. Removed in the end, and so is all in shared memory whose name begins
/// with its own.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn new() -> Result<Self> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("mapring-peers-{}-{number}-", std::process::id());
        let path = Path::new(SHARED).join(name);
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self { path })
    }

    /// Removes what is there; what another process removes meanwhile is gone too.
    fn remove(&self) {
        let Ok(entries) = fs::read_dir(SHARED) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let (found, own) = (path.as_os_str(), self.path.as_os_str());
            if !found.as_encoded_bytes().starts_with(own.as_encoded_bytes()) {
                continue;
            }
            let _ = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_failure_says_what_both_sides_complain_of() {
        let failed = ExitStatus::from_raw(1 << 8);
        let complaints = "a warning\nmapring-peers: it is full\nmapring-peers: nobody answers\n";
        assert_eq!(why(complaints, failed), "it is full; nobody answers");
        let killed = ExitStatus::from_raw(11);
        assert!(why("oh\nno\n", killed).starts_with("oh; no (signal: 11"));
    }

    #[test]
    fn a_folder_leaves_nothing_behind() {
        let folder = Folder::new().unwrap();
        let beside = PathBuf::from(format!("{}beside", folder.path.display()));
        fs::write(folder.path.join("within"), "").unwrap();
        fs::write(&beside, "").unwrap();
        let path = folder.path.clone();
        let other = Folder::new().unwrap();
        drop(folder);
        assert!(!path.exists() && !beside.exists());
        assert!(other.path.exists());
    }
}
