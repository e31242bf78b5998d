//! What the words of the gates hold after each step of who sleeps and of who wakes, one at a time.
//! What comes of steps that happen at the same time is for the models.

use std::sync::atomic::Ordering::Relaxed;

use mapring::layout::{
    DATA_ANSWERED, DATA_PARKED, Fences, PAGE, SPACE_ANSWERED, SPACE_PARKED, SPACE_WANTED, Word,
};
use mapring::memory::{Memory, ReadMemory};
use mapring::ring::Position;
use mapring::ring::gate::{Gate, Ticket, Waker};
use mapring_testing::Bytes;

/// Positions: in the middle, and on both sides of the ends of what a number can count.
const POSITIONS: [u64; 5] = [1 << 12, 0, (1 << 63) - 64, 1 << 63, 0_u64.wrapping_sub(64)];
/// Numbers of sleeps, likewise.
const SLEEPS: [u64; 5] = [0, 7, (1 << 63) - 1, 1 << 63, u64::MAX];
/// How many bytes one position lies behind another here.
const STEP: usize = 64;

/// Both gates, with the words that they use.
const GATES: [(Gate, Word, Word); 2] = [
    (Gate::Data, DATA_PARKED, DATA_ANSWERED),
    (Gate::Space, SPACE_PARKED, SPACE_ANSWERED),
];

fn memory() -> Bytes {
    Bytes::zeroed(3 * PAGE)
}

fn load(memory: &Bytes, word: Word) -> u64 {
    memory.load(word, Relaxed)
}

/// Both numbers of a gate at `sleeps`: nobody sleeps.
fn at(memory: &Bytes, parked: Word, answered: Word, sleeps: u64) {
    memory.store(parked, sleeps, Relaxed);
    memory.store(answered, sleeps, Relaxed);
}

fn park(gate: Gate, memory: &Bytes, wanted: u64) -> Ticket {
    gate.park(memory, Fences::Symmetric, Position(wanted))
}

fn waker(gate: Gate, memory: &Bytes) -> Waker {
    Waker::new(gate, memory, Fences::Symmetric)
}

#[test]
fn a_sleep_is_announced_and_answered() {
    for (gate, parked, answered) in GATES {
        for sleeps in SLEEPS {
            let memory = memory();
            at(&memory, parked, answered, sleeps);
            let mut waker = waker(gate, &memory);
            let quiet = memory.snapshot();
            assert!(!waker.must_answer(gate, &memory));
            assert_eq!(waker.answer_all(gate, &memory), None);
            assert_eq!(memory.snapshot(), quiet, "who wakes nobody stores nothing");

            let ticket = park(gate, &memory, 0);
            let expected = sleeps;
            let word = answered;
            assert_eq!(ticket, Ticket { word, expected });
            assert_eq!(load(&memory, parked), sleeps.wrapping_add(1));
            assert_eq!(load(&memory, answered), sleeps, "still to be answered");

            assert!(waker.must_answer(gate, &memory));
            let woken = waker.answer(gate, &memory, Position(0));
            assert_eq!(woken, Some(answered));
            assert_eq!(load(&memory, answered), sleeps.wrapping_add(1));
            assert!(!waker.must_answer(gate, &memory));
            assert_eq!(waker.answer(gate, &memory, Position(0)), None, "one wake");
        }
    }
}

#[test]
fn who_sleeps_at_the_same_time_shares_a_number() {
    for (gate, parked, answered) in GATES {
        for sleeps in SLEEPS {
            let memory = memory();
            at(&memory, parked, answered, sleeps);
            let first = park(gate, &memory, 0);
            assert_eq!(park(gate, &memory, 0), first);
            assert_eq!(load(&memory, parked), sleeps.wrapping_add(1));
            // One who is ahead is not taken back by one who comes late.
            memory.store(parked, sleeps.wrapping_add(5), Relaxed);
            assert_eq!(park(gate, &memory, 0), first);
            assert_eq!(load(&memory, parked), sleeps.wrapping_add(5));
            // One answer ends all of these sleeps.
            let woken = waker(gate, &memory).answer_all(gate, &memory);
            assert_eq!(woken, Some(answered));
            assert_eq!(load(&memory, answered), sleeps.wrapping_add(5));
        }
    }
}

#[test]
fn nobody_answers_what_was_answered() {
    for (gate, parked, answered) in GATES {
        for sleeps in SLEEPS {
            let memory = memory();
            at(&memory, parked, answered, sleeps);
            let mut late = waker(gate, &memory);
            let _ = park(gate, &memory, 0);
            let woken = waker(gate, &memory).answer_all(gate, &memory);
            assert_eq!(woken, Some(answered));
            // It still takes it for a sleep, looks once, and then knows.
            assert!(late.must_answer(gate, &memory));
            assert_eq!(late.answer_all(gate, &memory), None);
            assert!(!late.must_answer(gate, &memory));
            // Answered is even ahead: another has answered a later sleep.
            memory.store(answered, sleeps.wrapping_add(9), Relaxed);
            let before = memory.snapshot();
            assert_eq!(late.answer(gate, &memory, Position(0)), None);
            assert_eq!(memory.snapshot(), before);
        }
    }
}

#[test]
fn sleepers_for_room_are_woken_when_it_is_there() {
    for position in POSITIONS.map(Position) {
        let memory = memory();
        let _ = park(Gate::Space, &memory, position.0);
        assert_eq!(load(&memory, SPACE_WANTED), position.0 | 1);
        let mut waker = waker(Gate::Space, &memory);
        let before = memory.snapshot();
        let short = Position(position.0.wrapping_sub(8));
        assert_eq!(waker.answer(Gate::Space, &memory, short), None);
        assert_eq!(memory.snapshot(), before, "nothing changes until then");
        assert!(
            waker.must_answer(Gate::Space, &memory),
            "it is still asleep"
        );
        let woken = waker.answer(Gate::Space, &memory, position);
        assert_eq!(woken, Some(SPACE_ANSWERED));
        assert_eq!(load(&memory, SPACE_WANTED), 0);
    }
}

#[test]
fn what_all_must_see_wakes_whoever_sleeps_for_room() {
    for position in POSITIONS {
        let memory = memory();
        let _ = park(Gate::Space, &memory, position);
        let woken = waker(Gate::Space, &memory).answer_all(Gate::Space, &memory);
        assert_eq!(woken, Some(SPACE_ANSWERED));
        assert_eq!(load(&memory, SPACE_WANTED), 0);
    }
}

#[test]
fn of_several_wishes_the_least_counts() {
    for position in POSITIONS.map(Position) {
        let later = position.plus(STEP);
        for wishes in [[position, later], [later, position], [position, position]] {
            let memory = memory();
            for wish in wishes {
                let _ = park(Gate::Space, &memory, wish.0);
            }
            assert_eq!(load(&memory, SPACE_WANTED), position.0 | 1);
        }
    }
}

#[test]
fn a_wish_that_was_cleared_means_at_once() {
    let memory = memory();
    let _ = park(Gate::Space, &memory, 1 << 12);
    memory.store(SPACE_WANTED, 0, Relaxed);
    let woken = waker(Gate::Space, &memory).answer(Gate::Space, &memory, Position(0));
    assert_eq!(woken, Some(SPACE_ANSWERED));
}

#[test]
fn records_have_no_wish() {
    let memory = memory();
    let _ = park(Gate::Data, &memory, 1 << 12);
    assert_eq!(load(&memory, SPACE_WANTED), 0);
    memory.store(SPACE_WANTED, 77, Relaxed);
    let woken = waker(Gate::Data, &memory).answer(Gate::Data, &memory, Position(0));
    assert_eq!(woken, Some(DATA_ANSWERED));
    assert_eq!(load(&memory, SPACE_WANTED), 77);
}

#[test]
fn a_waker_keeps_the_fences_of_its_region() {
    for fences in [Fences::Symmetric, Fences::Membarrier] {
        let memory = memory();
        assert_eq!(Waker::new(Gate::Data, &memory, fences).fences(), fences);
    }
}
