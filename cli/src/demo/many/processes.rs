//! The producers' processes.

use std::env;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mapring::Peer;
use mapring::mpsc::Observer;

use crate::demo::wait::PATIENCE;

/// Between two looks at a process.
const LOOK_EVERY: Duration = Duration::from_millis(1);
const SIGKILL: i32 = 9;

/// The producers, by number. Killed, if need be, and reaped when this is dropped.
pub(super) struct Processes(Vec<Child>);

impl Processes {
    /// Starts all of them; each waits for [`Processes::go`], and then sends for `time`.
    pub(super) fn start(name: &str, count: u32, time: Duration) -> Result<Self> {
        let program = env::current_exe().context("cannot find this program")?;
        let mut processes = Self(Vec::new());
        for number in 0..count {
            let mut command = Command::new(&program);
            command
                .args(["demo-producer", name])
                .arg(format!("--number={number}"))
                .arg(format!("--seconds={}", time.as_secs_f64()))
                .stdin(Stdio::piped());
            let child = command.spawn().context("cannot start another process")?;
            processes.0.push(child);
        }
        Ok(processes)
    }

    /// Waits until all have taken their roles. Returns their slots.
    pub(super) fn wait_until_attached(&mut self, observer: &Observer) -> Result<Vec<usize>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let peers = observer.producers()?;
            let slot_of = |child: &Child| {
                let pid = child.id();
                let is_it = |(peer, _): &(Peer, _)| *peer == Peer::Attached { pid };
                peers.iter().position(is_it)
            };
            if let Some(slots) = self.0.iter().map(slot_of).collect() {
                return Ok(slots);
            }
            for child in &mut self.0 {
                if let Some(status) = child.try_wait()? {
                    bail!("a producer ended early: {status}");
                }
            }
            ensure!(Instant::now() < deadline, "the producers do not start");
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Lets all of them begin.
    pub(super) fn go(&mut self) -> Result<()> {
        for child in &mut self.0 {
            let stdin = child.stdin.as_mut().context("a producer has no input")?;
            stdin.write_all(b"g").context("a producer is gone")?;
        }
        Ok(())
    }

    pub(super) fn pid(&self, number: u32) -> u32 {
        self.0[number as usize].id()
    }

    /// Kills one of them, and returns its process once that has ended.
    pub(super) fn kill(&mut self, number: u32) -> Result<u32> {
        let child = &mut self.0[number as usize];
        child.kill().context("cannot kill a producer")?;
        let status = child.wait()?;
        ensure!(
            is_killed(status),
            "the producer to be killed ended by itself: {status}"
        );
        Ok(child.id())
    }

    /// Waits for the end of all; only that of `killed` may be a bad one.
    pub(super) fn finish(&mut self, killed: u32) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        for (number, child) in self.0.iter_mut().enumerate() {
            let status = loop {
                if let Some(status) = child.try_wait()? {
                    break status;
                }
                ensure!(Instant::now() < deadline, "a producer does not end");
                thread::sleep(LOOK_EVERY);
            };
            let is_right = if number == killed as usize {
                is_killed(status)
            } else {
                status.success()
            };
            ensure!(is_right, "producer {} failed: {status}", number + 1);
        }
        Ok(())
    }
}

fn is_killed(status: ExitStatus) -> bool {
    status.signal() == Some(SIGKILL)
}

impl Drop for Processes {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // Both fail only when it has been reaped already, or cannot be helped.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
