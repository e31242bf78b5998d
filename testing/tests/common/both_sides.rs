//! A ring, with both of its sides in one hand.

use mapring::layout::Geometry;
use mapring::ring::{Consumer, Position, Produce, Protocol};
use mapring_testing::Bytes;

use super::common::region;

/// A ring, and the memory that both of its sides work on.
pub(crate) struct Ring<P: Produce<Memory = Bytes>, C: Protocol> {
    pub(crate) producer: P,
    pub(crate) consumer: Consumer<Bytes, C>,
    pub(crate) memory: Bytes,
    pub(crate) geometry: Geometry,
    pub(crate) start: u64,
}

/// A new ring of this kind whose cursors stand at `start`.
pub(crate) fn ring<C: Protocol>(geometry: Geometry, start: u64) -> Ring<C::Producer<Bytes>, C> {
    let memory = region(geometry, start);
    let producer = C::attach(memory.clone(), geometry, 0).expect("good cursors");
    Ring {
        producer: producer.expect("a free slot"),
        consumer: Consumer::attach(memory.clone(), geometry).expect("good cursors"),
        memory,
        geometry,
        start,
    }
}

impl<P: Produce<Memory = Bytes>, C: Protocol> Ring<P, C> {
    pub(crate) fn at(&self, distance: usize) -> Position {
        Position(self.start).plus(distance)
    }

    pub(crate) fn send(&mut self, len: usize) {
        self.producer.try_send(7, &vec![3; len]).expect("room");
    }
}
