//! What can be done to a ring of one producer and one consumer, and what must come of it.

#[cfg(feature = "arbitrary")]
use arbitrary::Arbitrary;
use mapring::layout::Geometry;
use mapring::memory::Memory;
use mapring::ring::Position;

mod filling;
pub mod plans;
mod runner;

pub(crate) use filling::{leak, write_in_pieces};
use runner::Runner;

/// One thing to do. Every number is taken modulo what makes sense, so that
/// whatever a generator comes up with does something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
pub enum Operation {
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
        /// What is put in, and how.
        parts: Vec<Part>,
        /// How the batch ends.
        end: End,
    },
    /// Sends so many short records that the producer looks how the consumer does.
    Stream {
        /// How many, at most 600.
        count: u16,
        /// Bytes of each, at most 63.
        len: u8,
        /// Records left waiting before the consumer takes one.
        waiting: u8,
    },
    /// Receives a record into a buffer of so many bytes, which may be too few.
    Receive {
        /// Bytes of the buffer.
        room: u16,
    },
    /// Drains records.
    Drain {
        /// How many, at most.
        limit: u8,
        /// Bytes after which it releases before the end.
        release_every: u16,
    },
    /// Goes past a record without a release.
    Advance,
    /// Releases what was gone past.
    Release,
    /// Asks both sides what room there is.
    Look,
    /// The producer leaves, and another takes over.
    ReplaceProducer,
    /// The producer is killed while it sends, and another takes over.
    KillProducer {
        /// What it was sending: a record if it is one, else a batch.
        messages: Vec<Message>,
        /// How many words it stores before it dies.
        stores: u16,
    },
    /// Another consumer takes over: what was not released comes again.
    ReplaceConsumer,
}

/// A record to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
pub struct Message {
    /// Its tag.
    pub tag: u32,
    /// Its length in bytes, modulo two more than the longest.
    pub len: u16,
    /// What its bytes are, see [`crate::oracle::payload`].
    pub seed: u8,
}

/// How a claim or a batch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
pub enum End {
    /// It is committed or published.
    Commit,
    /// It is dropped.
    Abort,
    /// It is leaked.
    Forget,
}

/// A record that is put into a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "arbitrary", derive(Arbitrary))]
pub enum Part {
    /// All at once.
    Push(Message),
    /// As a claim within the batch.
    Claim {
        /// What is written.
        message: Message,
        /// How the claim ends.
        end: End,
    },
}

/// How much happened in a run, so that a test can see that something did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records published.
    pub sent: u64,
    /// Records that the consumer went past, some of them twice.
    pub received: u64,
    /// Sends, claims and records of a batch that found the ring full.
    pub full: u64,
    /// Producers that were killed before what they were sending was published.
    pub killed_before: u64,
    /// Producers that were killed after that.
    pub killed_after: u64,
}

/// Does all of it on a ring in `memory`, whose cursors start at `start`, and on an
/// oracle, and drains the ring in the end. All of the region that is not yet a
/// record looks like records, except for the one header that must be zero.
///
/// # Panics
/// When the ring does anything else than the oracle.
pub fn run<M: Memory + Clone>(
    operations: &[Operation],
    geometry: Geometry,
    start: Position,
    memory: &M,
) -> Tally {
    let mut runner = Runner::new(geometry, start, memory.clone());
    for operation in operations {
        runner.perform(operation);
        runner.check();
    }
    runner.finish()
}
