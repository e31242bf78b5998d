//! The rings to and from the other process, and that process.

use std::fs;
use std::os::fd::AsRawFd;
use std::process::{self, Stdio};
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use mapring::spsc::{Consumer, Options, Producer, Ring};
use mapring::{RecvError, WaitStrategy};
use mapring_limits::{FutexPingPong, PingPong};

use crate::other_process::{OtherProcess, this_program};

use super::message::{LONGEST, READY, REPORT, Report};
use super::wait::{LOOK_EVERY, PATIENCE};

/// Bytes of each ring.
const CAPACITY: u64 = 1 << 20;

/// The ring to the other process is called so after the common part of the names.
pub(crate) const THERE: &str = "there";
/// The ring from the other process is called so after the common part of the names.
pub(crate) const BACK: &str = "back";

/// As `THERE`, for round trips only. What streamed before has left its ring at some odd place,
/// where each record of a round trip would lie on two cache lines.
pub(crate) const PING: &str = "ping";
/// As `BACK`, for round trips only.
pub(crate) const PONG: &str = "pong";

/// This process's ends, and the other process.
pub(crate) struct Link {
    // First, so that it is dropped first: then this process is the rings' last user.
    pub(crate) other: OtherProcess,
    pub(crate) there: Producer,
    pub(crate) back: Consumer,
    pub(crate) ping: Producer,
    pub(crate) pong: Consumer,
    pub(crate) raw: PingPong,
    pub(crate) futexes: FutexPingPong,
}

impl Link {
    /// Starts the other process and waits until it is ready.
    pub(crate) fn start(cores: Option<(usize, usize)>) -> Result<Self> {
        let since_1970 = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let name = format!("demo-{}-{}", process::id(), since_1970.as_nanos());
        let (there, back) = (create(&name, THERE)?, create(&name, BACK)?);
        let (ping, pong) = (create(&name, PING)?, create(&name, PONG)?);
        let file = mapring_limits::shared_file(PingPong::SIZE)?;
        let raw = PingPong::new(&file)?;
        // This one the other process opens as one of this process's files, before it is ready.
        let file_of_futexes = mapring_limits::shared_file(FutexPingPong::SIZE)?;
        let futexes = FutexPingPong::new(&file_of_futexes)?;
        let path = format!("/proc/{}/fd/{}", process::id(), file_of_futexes.as_raw_fd());
        let mut command = this_program()?;
        command.args(["demo-peer", &name, "--futexes", &path]);
        command.stdin(Stdio::from(file));
        if let Some((_, core)) = cores {
            command.arg(format!("--core={core}"));
        }
        let mut link = Self {
            other: OtherProcess::start(&mut command)?,
            there: there.producer()?,
            back: back.consumer()?,
            ping: ping.producer()?,
            pong: pong.consumer()?,
            raw,
            futexes,
        };
        // Who polls does not wait in a blocking call, so this is for the others.
        link.pong.set_wait_strategy(WaitStrategy::LowCpu);
        // After the start, because a child inherits where its parent may run.
        if let Some((core, _)) = cores {
            mapring_limits::pin(core).with_context(|| format!("cannot run on core {core}"))?;
        }
        link.answer(READY)?;
        // Both have the rings. Without their names, nothing stays when both are killed together,
        // as an interrupt from the terminal does.
        for ring in [there, back, ping, pong] {
            fs::remove_file(ring.path()).context("cannot remove a ring's name")?;
        }
        Ok(link)
    }

    /// Waits for the report on a stream.
    pub(crate) fn report(&mut self) -> Result<Report> {
        Report::from_bytes(&self.answer(REPORT)?)
    }

    fn answer(&mut self, tag: u32) -> Result<Vec<u8>> {
        let deadline = Instant::now() + PATIENCE;
        let mut payload = Vec::new();
        loop {
            match self.back.recv(&mut payload, LOOK_EVERY) {
                Ok(received) if received.tag == tag => return Ok(payload),
                Ok(received) => bail!("the other process said {}, not {tag}", received.tag),
                Err(RecvError::TimedOut) if Instant::now() < deadline => {}
                Err(error) => return Err(error).context("the other process did not answer"),
            }
            // It may have ended before it opened the ring, which then knows nothing of it.
            if let Some(status) = self.other.0.try_wait()? {
                bail!("the other process ended early: {status}");
            }
        }
    }

    /// Leaves, and waits until the other process has ended too.
    pub(crate) fn finish(self) -> Result<()> {
        let Self {
            there,
            back,
            mut other,
            ..
        } = self;
        drop((there, back));
        let status = other.wait_for_end(PATIENCE)?;
        ensure!(status.success(), "the other process failed: {status}");
        Ok(())
    }
}

fn create(name: &str, direction: &str) -> Result<Ring> {
    let options = Options::new()
        .capacity(CAPACITY)
        .max_payload(LONGEST as u64)
        .prefault(true);
    Ok(options.create(&format!("{name}-{direction}"))?)
}
