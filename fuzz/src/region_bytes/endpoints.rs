//! Producers and a consumer that do not trust each other, and somebody who watches them.

use arbitrary::Arbitrary;
use mapring::layout::{self, Geometry, HEADER_SIZE, Seat};
use mapring::memory::Memory;
use mapring::ring::mpsc::Mpsc;
use mapring::ring::participant::{self, Counters};
use mapring::ring::spsc::Spsc;
use mapring::ring::{Batch, Consumer, Gap, Liveness, Position, Produce, Protocol, stalled};
use mapring::{Corrupt, Role, TrySendError};
use mapring_testing::oracle::payload;

use super::Change;
use crate::confined::Confined;

/// One call of one endpoint.
#[derive(Debug, Arbitrary)]
pub(super) enum Step {
    /// The peer changes a word; not an endpoint's call.
    Change(Change),
    /// Sends a record of so many bytes, modulo two more than the longest.
    Send(u16),
    /// Claims room, writes some of it, and commits it or not.
    Claim { len: u16, offset: u16, commit: bool },
    /// Publishes a batch, or drops it.
    Batch { lens: Vec<u16>, publish: bool },
    /// Asks the producer for its room.
    Free,
    /// Asks the producer for a position.
    IsReleased(u64),
    /// Takes records, at most so many.
    Receive(u8),
    /// Drains records, at most so many, and releases after so many bytes.
    Drain(u8, u16),
    /// Gives them back.
    Release,
    /// Looks at participants, counters and how much is waiting, and who holds things up.
    Watch,
    /// Another producer takes over.
    ReplaceProducer,
    /// Another consumer takes over.
    ReplaceConsumer,
}

/// What a role has come to: an endpoint, and what it once called corrupt.
struct Endpoint<E> {
    /// `None` when it could not attach.
    endpoint: Option<E>,
    corrupt: Option<Corrupt>,
}

/// A drain ends behind a record with this tag.
const LAST_TAG: u32 = 2;

/// Most producers at a time.
const PRODUCERS: usize = 2;

/// A kind of ring, with its way to make batches.
pub(super) trait Batches: Protocol {
    /// Puts the payloads into a batch, and publishes it or drops it.
    fn batch<M: Memory>(
        producer: &mut Self::Producer<M>,
        payloads: &[Vec<u8>],
        publish: bool,
    ) -> Result<(), TrySendError>;
}

impl Batches for Spsc {
    fn batch<M: Memory>(
        producer: &mut Self::Producer<M>,
        payloads: &[Vec<u8>],
        publish: bool,
    ) -> Result<(), TrySendError> {
        fill(producer.batch(), payloads, publish)
    }
}

impl Batches for Mpsc {
    fn batch<M: Memory>(
        producer: &mut Self::Producer<M>,
        payloads: &[Vec<u8>],
        publish: bool,
    ) -> Result<(), TrySendError> {
        // Not always enough.
        let room = payloads.iter().map(|bytes| HEADER_SIZE + bytes.len()).sum();
        fill(producer.try_batch(room)?, payloads, publish)
    }
}

fn fill<P: Produce>(
    mut batch: Batch<'_, P>,
    payloads: &[Vec<u8>],
    publish: bool,
) -> Result<(), TrySendError> {
    let result = payloads.iter().try_for_each(|bytes| batch.push(3, bytes));
    if publish {
        batch.publish();
    }
    result
}

pub(super) struct Endpoints<M: Memory, P: Protocol> {
    memory: M,
    geometry: Geometry,
    producers: Vec<Endpoint<P::Producer<Confined<M>>>>,
    /// Which of them has its turn.
    turn: usize,
    consumer: Endpoint<Consumer<Confined<M>, P>>,
}

impl<M: Memory + Clone, P: Batches> Endpoints<M, P> {
    pub(super) fn new(memory: M, geometry: Geometry) -> Self {
        let mut endpoints = Self {
            memory,
            geometry,
            producers: Vec::new(),
            turn: 0,
            consumer: Endpoint::none(),
        };
        for index in 0..geometry.producers().min(PRODUCERS) {
            endpoints.producers.push(Endpoint::none());
            endpoints.replace_producer(index);
        }
        endpoints.replace_consumer();
        endpoints
    }

    pub(super) fn take(&mut self, step: &Step) {
        self.turn = (self.turn + 1) % self.producers.len();
        match step {
            Step::Change(_) => {}
            Step::Send(len) => {
                let bytes = payload(self.length(*len), *len as u8);
                self.send(|producer| producer.try_send(1, &bytes));
            }
            Step::Claim {
                len,
                offset,
                commit,
            } => {
                let bytes = payload(self.length(*len), *len as u8);
                let offset = usize::from(*offset) % (bytes.len() + 1);
                self.send(|producer| {
                    let mut claim = producer.try_claim(bytes.len())?;
                    claim.write(offset, &bytes[offset..]);
                    if *commit {
                        claim.commit(2);
                    }
                    Ok(())
                });
            }
            // Nothing is asked of the ring.
            Step::Batch { lens, .. } if lens.is_empty() => {}
            Step::Batch { lens, publish } => {
                let payloads: Vec<_> = lens
                    .iter()
                    .map(|len| payload(self.length(*len), *len as u8))
                    .collect();
                self.send(|producer| P::batch(producer, &payloads, *publish));
            }
            Step::Free => {
                let capacity = self.geometry.capacity();
                self.send(|producer| {
                    assert!(producer.free()? < capacity);
                    Ok(())
                });
            }
            Step::IsReleased(position) => self.send(|producer| {
                producer.is_released(Position(*position))?;
                Ok(())
            }),
            Step::Receive(limit) => self.receive(*limit),
            Step::Drain(limit, release_every) => self.drain(*limit, usize::from(*release_every)),
            Step::Release => {
                if let Some(consumer) = &mut self.consumer.endpoint {
                    consumer.release();
                }
            }
            Step::Watch => self.watch(),
            Step::ReplaceProducer => self.replace_producer(self.turn),
            Step::ReplaceConsumer => self.replace_consumer(),
        }
    }

    fn send(
        &mut self,
        call: impl FnOnce(&mut P::Producer<Confined<M>>) -> Result<(), TrySendError>,
    ) {
        let endpoint = &mut self.producers[self.turn];
        let Some(producer) = &mut endpoint.endpoint else {
            return;
        };
        match call(producer) {
            Err(TrySendError::Corrupt(corrupt)) => endpoint.stays(Some(corrupt)),
            // Said without a look at the ring.
            Err(TrySendError::TooLong { .. } | TrySendError::TooMuchRoom { .. }) => {}
            Ok(()) | Err(_) => endpoint.stays(None),
        }
    }

    fn receive(&mut self, limit: u8) {
        let Some(consumer) = &mut self.consumer.endpoint else {
            return;
        };
        for _ in 0..limit {
            match consumer.peek() {
                Ok(Some(header)) => {
                    assert!(header.len <= self.geometry.max_payload());
                    consumer.read(&header, &mut vec![0; header.len]);
                    consumer.advance(&header);
                }
                Ok(None) => break,
                Err(corrupt) => return self.consumer.stays(Some(corrupt)),
            }
        }
        if limit > 0 {
            self.consumer.stays(None);
        }
    }

    fn drain(&mut self, limit: u8, release_every: usize) {
        let Some(consumer) = &mut self.consumer.endpoint else {
            return;
        };
        let most = self.geometry.max_payload();
        let count = consumer.drain_while(usize::from(limit), release_every, |record| {
            let len = record.header().len;
            assert!(len <= most);
            record.read(&mut vec![0; len]);
            // It may have enough before there is no more.
            record.header().tag != LAST_TAG
        });
        assert!(count <= usize::from(limit));
        if self.consumer.corrupt.is_some() {
            assert_eq!(count, 0, "a corrupt ring is not read");
        }
    }

    fn watch(&mut self) {
        let slot = self.geometry.producer_slot(self.turn);
        // Any answer will do, as long as there is one.
        let _ = participant::look(&self.memory, slot, Role::Producer);
        let _ = participant::look(&self.memory, layout::CONSUMER_SLOT, Role::Consumer);
        let _ = Counters::load(&self.memory, slot);
        let _ = stalled(&self.memory, &self.geometry);
        if let Some(producer) = &mut self.producers[self.turn].endpoint {
            producer.count_wait();
        }
        if let Some(consumer) = &mut self.consumer.endpoint {
            consumer.count_wait();
            let most = self.geometry.capacity().max(consumer.unreleased());
            assert!(consumer.waiting() <= most);
            self.recover();
        }
    }

    /// Asks who has died, and hears a different answer each time.
    fn recover(&mut self) {
        let Some(consumer) = &mut self.consumer.endpoint else {
            return;
        };
        let from = consumer.position();
        match consumer.recover(&mut SomeDead(self.turn)) {
            Ok(Gap::Dead(repair)) => {
                assert_eq!(from.plus(repair.size), consumer.position());
                assert!(repair.size <= self.geometry.largest_claim());
                self.consumer.stays(None);
            }
            Ok(_) => self.consumer.stays(None),
            Err(corrupt) => self.consumer.stays(Some(corrupt)),
        }
    }

    fn replace_producer(&mut self, index: usize) {
        let seat = Seat::Producer(index);
        let memory = Confined::new(self.memory.clone(), self.geometry, seat);
        participant::attach(&memory, seat.slot(), 1);
        self.producers[index] = Endpoint {
            endpoint: P::attach(memory, self.geometry, index).ok().flatten(),
            corrupt: None,
        };
    }

    fn replace_consumer(&mut self) {
        let seat = Seat::Consumer;
        let memory = Confined::new(self.memory.clone(), self.geometry, seat);
        participant::attach(&memory, seat.slot(), 2);
        self.consumer = Endpoint {
            endpoint: Consumer::attach(memory, self.geometry).ok(),
            corrupt: None,
        };
    }

    /// A length that is at most one too long.
    fn length(&self, len: u16) -> usize {
        usize::from(len) % (self.geometry.max_payload() + 2)
    }
}

/// Who says that some have died: now all, now none but the first ones.
struct SomeDead(usize);

impl Liveness for SomeDead {
    fn take(&mut self, index: usize) -> bool {
        self.0 == 0 || index < self.0
    }
}

impl<E> Endpoint<E> {
    fn none() -> Self {
        Self {
            endpoint: None,
            corrupt: None,
        }
    }

    /// Whoever has said that a ring is corrupt says so for ever.
    fn stays(&mut self, said: Option<Corrupt>) {
        if self.corrupt.is_some() {
            assert_eq!(said, self.corrupt, "not what it said before");
        }
        self.corrupt = said;
    }
}
