//! Somebody who only looks.

use std::marker::PhantomData;
use std::sync::Arc;

use core::sync::atomic::Ordering::Relaxed;

use crate::error::Corrupt;
use crate::layout::{self, Seat, Word};
use crate::memory::ReadMemory;
use crate::os::mapped::MappedReadOnly;
use crate::os::region::Region;
use crate::peer::Peer;
use crate::ring::mpsc::Mpsc;
use crate::ring::participant::Counters;
use crate::ring::spsc::Spsc;
use crate::ring::{self as protocol, Position, Protocol};

/// Looks at a ring through a mapping that cannot be written.
///
/// The numbers are those of some moment, and two of them may be of two moments.
/// It counts as a user of the region. In a forked child, which does not have the mapping, it
/// shows zeros and [`Peer::Absent`].
///
/// ```
/// # use mapring::spsc::Options;
/// # let ring = Options::new().create(&format!("doc-observer-{}", std::process::id()))?;
/// # let mut producer = ring.producer()?;
/// producer.try_send(0, b"12345678")?;
/// let observer = ring.observer()?;
/// assert_eq!(observer.len(), 16); // eight bytes of header, eight of payload
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Observer<P> {
    region: Arc<Region>,
    memory: MappedReadOnly,
    protocol: PhantomData<P>,
}

impl<P: Protocol> Observer<P> {
    pub(super) fn new(region: Arc<Region>, memory: MappedReadOnly) -> Self {
        Self {
            region,
            memory,
            protocol: PhantomData,
        }
    }

    /// Bytes of the ring that hold records not yet released, or are claimed for some; at most
    /// `capacity`.
    #[must_use]
    pub fn len(&self) -> usize {
        let waiting = Position(self.tail()).distance_from(Position(self.head()));
        // The shown tail may be one publication behind the head.
        if waiting <= self.capacity() as u64 {
            waiting as usize
        } else {
            0
        }
    }

    /// Whether everything was released.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the ring.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.region.identity().geometry.capacity()
    }

    /// Longest payload, in bytes.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.region.identity().geometry.max_payload()
    }

    /// The position up to which everything was released.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.load(layout::HEAD)
    }

    /// The position behind the last record sent; with many producers, behind the last claim.
    #[must_use]
    pub fn tail(&self) -> u64 {
        self.load(layout::TAIL)
    }

    /// Who receives.
    ///
    /// # Errors
    /// [`Corrupt::State`] when its slot says what no participant says.
    pub fn consumer(&self) -> Result<Peer, Corrupt> {
        self.peer(Seat::Consumer)
    }

    /// What the consumers have counted. May lag by some hundred records while one is busy.
    #[must_use]
    pub fn consumer_counters(&self) -> Counters {
        self.counters(Seat::Consumer)
    }

    fn peer(&self, seat: Seat) -> Result<Peer, Corrupt> {
        // In a forked child there is no mapping to look at.
        if self.region.process().is_current() {
            Peer::look(&self.memory, &self.region, seat)
        } else {
            Ok(Peer::Absent)
        }
    }

    fn counters(&self, seat: Seat) -> Counters {
        if self.region.process().is_current() {
            Counters::load(&self.memory, seat.slot())
        } else {
            Counters::default()
        }
    }

    fn load(&self, word: Word) -> u64 {
        if self.region.process().is_current() {
            self.memory.load(word, Relaxed)
        } else {
            0
        }
    }
}

impl Observer<Spsc> {
    /// Who sends.
    ///
    /// # Errors
    /// [`Corrupt::State`] when its slot says what no participant says.
    pub fn producer(&self) -> Result<Peer, Corrupt> {
        self.peer(Seat::Producer(0))
    }

    /// What the producers have counted. May lag by some hundred records while one is busy.
    #[must_use]
    pub fn producer_counters(&self) -> Counters {
        self.counters(Seat::Producer(0))
    }
}

impl Observer<Mpsc> {
    /// Who sends, by slot, with what the holders of that slot have counted. Counters may lag by
    /// some hundred records while a producer is busy.
    ///
    /// # Errors
    /// [`Corrupt::State`] when a slot says what no participant says.
    pub fn producers(&self) -> Result<Vec<(Peer, Counters)>, Corrupt> {
        let seats = (0..self.region.identity().geometry.producers()).map(Seat::Producer);
        seats
            .map(|seat| Ok((self.peer(seat)?, self.counters(seat))))
            .collect()
    }

    /// The claim that the consumer will come to next, if its producer has not committed it: it is
    /// being written just now, or stalled. A claim that was leaked, or whose process is
    /// stopped, stays here.
    #[must_use]
    pub fn stalled(&self) -> Option<Stalled> {
        if !self.region.process().is_current() {
            return None;
        }
        let (pid, position, size) =
            protocol::stalled(&self.memory, &self.region.identity().geometry)?;
        Some(Stalled {
            pid,
            position: position.0,
            size,
        })
    }
}

/// A claim at which its consumer waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stalled {
    /// Whose it is: the process, as it sees itself.
    pub pid: u32,
    /// Where it starts: bytes that went through the ring before it.
    pub position: u64,
    /// Bytes of the ring that are claimed.
    pub size: usize,
}
