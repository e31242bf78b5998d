//! A producer's life, from its attachment on.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Receiver;

use mapring::TrySendError;
use mapring::layout::{self, HEADER_SIZE};
use mapring::memory::ReadMemory;
use mapring::ring::mpsc::Producer;
use mapring::ring::{Produce, participant};

use crate::operations::{End, leak, write_in_pieces};
use crate::oracle::{Record, payload};

use super::baton::{Baton, lock};
use super::ledger::{Ledger, Promise, Who};
use super::locks::Held;
use super::stepped::Stepped;
use super::{Message, Production, World};

/// A producer that has a slot.
struct Life<'a> {
    world: &'a World,
    number: usize,
    producer: Producer<Stepped>,
    /// These two in this order: it has died before its lock is free.
    _ending: Ending<'a>,
    _held: Held,
}

/// Tells of the end of a producer when it is dropped, whether that has left or is killed.
struct Ending<'a> {
    world: &'a World,
    number: usize,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        lock(&self.world.ledger).producer_ends(self.number);
    }
}

/// Attaches to a slot, then does what it is told to, until it is told to leave.
pub(super) fn produce(world: &World, baton: &Arc<Baton>, jobs: &Receiver<Production>) {
    let slots = 0..world.geometry.producers();
    let mut lives = slots.filter_map(|slot| Life::attach(world, baton, slot));
    let Some(mut life) = lives.next() else {
        return;
    };
    loop {
        lock(&world.ledger).rests(life.number);
        baton.rest();
        match jobs.try_recv().expect("one job for each turn") {
            Production::Send(message) => life.send(message),
            Production::Claim { message, end } => life.claim(message, end),
            Production::Batch {
                messages,
                spare,
                end,
            } => life.batch(&messages, spare, end),
            Production::Look => life.look(),
            Production::Leave => return life.leave(),
        }
    }
}

impl<'a> Life<'a> {
    /// `None` when the slot is held, or its dead holder's claim is unresolved.
    fn attach(world: &'a World, baton: &Arc<Baton>, slot: usize) -> Option<Self> {
        // Time passes before the lock is asked for.
        baton.step();
        let held = world.locks.take(slot)?;
        let number = lock(&world.ledger).producer_comes(slot);
        let ending = Ending { world, number };
        let who = Who::Producer(number);
        let memory = Stepped::new(world.memory.clone(), who, baton, &world.ledger);
        let attached = Producer::attach(memory.clone(), world.geometry, slot);
        let Some(producer) = attached.expect("good cursors") else {
            lock(&world.ledger).tally.unresolved += 1;
            return None;
        };
        let words = world.geometry.producer_slot(slot);
        participant::attach(&memory, words, Ledger::pid(number));
        Some(Self {
            world,
            number,
            producer,
            _ending: ending,
            _held: held,
        })
    }

    fn send(&mut self, message: Message) {
        let record = self.record(message);
        let size = self.size(record.payload.len());
        let released = self.promise(size, vec![record.clone()]);
        let result = self.producer.try_send(record.tag, &record.payload);
        self.judge(result, record.payload.len(), size, released);
    }

    fn claim(&mut self, message: Message, end: End) {
        let record = self.record(message);
        let len = record.payload.len();
        let size = self.size(len);
        let records = match end {
            End::Commit => vec![record.clone()],
            End::Abort | End::Forget => Vec::new(),
        };
        let released = self.promise(size, records);
        let result = self.producer.try_claim(len).map(|mut claim| {
            write_in_pieces(&record.payload, |offset, bytes| claim.write(offset, bytes));
            match end {
                End::Commit => claim.commit(record.tag),
                End::Abort => drop(claim),
                End::Forget => leak(claim),
            }
        });
        self.judge(result, len, size, released);
    }

    /// Asks for more room than it needs, or for less.
    fn batch(&mut self, messages: &[Message], spare: i8, end: End) {
        let records: Vec<_> = messages.iter().map(|it| self.record(*it)).collect();
        let wanted: usize = records.iter().map(|it| self.size(it.payload.len())).sum();
        let room = wanted.saturating_add_signed(isize::from(spare) * 8);
        let size = room
            .max(HEADER_SIZE)
            .next_multiple_of(self.world.geometry.record_align());
        let mut left = size;
        let fit: Vec<_> = records
            .iter()
            .map(|record| {
                let size = self.size(record.payload.len());
                let fits = record.payload.len() <= self.world.geometry.max_payload();
                let fits = fits && size <= left;
                left -= if fits { size } else { 0 };
                fits
            })
            .collect();
        let fitting = records.iter().zip(&fit).filter(|(_, fits)| **fits);
        let promised = match end {
            End::Commit => fitting.map(|(record, _)| record.clone()).collect(),
            End::Abort | End::Forget => Vec::new(),
        };
        let limit = self.world.geometry.largest_claim();
        let released = self.promise(size, promised);
        let result = self.producer.try_batch(room).map(|mut batch| {
            for (record, fits) in records.iter().zip(fit) {
                let pushed = batch.push(record.tag, &record.payload);
                assert_eq!(pushed.is_ok(), fits, "{pushed:?}");
            }
            match end {
                End::Commit => batch.publish(),
                End::Abort => drop(batch),
                End::Forget => leak(batch),
            }
        });
        match result {
            Err(TrySendError::TooMuchRoom { .. }) => assert!(room > limit),
            result => self.judge(result, 0, size, released),
        }
    }

    fn look(&mut self) {
        let most = self.world.geometry.capacity() - HEADER_SIZE;
        let position = self.producer.position();
        let free = self.producer.free().expect("good cursors");
        assert!(free <= most);
        let corrupt = self.producer.has_room(free).err();
        assert_eq!(corrupt, None);
        let corrupt = self.producer.is_released(position).err();
        assert_eq!(corrupt, None);
    }

    fn leave(mut self) {
        self.producer.leave();
        let geometry = self.world.geometry;
        participant::detach(
            self.producer.memory(),
            geometry.producer_slot(self.producer.index()),
        );
    }

    /// Says what it is about to claim. Returns HEAD.
    fn promise(&self, size: usize, records: Vec<Record>) -> u64 {
        let mut ledger = lock(&self.world.ledger);
        ledger.promise(self.number, Promise { size, records });
        ledger.released()
    }

    /// Whether the answer to an attempt for `size` bytes can be, HEAD having been `released` before.
    fn judge(&self, result: Result<(), TrySendError>, len: usize, size: usize, released: u64) {
        let geometry = &self.world.geometry;
        let mut ledger = lock(&self.world.ledger);
        match result {
            Ok(()) => {}
            Err(TrySendError::TooLong { .. }) => assert!(len > geometry.max_payload()),
            Err(TrySendError::Full) => {
                let free = ledger.always_free(released);
                assert!((size as u64) > free, "full, with {free} bytes free");
                // M4: it is not about to claim anything.
                let slot = geometry.producer_slot(self.producer.index());
                let intent = slot.plus(layout::SLOT_INTENT);
                assert_eq!(self.world.memory.load(intent, Relaxed), 0);
                ledger.tally.full += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// A record with a tag of its own.
    fn record(&self, message: Message) -> Record {
        let len = usize::from(message.len) % (self.world.geometry.max_payload() + 2);
        Record {
            tag: lock(&self.world.ledger).next_tag(),
            payload: payload(len, message.seed),
        }
    }

    fn size(&self, len: usize) -> usize {
        (HEADER_SIZE + len).next_multiple_of(self.world.geometry.record_align())
    }
}
