//! What a consumer knows of its producers, and does about those that died.

use std::iter;

use crate::error::{Corrupt, TryRecvError};
use crate::layout::Seat;
use crate::memory::Memory;
use crate::peer::{Peer, Undertaker};
use crate::ring::mpsc::Mpsc;
use crate::ring::spsc::Spsc;
use crate::ring::{Gap, Protocol, Repair, participant};

use super::Consumer;

/// So many repairs are remembered until somebody asks for them.
const MOST_REPAIRS: usize = 1024;

impl<P: Protocol, M: Memory> Consumer<P, M> {
    /// What is known of the producers as a whole: one that is alive, if there is one; else one that
    /// has died; else that there were some, and they left.
    pub(super) fn look_at_producers(&mut self) -> Result<Peer, Corrupt> {
        let before = participant::presence(self.ring.memory());
        let mut ended = Peer::Absent;
        let count = self.ring.geometry().producers();
        for offset in 0..count {
            // It is most likely still there, and then it is all there is to ask.
            let index = (self.last_alive + offset) % count;
            match self.look_at(Seat::Producer(index))? {
                alive @ Peer::Attached { .. } => {
                    self.last_alive = index;
                    return Ok(alive);
                }
                died @ Peer::Died { .. } => ended = died,
                Peer::Left if ended == Peer::Absent => ended = Peer::Left,
                Peer::Left | Peer::Absent => {}
            }
        }
        // One may have come to a slot that was seen, before another left one that was not.
        if count > 1 && participant::presence(self.ring.memory()) != before {
            return Ok(Peer::Absent);
        }
        Ok(ended)
    }

    fn look_at(&mut self, seat: Seat) -> Result<Peer, Corrupt> {
        self.attachment
            .peer(seat)
            .map_err(|corrupt| self.ring.poison(corrupt))
    }

    /// Whether the producers have left in good order. No system call.
    #[inline(always)]
    pub(super) fn have_left(&mut self) -> Result<bool, Corrupt> {
        self.producers
            .have_left(self.ring.memory(), self.ring.geometry())
            .map_err(|corrupt| self.ring.poison(corrupt))
    }

    /// Goes past what dead producers have claimed, if that is what stands at the head. Returns
    /// whether it was.
    pub(super) fn recover(&mut self) -> Result<bool, Corrupt> {
        let mut has_gone_on = false;
        // No more than could have died at once: a call's work is bounded.
        for _ in 0..self.ring.geometry().producers() {
            let mut undertaker = Undertaker::new(self.attachment.region());
            let Gap::Dead(repair) = self.ring.recover(&mut undertaker)? else {
                break;
            };
            drop(undertaker);
            if self.repairs.len() == MOST_REPAIRS {
                self.repairs.pop_front();
            }
            self.repairs.push_back(repair);
            has_gone_on = true;
            if self.ring.peek()?.is_some() {
                break;
            }
        }
        Ok(has_gone_on)
    }

    /// In a ring of many producers, finds out now and then what a call that only polls cannot see.
    #[cold]
    #[inline(never)]
    pub(super) fn look_closer(&mut self) -> Result<(), Corrupt> {
        if !self.recover()? {
            self.producers
                .look_again(self.ring.memory(), self.ring.geometry())
                .map_err(|corrupt| self.ring.poison(corrupt))?;
        }
        Ok(())
    }
}

impl<M: Memory> Consumer<Spsc, M> {
    /// Who sends. One system call at most.
    ///
    /// # Errors
    /// [`TryRecvError::Corrupt`], [`TryRecvError::Forked`].
    pub fn producer(&mut self) -> Result<Peer, TryRecvError> {
        self.check_process()?;
        Ok(self.look_at(Seat::Producer(0))?)
    }
}

impl<M: Memory> Consumer<Mpsc, M> {
    /// Who sends, by slot: as many as the ring has slots for producers. One system call for each
    /// that is there.
    ///
    /// # Errors
    /// [`TryRecvError::Corrupt`], [`TryRecvError::Forked`].
    pub fn producers(&mut self) -> Result<Vec<Peer>, TryRecvError> {
        self.check_process()?;
        let count = self.ring.geometry().producers();
        let peers = (0..count).map(|index| self.look_at(Seat::Producer(index)));
        Ok(peers.collect::<Result<_, _>>()?)
    }

    /// What was claimed by producers that died before they committed it, and was skipped: whose
    /// claims, of how many bytes, at which positions. Each is told once, in order; the oldest of
    /// more than 1024 are forgotten (the counters of an [`Observer`](super::Observer) count all).
    ///
    /// ```
    /// # use mapring::mpsc::Options;
    /// # let ring = Options::new().create(&format!("doc-repairs-{}", std::process::id()))?;
    /// # let mut consumer = ring.consumer()?;
    /// for repair in consumer.repairs() {
    ///     eprintln!(
    ///         "process {} died with {} bytes claimed at {}",
    ///         repair.pid, repair.size, repair.position,
    ///     );
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn repairs(&mut self) -> impl Iterator<Item = Repair> + '_ {
        iter::from_fn(|| self.repairs.pop_front())
    }
}
