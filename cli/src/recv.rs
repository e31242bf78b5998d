//! `mapring recv`.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use mapring::generic::{Consumer, Mpsc, Observer, Spsc};
use mapring::{RecvError, TryRecvError};

use crate::args::{RecvArgs, RegionArgs};
use crate::deaths::Deaths;
use crate::interrupt::Interrupt;
use crate::kind::Kind;
use crate::progress::Progress;
use crate::region::{Place, is_past, is_there};

/// Written out when so much is there, or when there is no more for now.
const WRITE_SIZE: usize = 256 << 10;
/// Longest batch, in records.
const BATCH: usize = 512;
/// Between two looks whether a sender has come.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Receives until the sender has left, or where there are many, until none is left.
pub(crate) fn run(args: &RecvArgs) -> Result<()> {
    if args.region.mpsc {
        receive::<Mpsc>(args)
    } else {
        receive::<Spsc>(args)
    }
}

fn receive<P: Kind>(args: &RecvArgs) -> Result<()> {
    let region = &args.region;
    let place = Place::new(args.name.as_ref(), region.at.as_ref());
    let interrupt = Interrupt::catch()?;
    let ring = region.create_or_open::<P>(&place)?;
    let observer = ring.observer()?;
    // Before this receiver shows itself: after, a sender may come and go at any time.
    let deaths = Deaths::since_now(&observer)?;
    let is_between_senders = are_past(&observer)?;
    let output = Output::open(args.output.as_deref())?;
    let is_on_terminal = output.file.is_terminal();
    let mut consumer = ring.consumer()?;
    consumer.set_wait_strategy(region.wait.value);
    let mut receiving = Receiving {
        consumer,
        observer,
        deaths,
        region,
        interrupt,
        output,
        progress: Progress::new("received", None, region.quiet, is_on_terminal),
    };
    if is_between_senders {
        receiving.wait_for_sender()?;
        if ring.producers() == 1 {
            receiving.deaths.forget_earlier();
        }
    }
    receiving.receive_all()?;
    receiving.deaths.check()?;
    receiving.progress.finish();
    Ok(())
}

/// Whether there were senders, and none is left.
fn are_past<P: Kind>(observer: &Observer<P>) -> Result<bool> {
    let senders = P::senders(observer)?;
    let mut peers = senders.iter().map(|(peer, _)| *peer);
    Ok(peers.clone().any(is_past) && !peers.any(is_there))
}

struct Receiving<'a, P: Kind> {
    consumer: Consumer<P>,
    observer: Observer<P>,
    deaths: Deaths,
    region: &'a RegionArgs,
    interrupt: Interrupt,
    output: Output,
    progress: Progress,
}

impl<P: Kind> Receiving<'_, P> {
    /// The senders of an earlier transfer are gone, and have left nothing behind; another one
    /// will come. What they did leave behind is received, with its end.
    fn wait_for_sender(&mut self) -> Result<()> {
        let deadline = self.region.deadline();
        loop {
            match self.consumer.wait(Duration::ZERO) {
                Ok(()) => return Ok(()),
                Err(RecvError::TimedOut | RecvError::Disconnected | RecvError::PeerDied { .. }) => {
                }
                Err(error) => return Err(error.into()),
            }
            if self.note_repairs() {
                return Ok(());
            }
            // It cannot be missed: a sender sends something, and waits until that is released.
            if !are_past(&self.observer)? {
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
                        TryRecvError::Disconnected => break,
                        error => return Err(error.into()),
                    }
                    if !self.wait_for_record()? {
                        break;
                    }
                }
            }
            self.interrupt.check()?;
            self.progress.show();
        }
        self.note_repairs();
        self.deaths.look(&self.observer)
    }

    /// Says what dead senders have left unfinished; true if there was something.
    fn note_repairs(&mut self) -> bool {
        let repairs = P::repairs(&mut self.consumer);
        for repair in &repairs {
            self.deaths.add(repair.pid);
            self.progress.say(&format!(
                "process {} died with {} bytes claimed at position {}, which were skipped",
                repair.pid, repair.size, repair.position
            ));
        }
        !repairs.is_empty()
    }

    /// Waits for more to receive; false if there will be none.
    fn wait_for_record(&mut self) -> Result<bool> {
        let timeout = self.region.timeout;
        let found = self.interrupt.wait(timeout, &RecvError::TimedOut, |slice| {
            self.consumer.wait(slice)
        });
        self.note_repairs();
        let Err(error) = found else {
            self.deaths.look_now_and_then(&self.observer)?;
            return Ok(true);
        };
        match error.downcast_ref() {
            Some(RecvError::Disconnected) => Ok(false),
            Some(RecvError::PeerDied { pid }) => {
                self.deaths.add_if_new(*pid);
                Ok(false)
            }
            Some(RecvError::TimedOut) => Err(match P::stalled(&self.observer) {
                Some(claim) => error.context(format!(
                    "process {} has not finished a record of {} bytes",
                    claim.pid, claim.size
                )),
                None => error,
            }),
            _ => Err(error),
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
