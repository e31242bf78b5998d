//! What the caches allow: [`mapring_limits`]. A round trip is that of one word on two cache lines,
//! or of two futexes; the stream is a hand-written loop that publishes a cursor once per 4 KiB. It is
//! the reference of streams in every mode, and, with one producer, of many to one. Two threads, each
//! with a mapping of its own.

use std::fs::File;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mapring_limits::{FutexPingPong, PingPong, StreamReceiver, StreamSender, shared_file};

use super::{About, Between, Contestant, Runner};
use crate::channel::{Opened, ROOM, Receiver, Sender, Size, Threads};
use crate::measure::{Job, Outcome, threads, work};
use crate::payload::Payload;
use crate::question::{Kind, Question};
use crate::wait::PATIENCE;

pub(super) const NAME: &str = "raw limit";

pub(crate) fn contestant() -> Contestant {
    let about = About {
        name: NAME,
        version: env!("LOCKED_mapring_limits").to_owned(),
        link: "../limits/src/lib.rs",
        usage: "bare cache lines, a bare futex, a loop that copies into a ring of slots",
        kinds: &[
            Kind::RoundTrip,
            Kind::Asleep,
            Kind::Single,
            Kind::Drain,
            Kind::Batch,
            Kind::ManyToOne,
        ],
    };
    Contestant::new(about, Between::Threads, Runner { run, join: None })
}

fn run(job: &Job) -> Result<Outcome> {
    match job.question {
        Question::RoundTrip { .. } => {
            let file = shared_file(PingPong::SIZE)?;
            let (here, there) = (PingPong::new(&file)?, PingPong::new(&file)?);
            let end = Instant::now() + PATIENCE;
            threads::two_sides(
                || work::time_rounds(job.records, |round| Ok(here.ping(round + 1, end)?)),
                || (1..=job.records).try_for_each(|round| Ok(there.pong(round, end)?)),
            )
        }
        Question::Asleep => {
            let file = shared_file(FutexPingPong::SIZE)?;
            let (here, there) = (FutexPingPong::new(&file)?, FutexPingPong::new(&file)?);
            threads::two_sides(
                || work::time_rounds(job.records, |round| Ok(here.ping(round as u32 + 1)?)),
                || (1..=job.records).try_for_each(|round| Ok(there.pong(round as u32)?)),
            )
        }
        Question::Stream { .. } => threads::run::<RawStream>(job),
        Question::ManyToOne { .. } => {
            let question = Question::ManyToOne { producers: 1 };
            threads::run::<RawStream>(&Job {
                question,
                ..job.clone()
            })
        }
    }
}

/// A ring of slots with a cursor on either side.
struct RawStream;

impl Threads for RawStream {
    type Sender<P: Payload> = P::RawSender;
    type Receiver<P: Payload> = P::RawReceiver;

    fn open<P: Payload>(_: &Size) -> Result<Opened<P::RawSender, P::RawReceiver>> {
        let file = Arc::new(shared_file(4096 + ROOM)?);
        // SAFETY: there is one sender and one receiver over this file, each made once.
        let sender = unsafe { P::RawSender::over(&file) }?;
        // SAFETY: as above.
        let receiver = unsafe { P::RawReceiver::over(&file) }?;
        Ok((vec![sender], receiver))
    }
}

/// No call of a raw stream waits so long. The clock is read once, for it takes longer than a send.
fn far() -> Instant {
    static FAR: OnceLock<Instant> = OnceLock::new();
    *FAR.get_or_init(|| Instant::now() + Duration::from_secs(3600))
}

/// An end of a raw stream.
pub(crate) trait Raw: Sized {
    /// Over a file of zeros.
    ///
    /// # Safety
    /// There is one sender and one receiver of the same payloads over it, and no other user.
    unsafe fn over(file: &File) -> io::Result<Self>;
}

impl<const N: usize> Raw for StreamSender<N> {
    unsafe fn over(file: &File) -> io::Result<Self> {
        // SAFETY: the caller vouches for it.
        unsafe { Self::new(file) }
    }
}

impl<const N: usize> Raw for StreamReceiver<N> {
    unsafe fn over(file: &File) -> io::Result<Self> {
        // SAFETY: the caller vouches for it.
        unsafe { Self::new(file) }
    }
}

impl<P: Payload, const N: usize> Sender<P> for StreamSender<N> {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        let bytes = payload.bytes().try_into().context("another size")?;
        Ok(self.send(bytes, far())?)
    }

    fn finish(&mut self) -> Result<()> {
        self.publish();
        Ok(())
    }
}

impl<P: Payload, const N: usize> Receiver<P> for StreamReceiver<N> {
    #[inline(always)]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let mut payload = [0; N];
        self.receive(&mut payload, far())?;
        see(&payload);
        Ok(())
    }
}
