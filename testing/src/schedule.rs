//! Schedules of several producers and a consumer, in which every access to memory is a step of
//! its own, and what must come of them.
//!
//! Each participant runs in a thread, but only one thread runs at a time, and only for as many
//! accesses as its turn allows: a schedule says everything, and does the same each time. A
//! participant that is killed changes nothing more; the kernel, of which this plays the part
//! as well, frees its lock. Memory is as a machine with total store order leaves it after a
//! death; what weaker orders allow is for the models.
//!
//! The oracle is a list of all claims, in the order in which TAIL was moved. It is told of every
//! store, and of what the consumers see. It sees to it that nobody writes where nothing is his, that
//! no record is lost, hidden, or received twice (but for what its consumer did not live to release),
//! that exactly the claims of dead producers are skipped, and that the free part of the ring is
//! ready for headers.

#[cfg(feature = "arbitrary")]
use arbitrary::Arbitrary;
use mapring::layout::Geometry;
use mapring::ring::Position;

use crate::operations::End;

mod baton;
mod claims;
mod consuming;
mod ledger;
mod locks;
pub mod plans;
mod producing;
mod runner;
mod stepped;

use runner::{Runner, World};

/// One turn. Every number is taken modulo what makes sense, so that whatever a generator
/// comes up with does something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
pub enum Turn {
    /// A producer goes on. One that has nothing to do starts `job`; where there is none, one attaches.
    Producer {
        /// Which one; there is one more than there are slots.
        who: u8,
        /// How many accesses it makes; from [`TO_THE_END`] on, as many as it takes.
        steps: u8,
        /// What it starts if it has nothing to do.
        job: Production,
    },
    /// The consumer goes on. One that has nothing to do starts `job`; where there is none, one takes over.
    Consumer {
        /// How many accesses it makes, as for a producer.
        steps: u8,
        /// What it starts if it has nothing to do.
        job: Consumption,
    },
    /// A producer is killed where it stands.
    KillProducer {
        /// Which one.
        who: u8,
    },
    /// A producer is stopped where it stands, or goes on from there. It is alive all the time.
    StopProducer {
        /// Which one.
        who: u8,
    },
    /// The consumer is killed where it stands.
    KillConsumer,
}

/// So many steps are as many as it takes.
pub const TO_THE_END: u8 = 200;

/// Something that a producer does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
pub enum Production {
    /// Sends a record.
    Send(Message),
    /// Claims room, writes it piece by piece, and ends the claim.
    Claim {
        /// What is written.
        message: Message,
        /// How the claim ends.
        end: End,
    },
    /// Puts several records into a batch, and ends the batch.
    Batch {
        /// What is put in.
        messages: Vec<Message>,
        /// How many words of room are asked for besides what they need; or how many less.
        spare: i8,
        /// How the batch ends.
        end: End,
    },
    /// Asks what room there is.
    Look,
    /// Leaves in good order.
    Leave,
}

/// A record to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
pub struct Message {
    /// Its length in bytes, modulo two more than the longest.
    pub len: u16,
    /// What its bytes are, see [`crate::oracle::payload`].
    pub seed: u8,
}

/// Something that the consumer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
pub enum Consumption {
    /// Takes a record, if there is one, and releases it.
    Receive,
    /// Takes a record without releasing it.
    Advance,
    /// Releases what was taken.
    Release,
    /// Drains records.
    Drain {
        /// How many, at most.
        limit: u8,
        /// Bytes after which it releases before the end.
        release_every: u16,
    },
    /// Finds out whether a dead producer is in the way.
    Recover,
}

/// How much happened in a run, so that a test can see that something did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records that somebody tried to send.
    pub tags: u32,
    /// Claims that were made.
    pub claims: u64,
    /// Records that consumers received, some of them twice.
    pub received: u64,
    /// Attempts that found the ring full.
    pub full: u64,
    /// Producers that ended with a claim that had no header.
    pub killed_in_claim: u64,
    /// Claims that a consumer said it had repaired.
    pub repairs: u64,
    /// Those of them that were ascribed to another one that died in claiming as many bytes there.
    pub repairs_of_twins: u64,
    /// How often the consumer found that it has to wait for somebody who is alive.
    pub waits: u64,
    /// How often it was not that one's claim, but that of one that has died.
    pub waits_for_another: u64,
    /// How often a producer found a slot that still stands for what its dead holder claimed.
    pub unresolved: u64,
    /// Consumers that saw again what the one before had not released.
    pub redelivered: u64,
}

/// Runs the schedule on a new ring whose cursors start at `start`, then kills who is stopped, lets the
/// others come to their ends, and drains the ring.
///
/// # Panics
/// When the ring does what it must not do.
pub fn run(turns: &[Turn], geometry: Geometry, start: Position) -> Tally {
    let mut runner = Runner::new(geometry, start);
    for turn in turns {
        runner.take(turn);
    }
    runner.finish()
}
