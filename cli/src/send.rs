//! `mapring send`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::error::ErrorKind;
use mapring::generic::{Mpsc, Observer, Producer, Spsc};
use mapring::{Deadline, SendError, TrySendError};

use crate::args::{RegionArgs, SendArgs};
use crate::interrupt::Interrupt;
use crate::kind::Kind;
use crate::progress::Progress;
use crate::region::{Place, is_past, is_there};

/// Length of a record when nobody says otherwise.
const DEFAULT_CHUNK: usize = 4096;
/// Read at once.
const READ_SIZE: usize = 256 << 10;
/// Between two looks whether a receiver has come, or left.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// A receiver that has everything leaves long before that, unless it waits for more.
const RECEIVER_LEAVES_WITHIN: Duration = Duration::from_secs(1);

/// Sends the input; only when the receiver has written out all of it does this succeed.
pub(crate) fn run(args: SendArgs) -> Result<()> {
    if args.region.mpsc {
        send::<Mpsc>(args)
    } else {
        send::<Spsc>(args)
    }
}

fn send<P: Kind>(args: SendArgs) -> Result<()> {
    let (place, file) = place_and_file(args.name, args.file, args.region.at.clone());
    let (input, size) = open_input(&file)?;
    let is_typed = size.is_none() && input.is_terminal();
    let interrupt = Interrupt::catch()?;
    let ring = args.region.create_or_open::<P>(&place)?;
    let split = Split::new(args.lines, args.chunk, ring.max_payload())?;
    let observer = ring.observer()?;
    let has_past_receiver = is_past(observer.consumer()?);
    let mut producer = ring.producer()?;
    producer.set_wait_strategy(args.region.wait.value);
    let mut sending = Sending {
        producer,
        observer: &observer,
        tag: args.tag,
        region: &args.region,
        interrupt: &interrupt,
        progress: Progress::new("sent", size, args.region.quiet, is_typed),
    };
    let input = Input {
        file: input,
        interrupt: &interrupt,
    };
    let sent = sending.send_all(
        BufReader::with_capacity(READ_SIZE, input),
        split,
        has_past_receiver,
    );
    let Sending {
        producer, progress, ..
    } = sending;
    if let Err(error) = sent {
        // Not in good order, or the receiver would take what it got for the whole.
        producer.abandon();
        return Err(error);
    }
    progress.finish();
    drop(producer);
    wait_until_receiver_leaves(&observer, &interrupt);
    Ok(())
}

/// The receiver should see that this transfer is over before the next sender comes: it would
/// take the next transfer for a part of this one. But it may also be a program that stays; and
/// where there are many senders, it stays as long as one of them is there.
fn wait_until_receiver_leaves<P: Kind>(observer: &Observer<P>, interrupt: &Interrupt) {
    let deadline = Deadline::from(RECEIVER_LEAVES_WITHIN);
    let is_last = || {
        let senders = P::senders(observer);
        senders.is_ok_and(|senders| !senders.iter().any(|(peer, _)| is_there(*peer)))
    };
    while observer.consumer().is_ok_and(is_there)
        && is_last()
        && !deadline.has_passed()
        && interrupt.check().is_ok()
    {
        thread::sleep(LOOK_EVERY);
    }
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

/// The input, which can be interrupted.
struct Input<'a> {
    file: File,
    interrupt: &'a Interrupt,
}

impl Read for Input<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.interrupt.wait_until_readable(&self.file)?;
        self.file.read(into)
    }
}

struct Sending<'a, P: Kind> {
    producer: Producer<P>,
    observer: &'a Observer<P>,
    tag: u32,
    region: &'a RegionArgs,
    interrupt: &'a Interrupt,
    progress: Progress,
}

impl<P: Kind> Sending<'_, P> {
    fn send_all(
        &mut self,
        mut input: BufReader<Input<'_>>,
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
            let read = split.next(&mut input, number, &mut record);
            self.interrupt.check()?;
            read.context("cannot read the input")?;
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
        while !is_there(self.producer.consumer()?) {
            if deadline.has_passed() {
                return Err(SendError::TimedOut).context("no receiver came");
            }
            self.interrupt.check()?;
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    #[inline]
    fn send(&mut self, payload: &[u8]) -> Result<()> {
        match self.producer.try_send(self.tag, payload) {
            Err(TrySendError::Full) => {}
            sent => {
                sent?;
                return Ok(());
            }
        }
        let tag = self.tag;
        self.wait_while_read(|producer, slice| producer.send(tag, payload, slice).map(drop))
    }

    /// Waits until all is released.
    fn flush(&mut self) -> Result<()> {
        self.wait_while_read(Producer::flush)
    }

    /// Waits, and gives up only when nothing was released for the whole timeout.
    fn wait_while_read(
        &mut self,
        mut wait: impl FnMut(&mut Producer<P>, Duration) -> Result<(), SendError>,
    ) -> Result<()> {
        let Self {
            producer, observer, ..
        } = self;
        loop {
            let before = observer.head();
            let timeout = self.region.timeout;
            let waited = self
                .interrupt
                .wait(timeout, &SendError::TimedOut, |slice| wait(producer, slice));
            let Err(error) = waited else { return Ok(()) };
            let is_timed_out = error.downcast_ref() == Some(&SendError::TimedOut);
            if !is_timed_out || observer.head() == before {
                return Err(error);
            }
        }
    }
}
