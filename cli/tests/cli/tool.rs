//! Starts the command, feeds it, and never waits for it without end.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write};
use std::ops::Deref;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdin, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Nothing here takes so long, unless something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The name of a ring that no other test, and no other run of it, uses. Its file is deleted
/// when this is dropped.
#[derive(Debug)]
pub(crate) struct Name(String);

impl Name {
    pub(crate) fn new(test: &str) -> Self {
        Self(format!("cli-test-{}-{test}", process::id()))
    }

    /// The ring's file.
    pub(crate) fn file(&self) -> PathBuf {
        Path::new("/dev/shm").join(format!("mapring.{}", self.0))
    }

    /// Waits until the ring is there.
    pub(crate) fn wait_for_ring(&self) {
        eventually("a ring", || self.file().exists());
    }

    /// Whether the ring is still there.
    pub(crate) fn is_left_over(&self) -> bool {
        self.file().exists()
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
        let _ = fs::remove_file(self.file());
    }
}

/// Waits until `condition` holds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "{what} did not happen");
        thread::sleep(Duration::from_millis(2));
    }
}

/// What a process left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    /// `None` when it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Finished {
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stderr: {}", self.stderr);
        self
    }
}

/// The command, running. It is killed when a test ends before it.
pub(crate) struct Tool {
    child: Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

impl Tool {
    /// Runs `mapring` with `arguments`, and with `input` as its standard input.
    pub(crate) fn start<A: AsRef<OsStr>>(arguments: &[A], input: &[u8]) -> Self {
        let (tool, stdin) = Self::start_open(arguments);
        feed(stdin, input);
        tool
    }

    /// Runs `mapring` with `arguments`, and hands out the other end of its standard input.
    pub(crate) fn start_open<A: AsRef<OsStr>>(arguments: &[A]) -> (Self, ChildStdin) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mapring"));
        command.args(arguments);
        Self::spawn(command)
    }

    /// Runs `command`, and hands out the other end of its standard input.
    pub(crate) fn spawn(mut command: Command) -> (Self, ChildStdin) {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // SAFETY: the closure is safe to run between fork and exec: it makes system calls only,
        // neither allocates nor locks, and touches no memory of the parent.
        unsafe { command.pre_exec(stop_ignoring_signals) };
        let mut child = command.spawn().expect("the tool starts");
        let stdin = child.stdin.take().expect("it has a standard input");
        let stdout = read_all(child.stdout.take().expect("it has a standard output"));
        let stderr = read_all(child.stderr.take().expect("it has a standard error"));
        let tool = Self {
            child,
            stdout: Some(stdout),
            stderr: Some(stderr),
        };
        (tool, stdin)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// As a user's `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
    }

    /// As a user's Ctrl-C, for one.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it can be sent a signal");
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Finished {
        let start = Instant::now();
        while self.is_running() {
            assert!(start.elapsed() < PATIENCE, "the tool hangs");
            thread::sleep(Duration::from_millis(2));
        }
        let status = self.child.wait().expect("it can be reaped");
        let collect = |from: Option<JoinHandle<Vec<u8>>>| {
            from.expect("read once").join().expect("it can be read")
        };
        Finished {
            code: status.code(),
            stdout: collect(self.stdout.take()),
            stderr: String::from_utf8_lossy(&collect(self.stderr.take())).into_owned(),
        }
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A tool that is started to ignore signals goes on doing so, and the tests may have been
/// started like that themselves, in the background for one.
fn stop_ignoring_signals() -> io::Result<()> {
    for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGTERM] {
        // SAFETY: the default action is not a function, which could be unsound to call.
        let previous = unsafe { libc::signal(signal, libc::SIG_DFL) };
        if previous == libc::SIG_ERR {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Writes all of `input`, and then ends it. Whether a tool reads all of it is its own affair.
pub(crate) fn feed(mut stdin: ChildStdin, input: &[u8]) {
    let input = input.to_vec();
    thread::spawn(move || stdin.write_all(&input));
}

fn read_all(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What could be read until an error is what a user would have seen.
        let _ = from.read_to_end(&mut bytes);
        bytes
    })
}
