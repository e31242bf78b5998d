//! Which senders died, for a receiver that is to say whether it has everything.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Result;
use mapring::Peer;
use mapring::generic::Observer;

use crate::exit::SendersDied;
use crate::kind::Kind;

/// Between two looks while records come.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The senders of this transfer that have died.
///
/// A slot says so until somebody else takes it. Slots of the dead are taken last, when all
/// others are in use; only then a death between two looks, of a sender that was not in the
/// middle of a record, can be missed.
#[derive(Debug)]
pub(crate) struct Deaths {
    pids: BTreeSet<u32>,
    /// Slots whose holders had died before this transfer began.
    earlier: Vec<(usize, u32)>,
    last_look: Instant,
}

impl Deaths {
    /// Leaves out those who had died before, unless something of theirs may be in the ring still.
    pub(crate) fn since_now<P: Kind>(observer: &Observer<P>) -> Result<Self> {
        let mut earlier = dead_slots(observer)?;
        if !observer.is_empty() {
            earlier.clear();
        }
        Ok(Self {
            pids: BTreeSet::new(),
            earlier,
            last_look: Instant::now(),
        })
    }

    /// Whoever has died before has been followed by somebody in the same slot.
    pub(crate) fn forget_earlier(&mut self) {
        self.earlier.clear();
    }

    /// Learns of the death of process `pid`.
    pub(crate) fn add(&mut self, pid: u32) {
        self.pids.insert(pid);
    }

    /// As [`Deaths::add`], from a wait that says only that a sender has died, be it one before.
    pub(crate) fn add_if_new(&mut self, pid: u32) {
        if self.earlier.is_empty() {
            self.add(pid);
        }
    }

    /// Looks at all slots.
    pub(crate) fn look<P: Kind>(&mut self, observer: &Observer<P>) -> Result<()> {
        let dead = dead_slots(observer)?;
        // A slot that has another holder by now tells of that one from now on.
        self.earlier.retain(|slot| dead.contains(slot));
        let new = dead.iter().filter(|slot| !self.earlier.contains(slot));
        self.pids.extend(new.map(|(_, pid)| pid));
        self.last_look = Instant::now();
        Ok(())
    }

    /// As [`Deaths::look`], if that was not done just now.
    pub(crate) fn look_now_and_then<P: Kind>(&mut self, observer: &Observer<P>) -> Result<()> {
        if self.last_look.elapsed() >= LOOK_EVERY {
            self.look(observer)?;
        }
        Ok(())
    }

    /// Fails if anybody has died.
    pub(crate) fn check(&self) -> Result<(), SendersDied> {
        if self.pids.is_empty() {
            return Ok(());
        }
        Err(SendersDied {
            pids: self.pids.iter().copied().collect(),
        })
    }
}

fn dead_slots<P: Kind>(observer: &Observer<P>) -> Result<Vec<(usize, u32)>> {
    let senders = P::senders(observer)?;
    let dead = senders.iter().enumerate().filter_map(|(index, (peer, _))| {
        if let Peer::Died { pid } = peer {
            Some((index, *pid))
        } else {
            None
        }
    });
    Ok(dead.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mapring::mpsc::{Options, Ring};

    fn ring(test: &str) -> Ring {
        ring_of(2, test)
    }

    fn ring_of(slots: u64, test: &str) -> Ring {
        let name = format!("cli-deaths-{}-{test}", std::process::id());
        Options::new()
            .producers(slots)
            .create(&name)
            .expect("a new ring")
    }

    fn died(deaths: &mut Deaths, ring: &Ring) -> bool {
        deaths.look(&ring.observer().unwrap()).unwrap();
        deaths.check().is_err()
    }

    #[test]
    fn a_death_before_the_transfer_does_not_count() {
        let ring = ring("before");
        ring.producer().unwrap().abandon();
        let mut deaths = Deaths::since_now(&ring.observer().unwrap()).unwrap();
        drop(ring.producer().unwrap());
        assert!(!died(&mut deaths, &ring));
        ring.producer().unwrap().abandon();
        assert!(died(&mut deaths, &ring));
    }

    #[test]
    fn a_death_before_the_transfer_counts_if_something_was_left_behind() {
        let ring = ring("left-behind");
        let mut producer = ring.producer().unwrap();
        producer.try_send(0, b"half of the story").unwrap();
        producer.abandon();
        let mut deaths = Deaths::since_now(&ring.observer().unwrap()).unwrap();
        assert!(died(&mut deaths, &ring));
    }

    #[test]
    fn a_death_counts_though_somebody_takes_the_slot_later() {
        let ring = ring("taken");
        let mut deaths = Deaths::since_now(&ring.observer().unwrap()).unwrap();
        let first = ring.producer().unwrap();
        ring.producer().unwrap().abandon();
        assert!(died(&mut deaths, &ring));
        let (second, _consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        drop((first, second));
        assert!(died(&mut deaths, &ring));
    }

    #[test]
    fn a_death_in_the_slot_of_one_before_counts() {
        let ring = ring_of(1, "same-slot");
        ring.producer().unwrap().abandon();
        let mut deaths = Deaths::since_now(&ring.observer().unwrap()).unwrap();
        // By a process of the same number, even.
        ring.producer().unwrap().abandon();
        deaths.forget_earlier();
        assert!(died(&mut deaths, &ring));
    }

    #[test]
    fn one_and_many_are_named() {
        let text = |pids: &[u32]| SendersDied { pids: pids.into() }.to_string();
        assert!(text(&[7]).starts_with("the sender, process 7, has died"));
        assert!(text(&[7, 8]).starts_with("the senders, processes 7, 8, have died"));
    }
}
