//! Producers and a consumer that sleep and wake each other, as those of the library do: with
//! their calls to rings and gates in the same order, and a list of sleepers for a kernel.

use std::sync::atomic::Ordering::Relaxed;

use arbitrary::Arbitrary;
use mapring::layout::{Fences, Geometry, Seat};
use mapring::memory::{Memory, ReadMemory};
use mapring::ring::attach::Identity;
use mapring::ring::gate::{Gate, Ticket, Waker};
use mapring::ring::participant::{self, Producers, State};
use mapring::ring::{Consumer, Gap, Position, Produce, Protocol};
use mapring::{Corrupt, Role, TrySendError, layout};
use mapring_testing::Bytes;

use super::goal::{Goal, Gone};
use super::{Change, Peer};
use crate::confined::Confined;

/// What one of them does. Every number is taken modulo what makes sense.
#[derive(Debug, Arbitrary)]
pub(super) enum Step {
    /// The peer changes a word; not an endpoint's call.
    Change(Change),
    /// A producer sends a record of so many bytes.
    Send { by: u8, len: u8 },
    /// A producer sets room aside, and gives it up.
    GiveUp { by: u8, len: u8 },
    /// A producer dies with room for so many bytes set aside.
    Die { by: u8, len: u8 },
    /// A producer leaves.
    Leave { by: u8 },
    /// Another producer comes, where there is none.
    Come { by: u8 },
    /// The consumer takes records, at most so many, and gives them back.
    Receive { limit: u8 },
    /// The consumer looks who has died.
    Recover,
    /// The consumer leaves, and another comes.
    ReplaceConsumer,
    /// The consumer goes to sleep until there is a record.
    SleepForRecord,
    /// A producer goes to sleep until there is room for so many bytes, or, if for none, until all
    /// that it has sent is released.
    SleepForRoom { by: u8, len: u8 },
    /// The clock ends the sleep of the consumer.
    WakeConsumer,
    /// The clock ends the sleep of a producer.
    WakeProducer { by: u8 },
    /// A producer goes on through another view of the same memory.
    Move { by: u8 },
}

/// A death in a claim for so many bytes or more comes before the mark.
const BEFORE_MARK: u8 = 128;
/// A death in a claim for so many bytes or more comes before the claim.
const BEFORE_CLAIM: u8 = 192;

/// A producer's seat.
struct Sender<R> {
    ring: Option<R>,
    waker: Waker,
    asleep: Option<(Ticket, Goal)>,
}

pub(super) struct Sleepers<M: Memory, P: Protocol> {
    memory: M,
    geometry: Geometry,
    fences: Fences,
    senders: Vec<Sender<P::Producer<Confined<M>>>>,
    /// `None` once there is one that cannot attach any more.
    consumer: Option<Consumer<Confined<M>, P>>,
    /// Wakes producers.
    waker: Waker,
    known: Producers,
    asleep: Option<Ticket>,
}

impl<M: Memory + Clone, P: Protocol> Sleepers<M, P> {
    pub(super) fn new(memory: M, identity: &Identity) -> Self {
        let Identity {
            geometry, fences, ..
        } = *identity;
        let sender = |_| Sender {
            ring: None,
            waker: Waker::new(Gate::Data, &memory, fences),
            asleep: None,
        };
        let mut sleepers = Self {
            geometry,
            fences,
            senders: (0..geometry.producers()).map(sender).collect(),
            consumer: None,
            waker: Waker::new(Gate::Space, &memory, fences),
            known: Producers::default(),
            asleep: None,
            memory,
        };
        assert_eq!(sleepers.waker.fences(), fences);
        sleepers.come(0);
        sleepers.consumer_comes();
        sleepers
    }

    pub(super) fn take(&mut self, step: &Step, peer: &Peer) {
        let done = match *step {
            Step::Change(_) => Ok(()),
            Step::Send { by, len } => self.send(by, |ring, most| {
                let bytes = [by; 256];
                ring.try_send(0, &bytes[..usize::from(len) % (most + 1)])
            }),
            Step::GiveUp { by, len } => self.send(by, |ring, most| {
                let len = usize::from(len) % (most + 1);
                let mut claim = ring.try_claim(len)?;
                assert_eq!((claim.len(), claim.is_empty()), (len, len == 0));
                claim.write(len / 2, &[by; 256][..len - len / 2]);
                Ok(())
            }),
            Step::Die { by, len } => self.die(by, len),
            Step::Leave { by } => {
                self.leave(by);
                Ok(())
            }
            Step::Come { by } => {
                self.come(by);
                Ok(())
            }
            Step::Receive { limit } => self.receive(limit),
            Step::Recover => self.recover(),
            Step::ReplaceConsumer => {
                self.replace_consumer();
                Ok(())
            }
            Step::SleepForRecord => self.sleep_for_record(),
            Step::SleepForRoom { by, len } => self.sleep_for_room(by, len),
            Step::WakeConsumer => {
                if let (Some(consumer), Some(_)) = (&mut self.consumer, self.asleep.take()) {
                    consumer.count_stall();
                    consumer.count_sleep(true);
                }
                Ok(())
            }
            Step::Move { by } => {
                self.move_over(by);
                Ok(())
            }
            Step::WakeProducer { by } => {
                let sender = self.sender(by);
                if let (Some(ring), Some(_)) = (&mut sender.ring, sender.asleep.take()) {
                    ring.count_sleep(true);
                }
                Ok(())
            }
        };
        if !peer.has_meddled.get() {
            assert_eq!(done, Ok(()), "nobody has changed a word");
        }
    }

    /// Nobody sleeps while what it waits for is there: to be asked between two steps.
    pub(super) fn nobody_oversleeps(&self, memory: &Bytes) {
        let cursor = |word| Position(memory.load(word, Relaxed));
        let (head, tail) = (cursor(layout::HEAD), cursor(layout::TAIL));
        let attached = |seat: Seat| {
            let state = participant::look(memory, seat.slot(), seat.role());
            matches!(state, Ok(State::Attached { .. }))
        };
        if self.asleep.is_some() {
            let header = memory.load(head.word(&self.geometry), Relaxed);
            assert_eq!(header, 0, "the consumer sleeps, and there is a record");
            let some_there = (0..self.senders.len()).any(|index| attached(Seat::Producer(index)));
            assert!(
                some_there || tail != head,
                "the consumer sleeps, and all have left"
            );
        }
        for sender in &self.senders {
            if let Some((_, goal)) = sender.asleep {
                let is_met = goal.is_met_by(head, tail, &self.geometry);
                assert!(
                    !is_met,
                    "a producer sleeps for {goal:?}: {head:?}, {tail:?}"
                );
            }
        }
    }

    fn sender(&mut self, by: u8) -> &mut Sender<P::Producer<Confined<M>>> {
        let count = self.senders.len();
        &mut self.senders[usize::from(by) % count]
    }

    /// Publishes something, and wakes the consumer.
    fn send(
        &mut self,
        by: u8,
        call: impl FnOnce(&mut P::Producer<Confined<M>>, usize) -> Result<(), TrySendError>,
    ) -> Result<(), Corrupt> {
        let most = self.geometry.max_payload();
        let sender = self.sender(by);
        let Some(ring) = &mut sender.ring else {
            return Ok(());
        };
        // Whoever calls is awake.
        sender.asleep = None;
        if let Err(TrySendError::Corrupt(corrupt)) = call(ring, most) {
            return Err(corrupt);
        }
        let waker = &mut sender.waker;
        if waker.must_answer(Gate::Data, ring.memory())
            && let Some(word) = waker.answer(Gate::Data, ring.memory(), Position(0))
        {
            assert_eq!(word, layout::DATA_ANSWERED);
            self.asleep = None;
        }
        Ok(())
    }

    /// A producer dies in one of three places: before it claims, before it marks the claim as its
    /// own, or before it publishes anything.
    fn die(&mut self, by: u8, len: u8) -> Result<(), Corrupt> {
        let index = usize::from(by) % self.senders.len();
        let most = self.geometry.max_payload();
        let slot = self.geometry.producer_slot(index);
        let sender = &mut self.senders[index];
        let Some(mut ring) = sender.ring.take() else {
            return Ok(());
        };
        sender.asleep = None;
        let bytes = usize::from(len) % (most + 1);
        let store = |ring: &P::Producer<Confined<M>>, field, value| {
            ring.memory().store(slot.plus(field), value, Relaxed);
        };
        if len >= BEFORE_CLAIM {
            let tail = ring.memory().load(layout::TAIL, Relaxed);
            let size = self.geometry.record_size(bytes) as u64;
            store(&ring, layout::SLOT_CLAIM_SIZE, size);
            store(&ring, layout::SLOT_INTENT, tail | 1);
            return Ok(());
        }
        match ring.reserve(bytes) {
            Err(TrySendError::Corrupt(corrupt)) => return Err(corrupt),
            Err(_) => {}
            Ok(_) if len >= BEFORE_MARK => store(&ring, layout::SLOT_CLAIMED, 0),
            Ok(_) => {}
        }
        Ok(())
    }

    fn leave(&mut self, by: u8) {
        let index = usize::from(by) % self.senders.len();
        let sender = &mut self.senders[index];
        let Some(mut ring) = sender.ring.take() else {
            return;
        };
        sender.asleep = None;
        assert!(!ring.leave(), "no claim was leaked");
        participant::detach(ring.memory(), Seat::Producer(index).slot());
        if let Some(word) = sender.waker.answer_all(Gate::Data, ring.memory()) {
            assert_eq!(word, layout::DATA_ANSWERED);
            self.asleep = None;
        }
    }

    fn come(&mut self, by: u8) {
        let index = usize::from(by) % self.senders.len();
        let sender = &mut self.senders[index];
        if sender.ring.is_some() {
            return;
        }
        let seat = Seat::Producer(index);
        let memory = Confined::new(self.memory.clone(), self.geometry, seat);
        // Not while its predecessor's claim is unresolved.
        sender.ring = P::attach(memory.clone(), self.geometry, index)
            .ok()
            .flatten();
        sender.waker = Waker::new(Gate::Data, &memory, self.fences);
        if sender.ring.is_some() {
            participant::attach(&memory, seat.slot(), 1);
        }
    }

    fn move_over(&mut self, by: u8) {
        let index = usize::from(by) % self.senders.len();
        let memory = Confined::new(self.memory.clone(), self.geometry, Seat::Producer(index));
        if let Some(ring) = &mut self.senders[index].ring {
            let moved = P::over(ring, memory);
            assert_eq!(*moved.geometry(), self.geometry);
            assert_eq!(moved.position(), ring.position());
            *ring = moved;
        }
    }

    fn receive(&mut self, limit: u8) -> Result<(), Corrupt> {
        let Some(consumer) = &mut self.consumer else {
            return Ok(());
        };
        self.asleep = None;
        for _ in 0..limit {
            let Some(header) = consumer.peek()? else {
                break;
            };
            let mut bytes = [0; 256];
            consumer.read(&header, &mut bytes[..usize::from(limit)]);
            consumer.advance(&header);
        }
        consumer.release();
        self.released();
        Ok(())
    }

    /// Says that everything up to the consumer's position is released.
    fn released(&mut self) {
        let Some(consumer) = &self.consumer else {
            return;
        };
        let memory = consumer.memory();
        if self.waker.must_answer(Gate::Space, memory)
            && let Some(word) = self.waker.answer(Gate::Space, memory, consumer.position())
        {
            assert_eq!(word, layout::SPACE_ANSWERED);
            self.senders
                .iter_mut()
                .for_each(|sender| sender.asleep = None);
        }
    }

    fn recover(&mut self) -> Result<(), Corrupt> {
        let Some(consumer) = &mut self.consumer else {
            return Ok(());
        };
        self.asleep = None;
        // One that has gone past something has not looked at what is behind it.
        if consumer.peek()?.is_some() {
            self.released();
            return Ok(());
        }
        let mut gone = Gone(
            self.senders
                .iter()
                .map(|sender| sender.ring.is_none())
                .collect(),
        );
        if let Gap::Dead(repair) = consumer.recover(&mut gone)? {
            assert!(gone.0[repair.index]);
        }
        self.released();
        Ok(())
    }

    fn replace_consumer(&mut self) {
        self.asleep = None;
        let Some(consumer) = self.consumer.take() else {
            return;
        };
        participant::detach(consumer.memory(), layout::CONSUMER_SLOT);
        if let Some(word) = self.waker.answer_all(Gate::Space, consumer.memory()) {
            assert_eq!(word, layout::SPACE_ANSWERED);
            self.senders
                .iter_mut()
                .for_each(|sender| sender.asleep = None);
        }
        self.consumer_comes();
    }

    fn consumer_comes(&mut self) {
        let memory = Confined::new(self.memory.clone(), self.geometry, Seat::Consumer);
        participant::attach(&memory, layout::CONSUMER_SLOT, 2);
        self.waker = Waker::new(Gate::Space, &memory, self.fences);
        self.known = Producers::default();
        self.consumer = Consumer::attach(memory, self.geometry).ok();
    }

    fn sleep_for_record(&mut self) -> Result<(), Corrupt> {
        let fences = self.fences;
        let Some(consumer) = &mut self.consumer else {
            return Ok(());
        };
        self.asleep = None;
        let wanted = consumer.position();
        let ticket = Gate::Data.park(consumer.memory(), fences, wanted);
        let have_left = self.known.have_left(consumer.memory(), &self.geometry)?;
        let is_there = consumer.peek()?.is_some();
        let has_moved = consumer.position() != wanted;
        let is_over = have_left && consumer.is_drained()?;
        // The kernel looks once more.
        let is_still = consumer.memory().load(ticket.word, Relaxed) == ticket.expected;
        self.asleep = (!is_there && !has_moved && !is_over && is_still).then_some(ticket);
        if has_moved {
            self.released();
        }
        Ok(())
    }

    fn sleep_for_room(&mut self, by: u8, len: u8) -> Result<(), Corrupt> {
        let (fences, geometry) = (self.fences, self.geometry);
        let sender = self.sender(by);
        let Some(ring) = &mut sender.ring else {
            return Ok(());
        };
        sender.asleep = None;
        let goal = match len {
            0 => Goal::Released(ring.position()),
            len => {
                Goal::Room(geometry.record_size(usize::from(len) % (geometry.max_payload() + 1)))
            }
        };
        if goal.is_met(ring)? {
            return Ok(());
        }
        let wanted = goal.head_wanted(ring);
        let ticket = Gate::Space.park(ring.memory(), fences, wanted);
        let consumer = participant::look(ring.memory(), layout::CONSUMER_SLOT, Role::Consumer)?;
        let is_over = goal.is_met(ring)? || consumer == State::Left;
        let is_still = ring.memory().load(ticket.word, Relaxed) == ticket.expected;
        sender.asleep = (!is_over && is_still).then_some((ticket, goal));
        Ok(())
    }
}
