//! One producer, one consumer. The invariants stand at the head of [`crate::ring`].

mod producer;

use crate::error::Corrupt;
use crate::layout::{Geometry, Kind};
use crate::memory::Memory;
use crate::ring::Protocol;

pub use producer::Producer;

/// The receiving side of a ring of one producer.
pub type Consumer<M> = crate::ring::Consumer<M, Spsc>;

/// One producer, one consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Spsc {}

impl Protocol for Spsc {
    const KIND: Kind = Kind::Spsc;

    type Producer<M: Memory> = Producer<M>;

    /// There is one slot, and nothing that its last holder left unresolved.
    fn attach<M: Memory>(
        memory: M,
        geometry: Geometry,
        _index: usize,
    ) -> Result<Option<Producer<M>>, Corrupt> {
        Producer::attach(memory, geometry).map(Some)
    }

    fn over<M: Memory, N: Memory>(producer: &Producer<M>, memory: N) -> Producer<N> {
        producer.over(memory)
    }
}
