//! Ways for single messages in one direction: through a ring, or with as little as is possible.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use mapring::spsc::{Consumer, Options, Producer};
use mapring::{RecvError, SendError, WaitStrategy};
use mapring_limits::{FutexPingPong, Giver, PingPong, Taker};
use serde::{Deserialize, Serialize};

use super::Rouse;
use super::payload::Payload;
use crate::bench::watch::{SLICE, Slices, Watch};
use crate::spin;

/// The last message of a turn. It is also the greatest that there is: a bare futex needs one bit for
/// itself.
pub(super) const LAST: u32 = u32::MAX >> 1;
/// Who finds this has been roused from its sleep. It is odd, as no moment is.
const ROUSED: u32 = LAST - 2;
/// Such a bit is set in the last message of those who count, beside the count.
pub(super) const END: u32 = 1 << 30;
/// Beside it, set in every other turn: who has missed the rest of a turn sees that it is another one.
pub(super) const TURN: u32 = 1 << 29;
/// The greatest number of a message.
pub(super) const GREATEST: u32 = TURN - 4;

/// What carries a message, which is a number, and bytes that nobody looks at.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Channel {
    /// A bare word, on a cache line of its own.
    Word { file: PathBuf },
    /// A bare buffer, with a word beside it.
    Buffer { file: PathBuf, size: usize },
    /// A bare futex; who waits for it sleeps.
    Futex { file: PathBuf },
    /// The ring of that name.
    Ring {
        name: String,
        size: usize,
        waiting: Waiting,
    },
}

/// What the two do who wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Waiting {
    /// Poll: they never sleep
    BusySpin,
    /// Spin a little, then sleep: as by default
    Balanced,
    /// Sleep at once
    LowCpu,
}

impl From<Waiting> for WaitStrategy {
    fn from(waiting: Waiting) -> Self {
        match waiting {
            Waiting::BusySpin => Self::BusySpin,
            Waiting::Balanced => Self::Balanced,
            Waiting::LowCpu => Self::LowCpu,
        }
    }
}

/// The end of a channel that messages go into.
pub(super) trait Sender: 'static {
    fn send(&mut self, number: u32, watch: &Watch) -> Result<()>;
}

/// The end of a channel that messages come out of.
pub(super) trait Receiver: 'static {
    /// Waits for the next one. Where there is room for one only, it may miss some.
    fn receive(&mut self, watch: &Watch) -> Result<u32>;

    /// As [`Play::rouse`](super::Play::rouse).
    fn rouse(&self) -> Result<Option<Rouse>> {
        Ok(None)
    }
}

/// A channel, not yet open.
pub(super) trait Ends {
    type Sender: Sender;
    type Receiver: Receiver;

    fn sender(&self) -> Result<Self::Sender>;
    fn receiver(&self) -> Result<Self::Receiver>;
}

/// Opens the file of a limit.
pub(super) fn open_file(path: &Path) -> Result<File> {
    let file = File::options().read(true).write(true).open(path);
    file.with_context(|| format!("cannot open the shared file {}", path.display()))
}

/// See [`Channel::Word`].
pub(super) struct Word<'a>(pub(super) &'a Path);

impl Ends for Word<'_> {
    type Sender = WordSender;
    type Receiver = WordReceiver;

    fn sender(&self) -> Result<WordSender> {
        Ok(WordSender {
            words: PingPong::new(&open_file(self.0)?)?,
            count: 0,
        })
    }

    fn receiver(&self) -> Result<WordReceiver> {
        Ok(WordReceiver {
            words: PingPong::new(&open_file(self.0)?)?,
            last: 0,
            slices: Slices::new(),
        })
    }
}

pub(super) struct WordSender {
    words: PingPong,
    /// Is in the upper half of each word: the same message twice is two.
    count: u32,
}

impl Sender for WordSender {
    #[inline]
    fn send(&mut self, number: u32, _watch: &Watch) -> Result<()> {
        self.count = self.count.wrapping_add(1);
        let word = u64::from(self.count) << 32 | u64::from(number);
        self.words.begin(u64::from(self.count), word);
        Ok(())
    }
}

pub(super) struct WordReceiver {
    words: PingPong,
    last: u64,
    slices: Slices,
}

impl Receiver for WordReceiver {
    #[inline]
    fn receive(&mut self, watch: &Watch) -> Result<u32> {
        let (words, last) = (&self.words, count_of(self.last));
        // What stands there from before counts less.
        let is_new = |word| (count_of(word).wrapping_sub(last) as i32) > 0;
        let next = u64::from(last.wrapping_add(1));
        let wait = |until| words.next(next, is_new, until);
        self.last = self.slices.wait(watch, wait)?;
        Ok(self.last as u32)
    }
}

/// The count in a word's upper half.
fn count_of(word: u64) -> u32 {
    (word >> 32) as u32
}

/// See [`Channel::Buffer`].
pub(super) struct Buffer<'a, P>(pub(super) &'a Path, pub(super) P);

impl<P: Payload> Ends for Buffer<'_, P> {
    type Sender = BufferSender<P>;
    type Receiver = BufferReceiver<P>;

    fn sender(&self) -> Result<BufferSender<P>> {
        // SAFETY: the first process makes the file for one channel, which has one sender and one
        // receiver, and neither of them is made twice; nobody shortens it.
        let giver = unsafe { Giver::new(&open_file(self.0)?) }?;
        Ok(BufferSender {
            giver,
            payload: self.1.clone(),
            slices: Slices::new(),
        })
    }

    fn receiver(&self) -> Result<BufferReceiver<P>> {
        // SAFETY: as above.
        let taker = unsafe { Taker::new(&open_file(self.0)?) }?;
        Ok(BufferReceiver {
            taker,
            payload: self.1.clone(),
            slices: Slices::new(),
        })
    }
}

pub(super) struct BufferSender<P> {
    giver: Giver,
    payload: P,
    slices: Slices,
}

impl<P: Payload> Sender for BufferSender<P> {
    #[inline]
    fn send(&mut self, number: u32, watch: &Watch) -> Result<()> {
        write_number(self.payload.as_mut(), number);
        let (giver, payload) = (&mut self.giver, self.payload.as_ref());
        self.slices.wait(watch, |until| giver.give(payload, until))
    }
}

pub(super) struct BufferReceiver<P> {
    taker: Taker,
    payload: P,
    slices: Slices,
}

impl<P: Payload> Receiver for BufferReceiver<P> {
    #[inline]
    fn receive(&mut self, watch: &Watch) -> Result<u32> {
        let (taker, payload) = (&mut self.taker, self.payload.as_mut());
        self.slices
            .wait(watch, |until| taker.take(payload, until))?;
        Ok(read_number(self.payload.as_ref()))
    }
}

/// See [`Channel::Futex`].
pub(super) struct Futex<'a>(pub(super) &'a Path);

impl Ends for Futex<'_> {
    type Sender = FutexSender;
    type Receiver = FutexReceiver;

    fn sender(&self) -> Result<FutexSender> {
        Ok(FutexSender {
            words: FutexPingPong::new(&open_file(self.0)?)?,
            is_odd: false,
        })
    }

    fn receiver(&self) -> Result<FutexReceiver> {
        let file = open_file(self.0)?;
        Ok(FutexReceiver {
            words: FutexPingPong::new(&file)?,
            file,
            last: 0,
        })
    }
}

pub(super) struct FutexSender {
    words: FutexPingPong,
    /// Is the lowest bit of each word: the same message twice is two.
    is_odd: bool,
}

impl Sender for FutexSender {
    #[inline]
    fn send(&mut self, number: u32, _watch: &Watch) -> Result<()> {
        self.is_odd = !self.is_odd;
        Ok(self.words.begin(number << 1 | u32::from(self.is_odd))?)
    }
}

pub(super) struct FutexReceiver {
    words: FutexPingPong,
    file: File,
    last: u32,
}

impl Receiver for FutexReceiver {
    #[inline]
    fn receive(&mut self, watch: &Watch) -> Result<u32> {
        self.last = self.words.next(self.last)?;
        let number = self.last >> 1;
        if number == ROUSED {
            watch.look()?;
            bail!("it was roused for no reason");
        }
        Ok(number)
    }

    fn rouse(&self) -> Result<Option<Rouse>> {
        let words = FutexPingPong::new(&self.file)?;
        // When not even this goes, nothing does.
        Ok(Some(Box::new(move || drop(words.begin(ROUSED << 1)))))
    }
}

/// See [`Channel::Ring`].
pub(super) struct RingEnds<'a, P> {
    pub(super) name: &'a str,
    pub(super) waiting: Waiting,
    pub(super) payload: P,
}

impl<P: Payload> Ends for RingEnds<'_, P> {
    type Sender = RingSender<P>;
    type Receiver = RingReceiver<P>;

    fn sender(&self) -> Result<RingSender<P>> {
        let mut producer = Options::new().prefault(true).open(self.name)?.producer()?;
        producer.set_wait_strategy(self.waiting.into());
        Ok(RingSender {
            producer,
            payload: self.payload.clone(),
        })
    }

    fn receiver(&self) -> Result<RingReceiver<P>> {
        let mut consumer = Options::new().prefault(true).open(self.name)?.consumer()?;
        consumer.set_wait_strategy(self.waiting.into());
        Ok(RingReceiver {
            consumer,
            payload: self.payload.clone(),
            polls: self.waiting == Waiting::BusySpin,
        })
    }
}

pub(super) struct RingSender<P> {
    producer: Producer,
    payload: P,
}

impl<P: Payload> Sender for RingSender<P> {
    #[inline]
    fn send(&mut self, number: u32, watch: &Watch) -> Result<()> {
        write_number(self.payload.as_mut(), number);
        loop {
            match self.producer.send(0, self.payload.as_ref(), SLICE) {
                Ok(_) => return Ok(()),
                Err(SendError::TimedOut) => watch.check()?,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

pub(super) struct RingReceiver<P> {
    consumer: Consumer,
    payload: P,
    /// Instead of blocking calls.
    polls: bool,
}

impl<P: Payload> Receiver for RingReceiver<P> {
    #[inline]
    fn receive(&mut self, watch: &Watch) -> Result<u32> {
        let (consumer, payload) = (&mut self.consumer, self.payload.as_mut());
        if self.polls {
            spin::receive(consumer, payload, || watch.check())?;
            return Ok(read_number(self.payload.as_ref()));
        }
        loop {
            match consumer.recv(payload, SLICE) {
                Ok(_) => return Ok(read_number(self.payload.as_ref())),
                Err(RecvError::TimedOut) => watch.check()?,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Every payload has eight bytes at least.
#[inline]
fn write_number(payload: &mut [u8], number: u32) {
    payload[..4].copy_from_slice(&number.to_le_bytes());
}

#[inline]
fn read_number(payload: &[u8]) -> u32 {
    std::hint::black_box(payload);
    u32::from_le_bytes([payload[0], payload[1], payload[2], payload[3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::process;

    /// The same messages come out of each kind of channel as go in, one by one.
    fn messages_arrive<E: Ends>(ends: &E) {
        let watch = &Watch::of_nothing();
        let (mut sender, mut receiver) = (ends.sender().unwrap(), ends.receiver().unwrap());
        for number in [1, 1, 2, LAST, LAST, 0, GREATEST, 1] {
            sender.send(number, watch).unwrap();
            assert_eq!(receiver.receive(watch).unwrap(), number);
        }
    }

    fn with_file(size: usize, test: impl FnOnce(&Path)) {
        let file = mapring_limits::shared_file(size).unwrap();
        let path = format!("/proc/{}/fd/{}", process::id(), file.as_raw_fd());
        test(Path::new(&path));
    }

    #[test]
    fn messages_arrive_in_all_ways() {
        with_file(PingPong::SIZE, |path| messages_arrive(&Word(path)));
        with_file(FutexPingPong::SIZE, |path| messages_arrive(&Futex(path)));
        with_file(4096 + 100, |path| {
            messages_arrive(&Buffer(path, vec![0; 100]));
        });
        let name = &format!("cli-channel-{}", process::id());
        let _ring = Options::new().create(name).unwrap();
        for waiting in Waiting::value_variants() {
            messages_arrive(&RingEnds {
                name,
                waiting: *waiting,
                payload: [0; 8],
            });
        }
    }

    #[test]
    fn who_is_roused_fails() {
        with_file(FutexPingPong::SIZE, |path| {
            let mut receiver = Futex(path).receiver().unwrap();
            let mut rouse = receiver.rouse().unwrap().unwrap();
            rouse();
            assert!(receiver.receive(&Watch::of_nothing()).is_err());
        });
    }
}
