//! The producers' processes.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mapring::Peer;
use mapring::mpsc::Observer;

use crate::demo::wait::PATIENCE;
use crate::other_process::{OtherProcess, this_program};

/// Between two looks at a process.
const LOOK_EVERY: Duration = Duration::from_millis(1);
const SIGKILL: i32 = 9;

/// The producers, by number.
pub(super) struct Processes(Vec<OtherProcess>);

impl Processes {
    /// Starts all of them; each waits for [`Processes::go`], and then sends for `time`.
    pub(super) fn start(name: &str, count: u32, time: Duration) -> Result<Self> {
        let mut processes = Self(Vec::new());
        for number in 0..count {
            let mut command = this_program()?;
            command
                .args(["demo-producer", name])
                .arg(format!("--number={number}"))
                .arg(format!("--seconds={}", time.as_secs_f64()))
                .stdin(Stdio::piped());
            processes.0.push(OtherProcess::start(&mut command)?);
        }
        Ok(processes)
    }

    /// Waits until all have taken their roles. Returns their slots.
    pub(super) fn wait_until_attached(&mut self, observer: &Observer) -> Result<Vec<usize>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let peers = observer.producers()?;
            let slot_of = |process: &OtherProcess| {
                let pid = process.pid();
                let is_it = |(peer, _): &(Peer, _)| *peer == Peer::Attached { pid };
                peers.iter().position(is_it)
            };
            if let Some(slots) = self.0.iter().map(slot_of).collect() {
                return Ok(slots);
            }
            for process in &mut self.0 {
                if let Some(status) = process.0.try_wait()? {
                    bail!("a producer ended early: {status}");
                }
            }
            ensure!(Instant::now() < deadline, "the producers do not start");
            thread::sleep(LOOK_EVERY);
        }
    }

    /// Lets all of them begin.
    pub(super) fn go(&mut self) -> Result<()> {
        for process in &mut self.0 {
            let stdin = process
                .0
                .stdin
                .as_mut()
                .context("a producer has no input")?;
            stdin.write_all(b"g").context("a producer is gone")?;
        }
        Ok(())
    }

    pub(super) fn pid(&self, number: u32) -> u32 {
        self.0[number as usize].pid()
    }

    /// Kills one of them, and returns its process once that has ended.
    pub(super) fn kill(&mut self, number: u32) -> Result<u32> {
        let child = &mut self.0[number as usize].0;
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
        for (number, process) in self.0.iter_mut().enumerate() {
            let status = process.wait_for_end(PATIENCE)?;
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
