//! An open region, from which roles are taken.

use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::error::{AttachError, OpenError};
use crate::layout::{Fences, Kind, Seat, Wakeups};
use crate::os::region::{Origin, Region};
use crate::peer::{self, Attachment};
use crate::ring::gate::Gate;
use crate::ring::participant::{self, State};
use crate::ring::{self as protocol, Protocol};
use crate::wakeups::Waking;

use super::{Consumer, Observer, Producer};

/// A region that this process uses. It lives as long as anybody uses it: a ring,
/// or an endpoint or observer taken from one.
#[derive(Clone, Debug)]
pub struct Ring<P> {
    region: Arc<Region>,
    protocol: PhantomData<P>,
}

/// How often a ring whose producer slots are all taken is looked at, a millisecond apart: its
/// consumer may be about to give one back.
const ATTEMPTS: u32 = 50;

impl<P: Protocol> Ring<P> {
    pub(super) fn new(region: Arc<Region>) -> Self {
        Self {
            region,
            protocol: PhantomData,
        }
    }

    /// Takes the producer's role, or one of them.
    ///
    /// # Errors
    /// In a ring of one producer, [`AttachError::Busy`] while somebody holds it, in any process. In
    /// one of many, [`AttachError::TooManyProducers`] when all slots are held, or wait for the
    /// consumer to skip what their dead holders had claimed, and still are after some 50 ms.
    /// [`AttachError::Corrupt`] when the cursors cannot be.
    pub fn producer(&self) -> Result<Producer<P>, AttachError> {
        let limit = self.region.identity().geometry.producers();
        for attempt in 0..ATTEMPTS {
            // First those that nobody seems to have.
            for seems_taken in [false, true] {
                for index in 0..limit {
                    if self.seems_taken(index)? == seems_taken
                        && let Some(producer) = self.try_producer(index)?
                    {
                        return Ok(producer);
                    }
                }
            }
            if P::KIND == Kind::Spsc {
                return Err(peer::busy(&self.region, Seat::Producer(0)));
            }
            if attempt + 1 < ATTEMPTS {
                // It may sleep, and nobody wakes it on behalf of one that died.
                Waking::new(&self.region, Gate::Data).wake_all(Gate::Data, &self.region);
                thread::sleep(Duration::from_millis(1));
            }
        }
        Err(AttachError::TooManyProducers { limit })
    }

    /// Whether the slot says that somebody has it. It may be somebody who has died.
    fn seems_taken(&self, index: usize) -> Result<bool, AttachError> {
        let seat = Seat::Producer(index);
        if !self.region.process().is_current() {
            return Err(AttachError::Forked);
        }
        if self.region.is_lost() {
            return Err(AttachError::RegionLost);
        }
        let slot = seat.slot();
        // A state that does not exist is no reason not to take a slot that is free.
        let state = participant::look(self.region.memory(), slot, seat.role());
        Ok(!matches!(state, Ok(State::Absent | State::Left)))
    }

    fn try_producer(&self, index: usize) -> Result<Option<Producer<P>>, AttachError> {
        let geometry = self.region.identity().geometry;
        let attached = Attachment::new(&self.region, Seat::Producer(index), |memory| {
            P::attach(memory, geometry, index)
        })?;
        Ok(attached.map(|(attachment, ring)| Producer::new(attachment, ring)))
    }

    /// Takes the consumer's role.
    ///
    /// # Errors
    /// [`AttachError::Busy`] while somebody holds it, in any process; [`AttachError::Corrupt`]
    /// when the cursors cannot be.
    pub fn consumer(&self) -> Result<Consumer<P>, AttachError> {
        let geometry = self.region.identity().geometry;
        let attached = Attachment::new(&self.region, Seat::Consumer, |memory| {
            protocol::Consumer::attach(memory, geometry).map(Some)
        })?;
        let (attachment, ring) =
            attached.ok_or_else(|| peer::busy(&self.region, Seat::Consumer))?;
        Ok(Consumer::new(attachment, ring))
    }

    /// Maps the region once more, for looking only. Any number may.
    ///
    /// # Errors
    /// [`OpenError::Io`] when the system has no room for another mapping; [`OpenError::Forked`]
    /// in a child of the process that opened the ring.
    pub fn observer(&self) -> Result<Observer<P>, OpenError> {
        if !self.region.process().is_current() {
            return Err(OpenError::Forked);
        }
        let memory = self
            .region
            .map_read_only()
            .map_err(|source| OpenError::Io {
                action: "map",
                path: self.region.path().to_owned(),
                source,
            })?;
        Ok(Observer::new(Arc::clone(&self.region), memory))
    }

    /// Whether this handle created the region, found it in use, or resumed it.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.region.origin()
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

    /// Every record starts at a multiple of this many bytes.
    #[must_use]
    pub fn record_align(&self) -> usize {
        self.region.identity().geometry.record_align()
    }

    /// How many producers can be attached at once.
    #[must_use]
    pub fn producers(&self) -> usize {
        self.region.identity().geometry.producers()
    }

    /// How those who wait in a blocking call are woken.
    #[must_use]
    pub fn wakeups(&self) -> Wakeups {
        self.region.identity().wakeups
    }

    /// Who pays for it that nobody sleeps through a wakeup.
    #[must_use]
    pub fn fences(&self) -> Fences {
        self.region.identity().fences
    }

    /// The region's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.region.path()
    }

    /// A random number that tells this region from others of the same name, before and after.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.region.identity().generation
    }
}
