//! Many producers, one consumer. The invariants stand at the head of [`crate::ring`].

mod consumer;
mod producer;
mod room;

use crate::error::Corrupt;
use crate::layout::{Geometry, Kind};
use crate::memory::Memory;
use crate::ring::Protocol;

pub use producer::Producer;

/// The receiving side of a ring of many producers.
pub type Consumer<M> = crate::ring::Consumer<M, Mpsc>;

/// Many producers, one consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mpsc {}

impl Protocol for Mpsc {
    const KIND: Kind = Kind::Mpsc;

    type Producer<M: Memory> = Producer<M>;

    fn attach<M: Memory>(
        memory: M,
        geometry: Geometry,
        index: usize,
    ) -> Result<Option<Producer<M>>, Corrupt> {
        Producer::attach(memory, geometry, index)
    }

    fn over<M: Memory, N: Memory>(producer: &Producer<M>, memory: N) -> Producer<N> {
        producer.over(memory)
    }
}
