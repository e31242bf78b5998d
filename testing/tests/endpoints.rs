//! What the two sides of a ring say of themselves: how much room there is, how much waits, what
//! they have counted, how long a claim is. Each number against one made by hand.

use std::sync::atomic::Ordering::Relaxed;

use mapring::layout::{self, CONSUMER_SLOT, Geometry, HEAD, Kind, TAIL, Word};
use mapring::memory::{Memory, ReadMemory};
use mapring::ring::participant::Counters;
use mapring::ring::{Consumer, Position, Produce, Protocol, Record, mpsc, spsc};
use mapring::{Corrupt, TrySendError};
use mapring_testing::Bytes;

use both_sides::{Ring, ring};
use common::{STARTS, ring_of};

#[path = "common/both_sides.rs"]
mod both_sides;
mod common;

impl<P: Produce<Memory = Bytes>, C: Protocol> Ring<P, C> {
    /// Goes past one record, without releasing it.
    fn advance(&mut self) {
        let header = self.consumer.peek().expect("nothing wrong");
        self.consumer.advance(&header.expect("a record"));
    }

    fn counters(&self, slot: Word) -> Counters {
        Counters::load(&self.memory, slot)
    }
}

/// 256 bytes, in steps of 16; one record takes 48 at most.
fn room_and_rest<C: Protocol>() {
    for start in STARTS {
        let mut ring = ring::<C>(ring_of(C::KIND, 1), start);
        assert_eq!(ring.producer.geometry(), &ring.geometry);
        assert_eq!(ring.consumer.geometry(), &ring.geometry);
        assert_eq!(ring.producer.position(), ring.at(0));
        assert_eq!(ring.producer.free(), Ok(248));
        assert_eq!(ring.consumer.waiting(), 0);

        ring.send(40);
        ring.send(8);
        assert_eq!(ring.producer.position(), ring.at(64));
        assert_eq!(ring.producer.free(), Ok(184));
        for (bytes, is_there) in [(0, true), (183, true), (184, true), (185, false)] {
            assert_eq!(ring.producer.has_room(bytes), Ok(is_there), "{bytes}");
        }
        // For 192 bytes, HEAD must be eight bytes on.
        assert_eq!(ring.producer.head_wanted(192), ring.at(8));
        assert_eq!(ring.producer.head_wanted(240), ring.at(56));
        assert_eq!(ring.consumer.waiting(), 64);
        assert_eq!(ring.consumer.unreleased(), 0);
        assert_eq!(ring.consumer.is_drained(), Ok(false));

        ring.advance();
        assert_eq!(ring.consumer.position(), ring.at(48));
        assert_eq!(ring.consumer.unreleased(), 48);
        assert_eq!(ring.consumer.waiting(), 64, "it is not released");
        assert_eq!(ring.producer.is_released(ring.at(0)), Ok(true));
        assert_eq!(ring.producer.is_released(ring.at(48)), Ok(false));
        ring.consumer.release();
        assert_eq!(ring.memory.load(HEAD, Relaxed), ring.at(48).0);
        assert_eq!(ring.consumer.waiting(), 16);
        assert_eq!(ring.producer.is_released(ring.at(48)), Ok(true));
        assert_eq!(ring.producer.is_released(ring.at(64)), Ok(false));
        assert_eq!(ring.producer.has_room(232), Ok(true));
        assert_eq!(ring.producer.has_room(233), Ok(false));
        ring.advance();
        ring.consumer.release();
        assert_eq!(ring.consumer.is_drained(), Ok(true));
        // A TAIL that cannot be, as an observer may see it, is not counted.
        let tail = ring.at(64 + 256);
        ring.memory.store(TAIL, tail.0, Relaxed);
        assert_eq!(ring.consumer.waiting(), 256);
        ring.memory.store(TAIL, tail.plus(8).0, Relaxed);
        assert_eq!(ring.consumer.waiting(), 0);
    }
}

/// Not a byte more fits, and whoever takes over finds it so.
fn full_to_the_last_byte<C: Protocol>() {
    let geometry = Geometry::of_any_capacity(C::KIND, 64, 48, 8, 1).expect("a shape");
    for start in STARTS {
        let mut ring = ring::<C>(geometry, start);
        ring.send(48);
        assert_eq!(ring.producer.free(), Ok(0));
        assert_eq!(ring.producer.has_room(0), Ok(true));
        assert_eq!(ring.producer.has_room(1), Ok(false));
        assert_eq!(ring.producer.try_send(7, &[]), Err(TrySendError::Full));
        let next = C::attach(ring.memory.clone(), geometry, 0).expect("good cursors");
        let mut next = next.expect("a free slot");
        assert_eq!(next.position(), ring.at(56));
        assert_eq!(next.free(), Ok(0));
        assert_eq!(next.try_send(7, &[]), Err(TrySendError::Full));
        ring.producer = next;
        // Who takes over the consumer's role here finds a whole record.
        ring.consumer = Consumer::attach(ring.memory.clone(), geometry).expect("good cursors");
        ring.advance();
        ring.consumer.release();
        assert_eq!(ring.producer.free(), Ok(56));
        ring.send(48);
    }
}

#[test]
fn full_to_the_last_byte_with_one_producer() {
    full_to_the_last_byte::<spsc::Spsc>();
}

#[test]
fn full_to_the_last_byte_with_many_producers() {
    full_to_the_last_byte::<mpsc::Mpsc>();
}

#[test]
fn room_and_rest_with_one_producer() {
    room_and_rest::<spsc::Spsc>();
}

#[test]
fn room_and_rest_with_many_producers() {
    room_and_rest::<mpsc::Mpsc>();
}

fn counts<C: Protocol>() {
    for start in STARTS {
        let mut ring = ring::<C>(ring_of(C::KIND, 1), start);
        let slot = ring.geometry.producer_slot(0);
        for _ in 0..5 {
            ring.send(40);
        }
        assert_eq!(ring.producer.try_send(7, &[0; 16]), Err(TrySendError::Full));
        for _ in 0..2 {
            ring.producer.count_wait();
        }
        ring.producer.count_sleep(true);
        for _ in 0..3 {
            ring.producer.count_sleep(false);
        }
        ring.producer.show_counters();
        let sent = Counters {
            records: 5,
            bytes: 240,
            stalls: 1,
            waits: 2,
            sleeps: 4,
            late: 1,
            repairs: 0,
        };
        assert_eq!(ring.counters(slot), sent);
        ring.producer.show_counters();
        assert_eq!(ring.counters(slot), sent, "shown twice, counted once");

        ring.advance();
        let drained = ring.consumer.drain_while(3, usize::MAX, |_| true);
        assert_eq!(drained, 3);
        for _ in 0..6 {
            ring.consumer.count_stall();
        }
        ring.consumer.count_wait();
        ring.consumer.count_sleep(false);
        ring.consumer.count_sleep(true);
        ring.consumer.show_counters();
        let received = Counters {
            records: 4,
            bytes: 192,
            stalls: 6,
            waits: 1,
            sleeps: 2,
            late: 1,
            repairs: 0,
        };
        assert_eq!(ring.counters(CONSUMER_SLOT), received);
        ring.consumer.show_counters();
        assert_eq!(ring.counters(CONSUMER_SLOT), received);
        // A wait is shown at once, with what else there is.
        ring.send(8);
        ring.producer.count_wait();
        assert_eq!(ring.counters(slot).records, 6);
        ring.advance();
        ring.consumer.count_wait();
        assert_eq!(ring.counters(CONSUMER_SLOT).records, 5);
        // The next one in the slot goes on from there.
        ring.send(8);
        assert!(!ring.producer.leave(), "nothing was leaked");
        assert_eq!(ring.counters(slot).records, 7);
        let next = C::attach(ring.memory.clone(), ring.geometry, 0);
        let mut next = next.expect("good cursors").expect("a free slot");
        next.show_counters();
        assert_eq!(ring.counters(slot).records, 7);
    }
}

#[test]
fn one_producer_counts() {
    counts::<spsc::Spsc>();
}

#[test]
fn many_producers_count() {
    counts::<mpsc::Mpsc>();
}

/// How often busy ones show their counters: by bytes, by bytes, by records.
#[test]
fn counters_are_shown_once_in_a_while() {
    let records_seen = |records: usize, counters: Counters| {
        assert_eq!(counters.records, records as u64);
        assert_eq!(counters.bytes, 16 * records as u64);
    };
    let mut one = ring::<spsc::Spsc>(ring_of(Kind::Spsc, 1), 0);
    let mut many = ring::<mpsc::Mpsc>(ring_of(Kind::Mpsc, 1), 0);
    for sent in 1..=8192 {
        one.send(8);
        one.advance();
        one.consumer.release();
        many.send(8);
        many.advance();
        many.consumer.release();
        // 4096 records are 64 KiB. A producer looks before it sends.
        records_seen(sent / 4096 * 4096, one.counters(CONSUMER_SLOT));
        records_seen(
            (sent - 1) / 4096 * 4096,
            one.counters(layout::PRODUCER_SLOTS),
        );
        records_seen(sent / 256 * 256, many.counters(layout::PRODUCER_SLOTS));
    }
}

/// Every so many bytes, and at the end.
#[test]
fn a_drain_gives_room_back_on_its_way() {
    let mut ring = ring::<spsc::Spsc>(ring_of(Kind::Spsc, 1), 0);
    for (every, expected) in [(32, vec![32, 64, 80]), (33, vec![48, 80]), (240, vec![80])] {
        let start = ring.producer.position();
        (0..5).for_each(|_| ring.send(8));
        let mut released = Vec::new();
        let go_on = |_: Record<'_, Bytes>| true;
        ring.consumer
            .drain_with(9, every, go_on, |memory, position| {
                assert_eq!(memory.load(HEAD, Relaxed), position.0);
                released.push(position.distance_from(start));
            });
        released.dedup();
        assert_eq!(released, expected, "{every}");
    }
}

#[test]
fn what_somebody_has_seen_ends_an_endpoint() {
    let mut ring = ring::<spsc::Spsc>(ring_of(Kind::Spsc, 1), 0);
    let corrupt = Corrupt::State {
        role: mapring::Role::Producer,
        state: 9,
    };
    assert_eq!(ring.consumer.corrupt(), None);
    assert_eq!(ring.consumer.poison(corrupt), corrupt);
    assert_eq!(ring.consumer.corrupt(), Some(corrupt));
    assert_eq!(ring.consumer.peek(), Err(corrupt));
    assert_eq!(ring.producer.poison(corrupt), corrupt);
    assert_eq!(ring.producer.free(), Err(corrupt));
    let refused = Err(TrySendError::Corrupt(corrupt));
    assert_eq!(ring.producer.try_send(1, &[]), refused);
}

#[test]
fn positions_go_round() {
    for at in [0, 1 << 63, 0_u64.wrapping_sub(8), 1 << 32].map(Position) {
        for bytes in [0, 8, 4096] {
            let later = at.plus(bytes);
            assert_eq!(later.0, at.0.wrapping_add(bytes as u64));
            assert_eq!(later.distance_from(at), bytes as u64);
            assert_eq!(later.is_after(at), bytes > 0);
            assert!(!at.is_after(later));
        }
        let geometry = ring_of(Kind::Spsc, 1);
        assert!(at.plus(at.0 as usize & 8).is_aligned(&geometry));
        assert!(!at.plus(4).is_aligned(&geometry));
    }
}
