//! Starts the command, feeds it, and never waits for it without end.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdin, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Nothing here takes so long, unless something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A name of a ring that no other test, and no other run of it, uses.
pub(crate) fn unique(test: &str) -> String {
    format!("cli-test-{}-{test}", process::id())
}

/// The file of a named ring.
pub(crate) fn shared_file(name: &str) -> PathBuf {
    Path::new("/dev/shm").join(format!("mapring.{name}"))
}

/// Waits until `condition` holds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "{what} did not happen");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until the ring `name` is there.
pub(crate) fn wait_for_ring(name: &str) {
    eventually("a ring", || shared_file(name).exists());
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
    pub(crate) fn start<A: AsRef<std::ffi::OsStr>>(arguments: &[A], input: &[u8]) -> Self {
        let (tool, mut stdin) = Self::start_open(arguments);
        let input = input.to_vec();
        // Whether the tool reads all of it is its own affair.
        thread::spawn(move || stdin.write_all(&input));
        tool
    }

    /// Runs `mapring` with `arguments`, and hands out the other end of its standard input.
    pub(crate) fn start_open<A: AsRef<std::ffi::OsStr>>(arguments: &[A]) -> (Self, ChildStdin) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mapring"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the tool starts");
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

fn read_all(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What could be read until an error is what a user would have seen.
        let _ = from.read_to_end(&mut bytes);
        bytes
    })
}

/// Deletes what a failed test leaves in `/dev/shm`, and says whether there was something.
pub(crate) fn is_left_over(name: &str) -> bool {
    fs::remove_file(shared_file(name)).is_ok()
}
