//! Slots of participants and the identity page, word by word: what each step stores, and what each
//! value there means to who reads it.

use std::sync::atomic::Ordering::Relaxed;

use mapring::layout::{
    self, CONSUMER_SLOT, Fences, Geometry, Kind, LAYOUT_HASH, PRESENCE, SLOT_ATTACHMENTS, SLOT_PID,
    SLOT_STATE, Wakeups, Word,
};
use mapring::memory::{Memory, ReadMemory};
use mapring::ring::Position;
use mapring::ring::attach::{self, Identity, generation, initialise, verify};
use mapring::ring::participant::{
    Counters, Producers, State, attach as take, detach, look, presence,
};
use mapring::{Corrupt, LayoutError, Role};
use mapring_testing::Bytes;

fn load(memory: &Bytes, word: Word) -> u64 {
    memory.load(word, Relaxed)
}

fn ring(producers: u64) -> (Geometry, Bytes) {
    let geometry = Geometry::new(Kind::Mpsc, 4096, 40, 16, producers).expect("a shape");
    (geometry, Bytes::zeroed(geometry.total_size()))
}

#[test]
fn a_slot_says_who_holds_it() {
    let (geometry, memory) = ring(2);
    for (slot, role) in [
        (CONSUMER_SLOT, Role::Consumer),
        (geometry.producer_slot(1), Role::Producer),
    ] {
        assert_eq!(look(&memory, slot, role), Ok(State::Absent));
        for attachment in 1..=3 {
            let pid = 1000 + attachment as u32;
            take(&memory, slot, pid);
            let attached = State::Attached { pid, attachment };
            assert_eq!(look(&memory, slot, role), Ok(attached));
            assert_eq!(load(&memory, slot.plus(SLOT_STATE)), 1);
            assert_eq!(load(&memory, slot.plus(SLOT_PID)), u64::from(pid));
            detach(&memory, slot);
            assert_eq!(look(&memory, slot, role), Ok(State::Left));
            assert_eq!(load(&memory, slot.plus(SLOT_STATE)), 2);
            assert_eq!(load(&memory, slot.plus(SLOT_ATTACHMENTS)), attachment);
        }
        for state in [3, 1 << 32, u64::MAX] {
            memory.store(slot.plus(SLOT_STATE), state, Relaxed);
            let corrupt = Err(Corrupt::State { role, state });
            assert_eq!(look(&memory, slot, role), corrupt);
        }
    }
}

#[test]
fn only_producers_count_as_present() {
    let (geometry, memory) = ring(2);
    take(&memory, CONSUMER_SLOT, 1);
    detach(&memory, CONSUMER_SLOT);
    assert_eq!(presence(&memory), 0);
    take(&memory, geometry.producer_slot(0), 1);
    take(&memory, geometry.producer_slot(1), 2);
    detach(&memory, geometry.producer_slot(0));
    assert_eq!(presence(&memory), 3);
    assert_eq!(load(&memory, PRESENCE), 3);
}

#[test]
fn producers_have_left_when_some_came_and_none_is_there() {
    for producers in [1, 3] {
        let (geometry, memory) = ring(producers);
        let mut known = Producers::default();
        let last = geometry.producer_slot(geometry.producers() - 1);
        assert_eq!(known.have_left(&memory, &geometry), Ok(false));
        assert_eq!(known.look_again(&memory, &geometry), Ok(false));
        for _ in 0..2 {
            take(&memory, last, 1);
            assert_eq!(known.have_left(&memory, &geometry), Ok(false));
            assert_eq!(known.look_again(&memory, &geometry), Ok(false));
            detach(&memory, last);
            assert_eq!(known.have_left(&memory, &geometry), Ok(true));
            assert_eq!(known.have_left(&memory, &geometry), Ok(true));
            assert_eq!(known.look_again(&memory, &geometry), Ok(true));
        }
    }
    let (geometry, memory) = ring(3);
    let mut known = Producers::default();
    take(&memory, geometry.producer_slot(0), 1);
    take(&memory, geometry.producer_slot(2), 1);
    detach(&memory, geometry.producer_slot(0));
    assert_eq!(known.have_left(&memory, &geometry), Ok(false));
    detach(&memory, geometry.producer_slot(2));
    assert_eq!(known.have_left(&memory, &geometry), Ok(true));
}

/// With several producers one word is looked at; with one, its slot.
#[test]
fn a_change_that_nobody_counted_is_found_by_looking_again() {
    let (geometry, memory) = ring(3);
    let mut known = Producers::default();
    let state = geometry.producer_slot(1).plus(SLOT_STATE);
    take(&memory, geometry.producer_slot(1), 1);
    assert_eq!(known.have_left(&memory, &geometry), Ok(false));
    memory.store(state, 2, Relaxed);
    assert_eq!(known.have_left(&memory, &geometry), Ok(false));
    assert_eq!(known.look_again(&memory, &geometry), Ok(true));
    assert_eq!(known.have_left(&memory, &geometry), Ok(true));

    let (geometry, memory) = ring(1);
    let state = geometry.producer_slot(0).plus(SLOT_STATE);
    assert_eq!(known.have_left(&memory, &geometry), Ok(false));
    memory.store(state, 2, Relaxed);
    assert_eq!(known.have_left(&memory, &geometry), Ok(true));
}

#[test]
fn counters_are_stored_and_loaded_word_by_word() {
    let (geometry, memory) = ring(2);
    for slot in [CONSUMER_SLOT, geometry.producer_slot(1)] {
        let counters = Counters {
            records: 1,
            bytes: 2,
            stalls: 3,
            waits: 4,
            repairs: 5,
            sleeps: 6,
            late: 7,
        };
        counters.store(&memory, slot);
        let shown = (0x40..0x78)
            .step_by(8)
            .map(|at| load(&memory, slot.plus(at)));
        assert_eq!(shown.collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(Counters::load(&memory, slot), counters);
    }
}

/// A region as its creator leaves it, and what it says of itself.
fn identity() -> Identity {
    Identity {
        geometry: Geometry::new(Kind::Mpsc, 4096, 100, 64, 3).expect("a shape"),
        persistent: true,
        generation: 0x1234_5678_9abc_def0,
        wakeups: Wakeups::Futex,
        fences: Fences::Membarrier,
    }
}

#[test]
fn an_identity_is_read_as_it_was_written() {
    for persistent in [true, false] {
        let identity = Identity {
            persistent,
            ..identity()
        };
        let size = identity.geometry.total_size();
        let memory = Bytes::zeroed(size);
        initialise(&memory, &identity, Position(4096));
        assert_eq!(verify(&memory, size as u64), Ok(identity));
        assert_eq!(generation(&memory), identity.generation);
        for cursor in [layout::HEAD, layout::TAIL, layout::RELEASE_TO] {
            assert_eq!(load(&memory, cursor), 4096);
        }
        let small = |kind, capacity, max_payload, align, producers| {
            Geometry::of_any_capacity(kind, capacity, max_payload, align, producers)
        };
        assert_eq!(attach::read(&memory, small), Ok(identity));
        for found in [size as u64 - 1, size as u64 + 1, 0] {
            let expected = size as u64;
            let refused = Err(LayoutError::Size { found, expected });
            assert_eq!(verify(&memory, found), refused);
        }
    }
}

#[test]
fn each_word_of_an_identity_is_checked() {
    let identity = identity();
    let size = identity.geometry.total_size();
    let field = |field, found| LayoutError::Field { field, found };
    let expected = layout::ENDIAN_MARK;
    let hash = layout::layout_hash();
    for (word, found, refused) in [
        (layout::MAGIC_WORD, 1, LayoutError::Magic { found: 1 }),
        (
            layout::ENDIAN_WORD,
            2,
            LayoutError::Endian { found: 2, expected },
        ),
        (
            layout::VERSION_WORD,
            9,
            LayoutError::Version {
                found: 9,
                expected: 1,
            },
        ),
        (
            LAYOUT_HASH,
            3,
            LayoutError::Hash {
                found: 3,
                expected: hash,
            },
        ),
        (layout::KIND, 3, field("kind", 3)),
        (
            layout::CAPACITY,
            5000,
            LayoutError::Capacity { capacity: 5000 },
        ),
        (
            layout::CAPACITY,
            2048,
            LayoutError::Capacity { capacity: 2048 },
        ),
        (
            layout::RECORD_ALIGN,
            9,
            LayoutError::RecordAlign { record_align: 9 },
        ),
        (layout::PRODUCERS, 0, field("producer slots", 0)),
        (layout::FLAGS, 2, field("flags", 2)),
        (layout::FLAGS, 3, field("flags", 3)),
        (layout::WAKEUPS, 3, field("wakeups", 3)),
        (layout::FENCES, 2, field("fences", 2)),
    ] {
        let memory = Bytes::zeroed(size);
        initialise(&memory, &identity, Position(0));
        memory.store(word, found, Relaxed);
        assert_eq!(verify(&memory, size as u64), Err(refused));
    }
}
