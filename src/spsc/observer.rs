//! Somebody who only looks.

use std::sync::Arc;

use core::sync::atomic::Ordering::Relaxed;

use crate::error::{Corrupt, Role};
use crate::layout::{self, Word};
use crate::memory::ReadMemory;
use crate::os::mapped::MappedReadOnly;
use crate::os::region::Region;
use crate::peer::{self, Peer};
use crate::ring::Position;
use crate::ring::participant::Counters;

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
pub struct Observer {
    region: Arc<Region>,
    memory: MappedReadOnly,
}

impl Observer {
    pub(super) fn new(region: Arc<Region>, memory: MappedReadOnly) -> Self {
        Self { region, memory }
    }

    /// Bytes of the ring that hold records not yet released, at most `capacity`.
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

    /// The position behind the last record sent.
    #[must_use]
    pub fn tail(&self) -> u64 {
        self.load(layout::TAIL)
    }

    /// Who sends.
    ///
    /// # Errors
    /// [`Corrupt::State`] when its slot says what no participant says.
    pub fn producer(&self) -> Result<Peer, Corrupt> {
        self.peer(Role::Producer)
    }

    /// Who receives.
    ///
    /// # Errors
    /// [`Corrupt::State`] when its slot says what no participant says.
    pub fn consumer(&self) -> Result<Peer, Corrupt> {
        self.peer(Role::Consumer)
    }

    /// What the producers have counted. May lag by some hundred records while one is busy.
    #[must_use]
    pub fn producer_counters(&self) -> Counters {
        self.counters(Role::Producer)
    }

    /// What the consumers have counted. May lag by some hundred records while one is busy.
    #[must_use]
    pub fn consumer_counters(&self) -> Counters {
        self.counters(Role::Consumer)
    }

    fn peer(&self, role: Role) -> Result<Peer, Corrupt> {
        // In a forked child there is no mapping to look at.
        if self.region.process().is_current() {
            Peer::look(&self.memory, &self.region, role)
        } else {
            Ok(Peer::Absent)
        }
    }

    fn counters(&self, role: Role) -> Counters {
        if self.region.process().is_current() {
            Counters::load(&self.memory, peer::slot(&self.region, role))
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
