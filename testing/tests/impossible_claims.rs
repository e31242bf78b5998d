//! Everything impossible that a peer can write about claims, its own and others': the exact
//! error, for ever, and not a word stored afterwards.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use mapring::Corrupt;
use mapring::layout::{self, Geometry, Kind, MAX_PRODUCERS, WORD};
use mapring::memory::{Memory, ReadMemory};
use mapring::ring::mpsc::{Consumer, Producer};
use mapring::ring::{Gap, Liveness, Position, Produce, RecordHeader, Repair};
use mapring_testing::{Bytes, Hostile};

use common::{STARTS, region, ring_of};

mod common;

/// Who says that everybody has died, except for one.
struct DeadBut(Option<usize>);

impl Liveness for DeadBut {
    fn take(&mut self, index: usize) -> bool {
        Some(index) != self.0
    }
}

/// What a slot says of a claim.
struct Said {
    size: u64,
    intent: u64,
    claimed: u64,
}

fn say(memory: &Bytes, geometry: &Geometry, index: usize, said: &Said) {
    let slot = geometry.producer_slot(index);
    for (field, value) in [
        (layout::SLOT_PID, 100 + index as u64),
        (layout::SLOT_CLAIM_SIZE, said.size),
        (layout::SLOT_INTENT, said.intent),
        (layout::SLOT_CLAIMED, said.claimed),
    ] {
        memory.store(slot.plus(field), value, Relaxed);
    }
}

/// Numbers that are wrong as a size, each for a reason of its own; and some that are right.
fn sizes() -> impl Iterator<Item = u64> {
    let near = (0..=320).filter(|size| size % 16 == 0 || size % 7 == 0);
    let near = near.chain((0..=64).map(|bytes| u64::MAX - bytes));
    let far = (9..64).map(|shift| 1 << shift);
    near.chain(far)
}

/// It says so for ever, and changes nothing, also when all is well again.
fn says_so_for_ever(consumer: &mut Consumer<Bytes>, memory: &Bytes, corrupt: Corrupt) {
    memory.store(layout::TAIL, consumer.position().0, Relaxed);
    let before = memory.snapshot();
    assert_eq!(consumer.recover(&mut DeadBut(None)), Err(corrupt));
    assert_eq!(consumer.peek(), Err(corrupt));
    assert_eq!(consumer.is_drained(), Err(corrupt));
    assert_eq!(consumer.drain_while(1, 0, |_| true), 0);
    consumer.release();
    assert_eq!(memory.snapshot(), before);
}

#[test]
fn a_consumer_refuses_every_impossible_size_of_a_dead_claim() {
    let geometry = ring_of(Kind::Mpsc, 3);
    for start in STARTS {
        for claimed in [16, 64, 240, 256] {
            for size in sizes() {
                for marked in [true, false] {
                    let memory = region(geometry, start);
                    let mut consumer = Consumer::attach(memory.clone(), geometry).unwrap();
                    let tail = start.wrapping_add(claimed);
                    memory.store(layout::TAIL, tail, Relaxed);
                    let intent = start | 1;
                    let mark = if marked { intent } else { 0 };
                    let said = Said {
                        size,
                        intent,
                        claimed: mark,
                    };
                    say(&memory, &geometry, 1, &said);
                    let before = memory.snapshot();
                    // No claim is longer than what the ring can set aside.
                    let limit = claimed.min(240);
                    let found = consumer.recover(&mut DeadBut(None));
                    if size > 0 && size <= limit && size.is_multiple_of(16) {
                        let repair = Repair {
                            index: 1,
                            pid: 101,
                            position: start,
                            size: size as usize,
                        };
                        assert_eq!(found, Ok(Gap::Dead(repair)));
                        assert_eq!(consumer.position().0, start.wrapping_add(size));
                        continue;
                    }
                    let corrupt = Corrupt::Claim {
                        position: start,
                        size,
                        limit,
                    };
                    assert_eq!(found, Err(corrupt));
                    assert_eq!(memory.snapshot(), before);
                    says_so_for_ever(&mut consumer, &memory, corrupt);
                }
            }
        }
    }
}

/// Intents and marks that are anywhere but where the gap is account for nothing.
#[test]
fn a_claim_without_an_owner_is_corrupt() {
    let geometry = ring_of(Kind::Mpsc, 3);
    for start in STARTS {
        let elsewhere = [1, 2, 16, 17, 240, 256, 1 << 32, 1 << 62, 1 << 63];
        for said in elsewhere.map(|distance| (start | 1).wrapping_add(distance)) {
            let memory = region(geometry, start);
            let mut consumer = Consumer::attach(memory.clone(), geometry).unwrap();
            let tail = start.wrapping_add(64);
            memory.store(layout::TAIL, tail, Relaxed);
            for index in 0..3 {
                let said = Said {
                    size: 64,
                    intent: said,
                    // A mark without an intent is an old one.
                    claimed: start | 1,
                };
                say(&memory, &geometry, index, &said);
            }
            let before = memory.snapshot();
            let corrupt = Corrupt::Unaccounted {
                position: start,
                tail,
            };
            let found = consumer.recover(&mut DeadBut(None));
            assert_eq!(found, Err(corrupt), "{said:#x}");
            assert_eq!(memory.snapshot(), before);
            says_so_for_ever(&mut consumer, &memory, corrupt);
        }
    }
}

/// Several dead ones that claim the same place, with sizes for which nothing speaks.
#[test]
fn sizes_without_evidence_are_corrupt() {
    let geometry = ring_of(Kind::Mpsc, 3);
    for start in STARTS {
        for (first, second) in [(16, 32), (0, 48), (256, u64::MAX), (1 << 63, 24), (16, 16)] {
            let memory = region(geometry, start);
            let mut consumer = Consumer::attach(memory.clone(), geometry).unwrap();
            let tail = start.wrapping_add(64);
            memory.store(layout::TAIL, tail, Relaxed);
            for (index, size) in [(0, first), (2, second)] {
                let said = Said {
                    size,
                    intent: start | 1,
                    claimed: 0,
                };
                say(&memory, &geometry, index, &said);
            }
            let found = consumer.recover(&mut DeadBut(None));
            let corrupt = found.expect_err("nothing ends at such a place");
            says_so_for_ever(&mut consumer, &memory, corrupt);
        }
    }
}

/// A living peer that says it claims everything can hold the ring up, but not get anything skipped.
#[test]
fn forged_intents_of_a_living_peer_skip_nothing() {
    let geometry = ring_of(Kind::Mpsc, 3);
    for start in STARTS {
        for (size, index) in sizes().flat_map(|size| (0..3).map(move |i| (size, i))) {
            let memory = region(geometry, start);
            let mut consumer = Consumer::attach(memory.clone(), geometry).unwrap();
            memory.store(layout::TAIL, start.wrapping_add(64), Relaxed);
            let said = Said {
                size,
                intent: start | 1,
                claimed: start | 1,
            };
            say(&memory, &geometry, index, &said);
            let before = memory.snapshot();
            let found = consumer.recover(&mut DeadBut(Some(index)));
            assert_eq!(found, Ok(Gap::Alive { index }));
            assert_eq!(memory.snapshot(), before);
        }
    }
}

/// Slots that say anything: whoever takes one, gets it or is told to look for another one.
#[test]
fn a_new_producer_takes_forged_slots_without_harm() {
    let geometry = ring_of(Kind::Mpsc, 1);
    for start in STARTS {
        for distance in sizes() {
            let memory = region(geometry, start);
            memory.store(layout::TAIL, start.wrapping_add(64), Relaxed);
            let intent = start.wrapping_add(distance);
            let said = Said {
                size: distance,
                intent,
                claimed: intent,
            };
            say(&memory, &geometry, 0, &said);
            let before = memory.snapshot();
            let attached = Producer::attach(memory.clone(), geometry, 0).unwrap();
            // Below TAIL it may be a claim, about which only the consumer can decide.
            let is_claim = intent != 0 && (intent & !1).wrapping_sub(start) < 64;
            match attached {
                None => {
                    assert!(is_claim, "{intent:#x}");
                    assert_eq!(memory.snapshot(), before);
                }
                Some(mut producer) => {
                    assert!(!is_claim, "{intent:#x}");
                    producer.try_send(1, &[1; 9]).unwrap();
                }
            }
        }
    }
}

/// As many slots as there can be, all of them forged: one look at each is what it costs.
#[test]
fn the_work_of_a_recovery_is_bounded() {
    let geometry = ring_of(Kind::Mpsc, MAX_PRODUCERS);
    let memory = region(geometry, 0);
    for index in 0..geometry.producers() {
        let said = Said {
            size: 32 + 16 * (index as u64 % 3),
            intent: 1,
            claimed: 0,
        };
        say(&memory, &geometry, index, &said);
    }
    memory.store(layout::TAIL, 128, Relaxed);
    let accesses = Rc::new(Cell::new(0));
    let memory = watched(memory, &accesses, |_| {});
    let mut consumer = Consumer::attach(memory, geometry).unwrap();
    accesses.set(0);
    let found = consumer.recover(&mut DeadBut(None));
    assert!(found.is_err(), "{found:?}");
    // However many candidates there are, each slot is asked a few times.
    let most = 8 * (geometry.producers() + 16);
    assert!(accesses.get() <= most, "{} accesses", accesses.get());
}

/// A peer that puts a claim given up wherever the consumer comes to.
#[test]
fn an_endless_chain_of_padding_ends() {
    let geometry = ring_of(Kind::Mpsc, 3);
    let padding = RecordHeader { tag: 0, len: 8 }.to_word() | 1 << 62;
    let headers = move |memory: &Bytes| {
        for index in (0..geometry.capacity()).step_by(16) {
            memory.store(geometry.data().plus(index), padding, Relaxed);
        }
    };
    let memory = region(geometry, 0);
    let accesses = Rc::new(Cell::new(0));
    let hostile = watched(memory.clone(), &accesses, headers);
    let mut consumer = Consumer::attach(hostile, geometry).unwrap();
    // 4096 claims that were given up, with what it takes to release each.
    let most = 4096 * 5 + 100;
    for _ in 0..100 {
        accesses.set(0);
        assert_eq!(consumer.peek(), Ok(None));
        assert!(accesses.get() <= most, "{} accesses", accesses.get());
        accesses.set(0);
        assert_eq!(consumer.drain_while(usize::MAX, usize::MAX, |_| true), 0);
        assert!(accesses.get() <= most, "{} accesses", accesses.get());
    }
    // It came past so many that the ring would be empty otherwise: no record was made of them.
    assert_eq!(memory.load(layout::HEAD, Relaxed), consumer.position().0);
}

/// Memory in which a peer has a turn after each access, and accesses are counted.
fn watched(
    memory: Bytes,
    accesses: &Rc<Cell<usize>>,
    mut peer: impl FnMut(&Bytes),
) -> Hostile<Bytes, impl FnMut(&Bytes)> {
    let accesses = Rc::clone(accesses);
    Hostile::new(memory, move |memory: &Bytes| {
        accesses.set(accesses.get() + 1);
        peer(memory);
    })
}

/// A dead claim across the place where positions start again from zero.
#[test]
fn repairs_at_the_end_of_positions_go_on() {
    let geometry = ring_of(Kind::Mpsc, 2);
    let start = 0_u64.wrapping_sub(2 * WORD as u64);
    let memory = region(geometry, start);
    let mut consumer = Consumer::attach(memory.clone(), geometry).unwrap();
    let tail = start.wrapping_add(48);
    memory.store(layout::TAIL, tail, Relaxed);
    let said = Said {
        size: 48,
        intent: start | 1,
        claimed: 0,
    };
    say(&memory, &geometry, 0, &said);
    assert!(matches!(
        consumer.recover(&mut DeadBut(None)),
        Ok(Gap::Dead(Repair { size: 48, .. }))
    ));
    assert_eq!(consumer.position(), Position(32));
    assert_eq!(consumer.recover(&mut DeadBut(None)), Ok(Gap::None));
}
