//! What the tests share: names that clean up after themselves, and child processes.
//!
//! A child process is this same test program, told to run one test only: one that
//! plays a *role*. Such a test takes its arguments from [`role`], and returns at once
//! when there are none, which is how an ordinary test run passes over it.

// Each test program uses its own part of this.
#![allow(dead_code)]

pub(crate) mod claimant;
pub(crate) mod deadly;
pub(crate) mod gates;
pub(crate) mod memory_group;
pub(crate) mod mirage;
pub(crate) mod scribble;
pub(crate) mod seccomp;
pub(crate) mod sequence;
pub(crate) mod shelf;
pub(crate) mod sleepy;
pub(crate) mod target;
pub(crate) mod traced;

use std::env;
use std::fmt::Display;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::ops::Deref;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{self, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

/// No wait of a test is longer; it is generous, for slow machines.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Holds the arguments of a role.
const ARGUMENTS: &str = "MAPRING_TEST_ARGUMENTS";
/// Stands before what a child says, to tell it from what the test harness prints.
const MARK: &str = "@child: ";

/// The name of a region that no other test uses. Its file is deleted when this is dropped.
#[derive(Debug)]
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn new(test: &str) -> Self {
        Self(format!("test-{test}-{}", process::id()))
    }

    /// The region's file.
    pub(crate) fn path(&self) -> PathBuf {
        Path::new("/dev/shm").join(format!("mapring.{}", self.0))
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        // It should be gone already; a test that failed may have left it.
        let _ = fs::remove_file(self.path());
    }
}

/// A directory in memory, deleted when it is dropped.
pub(crate) fn directory() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("mapring-test-")
        .tempdir_in("/dev/shm")
        .expect("a directory in /dev/shm")
}

/// The names of the files in `directory`, sorted.
pub(crate) fn files_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory that can be listed");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.into_string().expect("a name in UTF-8"))
        .collect();
    names.sort();
    names
}

/// The arguments of the role that this process plays, or `None` in an ordinary test run.
pub(crate) fn role() -> Option<Vec<String>> {
    let arguments = env::var(ARGUMENTS).ok()?;
    Some(arguments.split('\n').map(str::to_owned).collect())
}

/// In a role: says a line to the parent.
pub(crate) fn say(line: impl Display) {
    let mut out = std::io::stdout().lock();
    // The parent may be gone, and then nobody minds.
    let _ = writeln!(out, "{MARK}{line}");
    let _ = out.flush();
}

/// In a role: waits for a line from the parent. `None` when there will be no more.
pub(crate) fn hear() -> Option<String> {
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim_end().to_owned()),
    }
}

/// A process that plays a role. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Child {
    process: process::Child,
    /// `None` once there is no more to say.
    input: Option<ChildStdin>,
    said: Receiver<String>,
}

impl Child {
    /// Starts the role played by the test called `role`.
    pub(crate) fn start(role: &str, arguments: &[&str]) -> Self {
        let program = env::current_exe().expect("the path of this program");
        Self::start_by(Command::new(program), role, arguments)
    }

    /// As [`Child::start`], by a command that ends with the path of this program.
    pub(crate) fn start_by(mut command: Command, role: &str, arguments: &[&str]) -> Self {
        // One thread: one for the test that is the role, next to that of the harness.
        let mut process = command
            .args(["--exact", role, "--nocapture", "--test-threads=1"])
            .env(ARGUMENTS, arguments.join("\n"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child process");
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().expect("its output"));
        let (sender, said) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some((_, line)) = line.split_once(MARK) {
                    // Nobody listens once the child is dropped.
                    let _ = sender.send(line.to_owned());
                }
            }
        });
        Self {
            process,
            input,
            said,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What it says next.
    pub(crate) fn line(&self) -> String {
        let line = self.said.recv_timeout(DEADLINE);
        line.unwrap_or_else(|error| panic!("the child says nothing: {error}"))
    }

    /// What it says next, or `None` when it says nothing for so long, or has ended.
    pub(crate) fn line_within(&self, time: Duration) -> Option<String> {
        self.said.recv_timeout(time).ok()
    }

    /// Waits until it says exactly `line`.
    #[track_caller]
    pub(crate) fn expect(&self, line: &str) {
        assert_eq!(self.line(), line);
    }

    /// Says a line to it.
    pub(crate) fn tell(&mut self, line: &str) {
        let input = self.input.as_mut().expect("a child that listens");
        writeln!(input, "{line}").expect("a child that is there");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.process);
        rustix::process::kill_process(pid, signal).expect("a child that has not been waited for");
    }

    /// Kills it, and fails if it had ended before.
    #[track_caller]
    pub(crate) fn kill(mut self) {
        self.process.kill().expect("a child");
        let status = self.process.wait().expect("its status");
        let killed = status.signal() == Some(Signal::KILL.as_raw());
        assert!(killed, "the child ended by itself: {status}");
    }

    /// As [`Child::finish`], until `end`.
    #[track_caller]
    pub(crate) fn finish_by(mut self, end: Instant) {
        let status = self.status_by(end);
        assert!(status.success(), "the child failed: {status}");
    }

    /// Says no more to it, and waits for its end, which must be a good one.
    #[track_caller]
    pub(crate) fn finish_listening(mut self) {
        drop(self.input.take());
        self.finish();
    }

    /// How it ended, if it does so within a second.
    pub(crate) fn status_now(&mut self) -> Option<ExitStatus> {
        let end = Instant::now() + Duration::from_secs(1);
        loop {
            let status = self.process.try_wait().expect("a child");
            if status.is_some() || Instant::now() >= end {
                return status;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for its end, which must be a good one.
    #[track_caller]
    pub(crate) fn finish(self) {
        self.finish_by(Instant::now() + DEADLINE);
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn status(&mut self) -> ExitStatus {
        self.status_by(Instant::now() + DEADLINE)
    }

    #[track_caller]
    fn status_by(&mut self, end: Instant) -> ExitStatus {
        loop {
            if let Some(status) = self.process.try_wait().expect("a child") {
                return status;
            }
            assert!(Instant::now() < end, "the child does not end");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until `is_done`.
#[track_caller]
pub(crate) fn wait_until(mut is_done: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !is_done() {
        assert!(Instant::now() < end, "it does not come about");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Random numbers whose seed can be given again: `MAPRING_SEED`.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Seeded by the environment or else by the clock. The seed is printed, which shows when the
    /// test fails.
    pub(crate) fn new() -> Self {
        let given = env::var("MAPRING_SEED").ok();
        let seed = given.map_or_else(
            || {
                let now = std::time::SystemTime::UNIX_EPOCH.elapsed();
                now.expect("a clock after 1970").as_nanos() as u64
            },
            |seed| seed.parse().expect("MAPRING_SEED is a number"),
        );
        println!("MAPRING_SEED={seed}");
        Self(seed | 1)
    }

    /// The numbers that this seed gives.
    pub(crate) fn with_seed(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `limit` (xorshift64*).
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % limit
    }
}

/// A number from the environment, for runs longer than the default.
pub(crate) fn count(variable: &str, default: u32) -> u32 {
    env::var(variable).map_or(default, |count| {
        count
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is a number"))
    })
}

/// In a role: runs `child` in a forked process, which ends with the code that it returns
/// (101 after a panic), and waits for it.
///
/// It ends by ending its only thread, which is one system call and runs no handlers.
pub(crate) fn fork(child: impl FnOnce() -> i32) -> WaitStatus {
    wait_for(fork_and_go_on(child))
}

fn wait_for(forked: Pid) -> WaitStatus {
    let waited = rustix::process::waitpid(Some(forked), WaitOptions::empty());
    let (_, status) = waited.expect("a child").expect("its status");
    status
}

/// As [`fork`], without waiting.
pub(crate) fn fork_and_go_on(child: impl FnOnce() -> i32) -> Pid {
    // SAFETY: the only other thread of a process that plays a role is that of the test harness, which
    // waits for this one and holds no lock meanwhile; so the child, which lacks it, lacks nothing.
    let forked = unsafe { libc::fork() };
    if forked == 0 {
        // A panic must not run on into the harness, which belongs to the parent.
        let code = catch_unwind(AssertUnwindSafe(child)).unwrap_or(101);
        // SAFETY: it ends the thread, and with it the process, of which it is the only one.
        unsafe { libc::syscall(libc::SYS_exit, code) };
    }
    Pid::from_raw(forked).expect("a fork")
}

/// Waits for the end of a forked process, which must be either its death or a good one.
#[track_caller]
pub(crate) fn has_died(child: Pid) -> bool {
    let status = wait_for(child);
    let died = status.terminating_signal() == Some(libc::SIGKILL);
    assert!(died || status.exit_status() == Some(0), "{status:?}");
    died
}
