//! `mapring send`.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::mem;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::error::ErrorKind;
use mapring::spsc::{Producer, Ring};
use mapring::{Peer, SendError, TrySendError};

use crate::args::{RegionArgs, SendArgs};
use crate::progress::Progress;
use crate::region::{Place, is_past};

/// Length of a record when nobody says otherwise.
const DEFAULT_CHUNK: usize = 4096;
/// Read at once.
const READ_SIZE: usize = 256 << 10;
/// Between two looks whether a receiver has come.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Sends the input; only when the receiver has written out all of it does this succeed.
pub(crate) fn run(args: SendArgs) -> Result<()> {
    let (place, file) = place_and_file(args.name, args.file, args.region.at.clone());
    let (input, size) = open_input(&file)?;
    let is_typed = size.is_none() && input.is_terminal();
    let ring = args.region.create_or_open(&place)?;
    let split = Split::new(args.lines, args.chunk, ring.max_payload())?;
    let has_past_receiver = is_past(ring.observer()?.consumer()?);
    let mut sending = Sending {
        producer: ring.producer()?,
        tag: args.tag,
        region: &args.region,
        progress: Progress::new("sent", size, args.region.quiet, is_typed),
    };
    let sent = sending.send_all(
        BufReader::with_capacity(READ_SIZE, input),
        split,
        has_past_receiver,
    );
    let Sending {
        producer, progress, ..
    } = sending;
    if sent.is_err() {
        abandon(&ring, producer, &place);
    } else {
        progress.finish();
    }
    sent
}

/// With `--at` there is no name, so the first argument is the file.
fn place_and_file(
    name: Option<String>,
    file: Option<PathBuf>,
    at: Option<PathBuf>,
) -> (Place, PathBuf) {
    let stdin = || PathBuf::from("-");
    match (name, at) {
        (Some(name), None) => (Place::Name(name), file.unwrap_or_else(stdin)),
        (first, Some(at)) => {
            if first.is_some() && file.is_some() {
                usage_error("give a NAME or --at PATH, not both");
            }
            (Place::Path(at), first.map_or_else(stdin, PathBuf::from))
        }
        (None, None) => usage_error("give a NAME or --at PATH"),
    }
}

fn usage_error(message: &str) -> ! {
    use clap::CommandFactory;
    crate::args::Args::command()
        .error(ErrorKind::ArgumentConflict, message)
        .exit()
}

/// The input, and how long it is, if that is known.
fn open_input(path: &Path) -> Result<(File, Option<u64>)> {
    let file = if path == Path::new("-") {
        File::from(io::stdin().as_fd().try_clone_to_owned()?)
    } else {
        File::open(path).with_context(|| format!("cannot open {}", path.display()))?
    };
    let metadata = file.metadata()?;
    let size = metadata.is_file().then_some(metadata.len());
    Ok((file, size))
}

/// How the input becomes records.
#[derive(Clone, Copy, Debug)]
enum Split {
    /// Lines with their newlines, of at most so many bytes.
    Lines { limit: usize },
    /// So many bytes each, the last one fewer.
    Chunks { size: usize },
}

impl Split {
    fn new(lines: bool, chunk: Option<u64>, limit: usize) -> Result<Self> {
        if lines {
            return Ok(Self::Lines { limit });
        }
        let size = match chunk {
            Some(size) => size,
            None => DEFAULT_CHUNK.min(limit) as u64,
        };
        if size == 0 || size > limit as u64 {
            bail!(
                "cannot send chunks of {size} bytes: the longest payload of this ring is {limit}"
            );
        }
        Ok(Self::Chunks {
            size: size as usize,
        })
    }

    /// Reads the next record, the `number`-th, into `record`, which stays empty at the end.
    fn next(self, input: &mut impl BufRead, number: u64, record: &mut Vec<u8>) -> Result<()> {
        record.clear();
        match self {
            Self::Chunks { size } => {
                input.take(size as u64).read_to_end(record)?;
            }
            Self::Lines { limit } => {
                // Never more than fits: the input may have no newline at all.
                input.take(limit as u64 + 1).read_until(b'\n', record)?;
                if record.len() > limit {
                    let mut length = record.len();
                    if record.last() != Some(&b'\n') {
                        length += input.skip_until(b'\n')?;
                    }
                    bail!(
                        "line {number} has {length} bytes, \
                         the longest payload of this ring is {limit} (see --max-payload)"
                    );
                }
            }
        }
        Ok(())
    }
}

struct Sending<'a> {
    producer: Producer,
    tag: u32,
    region: &'a RegionArgs,
    progress: Progress,
}

impl Sending<'_> {
    fn send_all(
        &mut self,
        mut input: BufReader<File>,
        split: Split,
        has_past_receiver: bool,
    ) -> Result<()> {
        if has_past_receiver {
            self.wait_for_receiver()?;
        }
        let mut record = Vec::new();
        for number in 1.. {
            if input.buffer().is_empty() {
                // The next record needs a read, which takes longer than a look at the clock.
                self.progress.show();
            }
            split
                .next(&mut input, number, &mut record)
                .context("cannot read the input")?;
            if record.is_empty() {
                break;
            }
            self.send(&record)?;
            self.progress.count(record.len());
        }
        // An empty record asks the receiver to write out what it has before it releases this one.
        // It also lets an empty input arrive.
        self.send(&[])?;
        self.flush().context("not everything was received")
    }

    /// The receiver of an earlier transfer is gone; another one will come.
    fn wait_for_receiver(&mut self) -> Result<()> {
        let deadline = self.region.deadline();
        while !matches!(self.producer.consumer()?, Peer::Attached { .. }) {
            if deadline.has_passed() {
                return Err(SendError::TimedOut).context("no receiver came");
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn send(&mut self, payload: &[u8]) -> Result<(), SendError> {
        match self.producer.try_send(self.tag, payload) {
            Ok(()) => Ok(()),
            // Only now is it worth a look at the clock.
            Err(TrySendError::Full) => {
                self.producer
                    .send(self.tag, payload, self.region.deadline())
            }
            Err(TrySendError::TooLong { len, limit }) => Err(SendError::TooLong { len, limit }),
            Err(TrySendError::Corrupt(corrupt)) => Err(corrupt.into()),
            Err(_) => Err(SendError::Forked),
        }
    }

    /// Waits until all is released, and gives up only when nothing was for the whole timeout.
    fn flush(&mut self) -> Result<()> {
        loop {
            let before = self.producer.len()?;
            match self.producer.flush(self.region.deadline()) {
                Err(SendError::TimedOut) if self.producer.len()? < before => {}
                result => return Ok(result?),
            }
        }
    }
}

/// Ends without leaving in good order, so that the receiver does not take what it got
/// for the whole: to it, this process has died.
fn abandon(ring: &Ring, mut producer: Producer, place: &Place) {
    let has_receiver = matches!(producer.consumer(), Ok(Peer::Attached { .. }));
    mem::forget(producer);
    if let (false, Place::Name(_)) = (has_receiver, place) {
        // Nobody else would delete it. A receiver that came a moment ago keeps the region it
        // has, and sees this process die; one that comes later waits for another sender.
        // Should this fail, the next user of the name replaces the region.
        let _ = fs::remove_file(ring.path());
    }
}
