//! `mapring recv`.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use mapring::spsc::Consumer;
use mapring::{Peer, RecvError, TryRecvError};

use crate::args::{RecvArgs, RegionArgs};
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::region::{Place, is_past};

/// Written out when so much is there, or when there is no more for now.
const WRITE_SIZE: usize = 256 << 10;
/// Longest batch, in records.
const BATCH: usize = 512;
/// Between two looks whether a sender has come.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Receives until the sender has left.
pub(crate) fn run(args: &RecvArgs) -> Result<()> {
    let region = &args.region;
    let place = match (&args.name, &region.at) {
        (_, Some(path)) => Place::Path(path.clone()),
        (Some(name), None) => Place::Name(name.clone()),
        (None, None) => unreachable!("clap asks for one of them"),
    };
    let interrupt = Interrupt::catch()?;
    let ring = region.create_or_open(&place)?;
    // Before this receiver shows itself: after, a sender may come and go at any time.
    let has_past_sender = is_past(ring.observer()?.producer()?);
    let output = Output::open(args.output.as_deref())?;
    let is_on_terminal = output.file.is_terminal();
    let mut receiving = Receiving {
        consumer: ring.consumer()?,
        region,
        interrupt,
        output,
        progress: Progress::new("received", None, region.quiet, is_on_terminal),
    };
    if has_past_sender {
        receiving.wait_for_sender()?;
    }
    receiving.receive_all()?;
    receiving.progress.finish();
    Ok(())
}

struct Receiving<'a> {
    consumer: Consumer,
    region: &'a RegionArgs,
    interrupt: Interrupt,
    output: Output,
    progress: Progress,
}

impl Receiving<'_> {
    /// The sender of an earlier transfer is gone, and has left nothing behind; another one
    /// will come. What it did leave behind is received, with its end.
    fn wait_for_sender(&mut self) -> Result<()> {
        let deadline = self.region.deadline();
        loop {
            match self.consumer.wait(Duration::ZERO) {
                Ok(()) => return Ok(()),
                Err(RecvError::TimedOut | RecvError::Disconnected | RecvError::PeerDied { .. }) => {
                }
                Err(error) => return Err(error.into()),
            }
            // It cannot be missed: a sender sends something, and waits until that is released.
            if matches!(self.consumer.producer()?, Peer::Attached { .. }) {
                return Ok(());
            }
            if deadline.has_passed() {
                return Err(RecvError::TimedOut).context("no sender came");
            }
            self.interrupt.check()?;
            thread::sleep(LOOK_EVERY);
        }
    }

    fn receive_all(&mut self) -> Result<()> {
        loop {
            match self.drain()? {
                Ok(()) if self.output.buffer.len() < WRITE_SIZE => continue,
                Ok(()) => self.output.write_out()?,
                Err(end) => {
                    self.output.write_out()?;
                    match end {
                        TryRecvError::Empty => {}
                        TryRecvError::Disconnected => return Ok(()),
                        error => return Err(error.into()),
                    }
                    if !self.wait_for_record()? {
                        return Ok(());
                    }
                }
            }
            self.interrupt.check()?;
            self.progress.show();
        }
    }

    /// Waits for more to receive; false if there will be none.
    fn wait_for_record(&mut self) -> Result<bool> {
        let timeout = self.region.timeout;
        let found = self.interrupt.wait(timeout, &RecvError::TimedOut, |slice| {
            self.consumer.wait(slice)
        });
        match found {
            Ok(()) => Ok(true),
            Err(error) if error.downcast_ref() == Some(&RecvError::Disconnected) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Moves a batch of records to the output's buffer, until that is full. Writing fails only
    /// where the sender asks for it with an empty record, and then that record is not released.
    fn drain(&mut self) -> Result<Result<(), TryRecvError>> {
        let Self {
            consumer,
            output,
            progress,
            ..
        } = self;
        let mut failure = None;
        let drained = consumer.drain_while(BATCH, |record| {
            if output.buffer.len() >= WRITE_SIZE {
                return false;
            }
            if !record.is_empty() {
                record.append_to(&mut output.buffer);
                progress.count(record.len());
            } else if let Err(error) = output.write_out() {
                failure = Some(error);
            }
            failure.is_none()
        });
        match failure {
            Some(error) => Err(error),
            None => Ok(drained.map(drop)),
        }
    }
}

/// Where payloads go, with those that are on their way.
struct Output {
    file: File,
    buffer: Vec<u8>,
}

impl Output {
    fn open(path: Option<&Path>) -> Result<Self> {
        let file = match path {
            Some(path) => {
                File::create(path).with_context(|| format!("cannot create {}", path.display()))?
            }
            // Not through `io::Stdout`, which looks for newlines.
            None => File::from(io::stdout().as_fd().try_clone_to_owned()?),
        };
        Ok(Self {
            file,
            buffer: Vec::new(),
        })
    }

    fn write_out(&mut self) -> Result<()> {
        self.file
            .write_all(&self.buffer)
            .context("cannot write the output")?;
        self.buffer.clear();
        Ok(())
    }
}
