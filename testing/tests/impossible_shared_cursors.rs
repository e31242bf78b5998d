//! Every impossible cursor of a ring of many producers, one by one: the exact error, for ever, and
//! nothing stored afterwards but what a producer says in its own slot.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use mapring::layout::{self, Geometry, HEADER_SIZE, Kind, SLOT_SIZE, WORD};
use mapring::memory::{Memory, ReadMemory};
use mapring::ring::mpsc::{Consumer, Producer};
use mapring::ring::{Gap, Liveness, Position, Produce};
use mapring::{Corrupt, TrySendError};
use mapring_testing::{Bytes, Hostile};

use common::{STARTS, region, ring_of};

mod common;

/// A ring of three producers.
fn several() -> Geometry {
    ring_of(Kind::Mpsc, 3)
}

/// Every place for a header within two laps of `center`, many that are none, and some far away.
fn positions_around(center: u64) -> impl Iterator<Item = u64> {
    let near = (-512..=512_i64).filter(|distance| distance % 16 == 0 || distance % 7 == 0);
    let near = near.map(move |distance| center.wrapping_add_signed(distance));
    near.chain([1, 2, 3, 16, 62, 63].map(|shift| center.wrapping_add(1 << shift)))
}

const WAYS: usize = 5;

/// The ways in which a producer comes to look at the cursors, and how many bytes it wants there.
fn ask(producer: &mut Producer<Bytes>, way: usize) -> (Result<(), TrySendError>, u64) {
    let tail = producer.position();
    match way {
        0 => (producer.try_send(1, &[1; 40]), 48),
        1 => (producer.try_claim(40).map(|_| ()), 48),
        2 => (producer.try_batch(64).map(|_| ()), 64),
        3 => (producer.free().map(|_| ()).map_err(Into::into), 0),
        _ => (
            producer.is_released(tail).map(|_| ()).map_err(Into::into),
            0,
        ),
    }
}

/// All words but those of the first producer's slot.
fn others(memory: &Bytes) -> Vec<u64> {
    let own = several().producer_slot(0).offset() / WORD;
    let mut words = memory.snapshot();
    words.drain(own..own + SLOT_SIZE / WORD);
    words
}

/// What a producer must say of `tail`, when HEAD is at `head` and it wants `size` bytes.
fn verdict_on_tail(tail: u64, head: u64, size: u64) -> Result<(), TrySendError> {
    let used = tail.wrapping_sub(head);
    if used >= 256 || !tail.is_multiple_of(16) {
        return Err(corrupt_tail(tail, head, head.wrapping_add(248)).into());
    }
    if size > 248 - used {
        return Err(TrySendError::Full);
    }
    Ok(())
}

fn corrupt_tail(position: u64, from: u64, to: u64) -> Corrupt {
    Corrupt::Cursor {
        cursor: "TAIL",
        position,
        from,
        to,
    }
}

fn corrupt_head(position: u64, from: u64, to: u64) -> Corrupt {
    Corrupt::Cursor {
        cursor: "HEAD",
        position,
        from,
        to,
    }
}

/// It says so for ever, also when the cursors are good again.
fn says_so_for_ever(producer: &mut Producer<Bytes>, memory: &Bytes, corrupt: TrySendError) {
    let good = producer.position().0;
    memory.store(layout::HEAD, good, Relaxed);
    memory.store(layout::TAIL, good, Relaxed);
    let before = others(memory);
    for way in 0..WAYS {
        assert_eq!(ask(producer, way).0, Err(corrupt));
    }
    assert_eq!(others(memory), before);
}

#[test]
fn a_producer_refuses_every_impossible_tail() {
    let geometry = several();
    for start in STARTS {
        for found in positions_around(start) {
            // The last way asks for HEAD alone, as long as that has not moved.
            for way in 0..WAYS - 1 {
                let memory = region(geometry, start);
                let attached = Producer::attach(memory.clone(), geometry, 0).unwrap();
                let mut producer = attached.unwrap();
                memory.store(layout::TAIL, found, Relaxed);
                let before = others(&memory);
                let (answer, size) = ask(&mut producer, way);
                assert_eq!(answer, verdict_on_tail(found, start, size), "{found:#x}");
                if let Err(corrupt @ TrySendError::Corrupt(_)) = answer {
                    assert_eq!(others(&memory), before, "{found:#x}");
                    says_so_for_ever(&mut producer, &memory, corrupt);
                }
            }
        }
    }
}

#[test]
fn a_producer_refuses_every_impossible_head() {
    let geometry = several();
    for start in STARTS {
        for found in positions_around(start) {
            for way in 0..WAYS {
                let memory = region(geometry, start);
                let attached = Producer::attach(memory.clone(), geometry, 0).unwrap();
                let mut producer = attached.unwrap();
                // It has seen the consumer go on by one record, and has filled the ring since.
                producer.try_send(1, &[1; 20]).unwrap();
                let seen = start.wrapping_add(32);
                memory.store(layout::HEAD, seen, Relaxed);
                while producer.try_send(1, &[1; 20]) != Err(TrySendError::Full) {}
                let tail = producer.position().0;
                memory.store(layout::HEAD, found, Relaxed);
                let before = others(&memory);
                let is_possible = found.wrapping_sub(seen) <= tail.wrapping_sub(seen);
                if is_possible && found.is_multiple_of(16) {
                    let free = 256 - HEADER_SIZE as u64 - tail.wrapping_sub(found);
                    assert_eq!(producer.free(), Ok(free as usize));
                    continue;
                }
                let corrupt = corrupt_head(found, seen, tail).into();
                assert_eq!(ask(&mut producer, way).0, Err(corrupt), "{found:#x}");
                assert_eq!(others(&memory), before, "{found:#x}");
                says_so_for_ever(&mut producer, &memory, corrupt);
            }
        }
    }
}

#[test]
fn a_new_producer_refuses_every_impossible_cursor() {
    let geometry = several();
    for start in STARTS {
        for found in positions_around(start) {
            for is_head in [true, false] {
                let memory = region(geometry, start);
                let cursor = if is_head { layout::HEAD } else { layout::TAIL };
                memory.store(cursor, found, Relaxed);
                let (head, tail) = if is_head {
                    (found, start)
                } else {
                    (start, found)
                };
                let expected = if head.is_multiple_of(16) {
                    verdict_on_tail(tail, head, 0)
                } else {
                    Err(corrupt_head(head, head, tail).into())
                };
                let before = memory.snapshot();
                let attached = Producer::attach(memory.clone(), geometry, 0);
                let answer = attached.map(|_| ()).map_err(TrySendError::from);
                assert_eq!(answer, expected, "{found:#x}");
                if expected.is_err() {
                    assert_eq!(memory.snapshot(), before, "{found:#x}");
                }
            }
        }
    }
}

#[test]
fn a_new_consumer_refuses_every_impossible_release() {
    let geometry = several();
    for start in STARTS {
        for claimed in [0, 64, 240] {
            for found in positions_around(start) {
                let memory = region(geometry, start);
                let tail = start.wrapping_add(claimed);
                memory.store(layout::TAIL, tail, Relaxed);
                memory.store(layout::RELEASE_TO, found, Relaxed);
                let before = memory.snapshot();
                let attached = Consumer::attach(memory.clone(), geometry);
                let is_possible = found.wrapping_sub(start) <= claimed;
                if is_possible && found.is_multiple_of(16) {
                    assert_eq!(attached.unwrap().position(), Position(found));
                    continue;
                }
                let corrupt = Corrupt::Cursor {
                    cursor: "release_to",
                    position: found,
                    from: start,
                    to: tail,
                };
                assert_eq!(attached.map(|_| ()), Err(corrupt), "{found:#x}");
                assert_eq!(memory.snapshot(), before, "{found:#x}");
            }
        }
    }
}

#[test]
fn a_new_consumer_refuses_every_impossible_head() {
    let geometry = several();
    for start in STARTS {
        for found in positions_around(start) {
            let memory = region(geometry, start);
            memory.store(layout::HEAD, found, Relaxed);
            memory.store(layout::RELEASE_TO, found, Relaxed);
            let before = memory.snapshot();
            let attached = Consumer::attach(memory.clone(), geometry).map(|_| ());
            // Unlike with a single producer, TAIL is never behind HEAD.
            let is_possible = start.wrapping_sub(found) < 256 && found.is_multiple_of(16);
            assert_eq!(attached.is_ok(), is_possible, "{found:#x}: {attached:?}");
            assert_eq!(memory.snapshot(), before, "{found:#x}");
        }
    }
}

/// Who says that nobody has died.
struct AllAlive;

impl Liveness for AllAlive {
    fn take(&mut self, _: usize) -> bool {
        false
    }
}

#[test]
fn a_consumer_that_looks_for_a_reason_refuses_every_impossible_tail() {
    let geometry = several();
    for start in STARTS {
        for found in positions_around(start) {
            let memory = region(geometry, start);
            let mut consumer = Consumer::attach(memory.clone(), geometry).unwrap();
            memory.store(layout::TAIL, found, Relaxed);
            let before = memory.snapshot();
            let expected = if found == start {
                Ok(Gap::None)
            } else if found.wrapping_sub(start) > 256 || !found.is_multiple_of(16) {
                Err(corrupt_tail(found, start, start.wrapping_add(256)))
            } else {
                // Possible, but nobody has claimed that.
                Err(Corrupt::Unaccounted {
                    position: start,
                    tail: found,
                })
            };
            assert_eq!(consumer.recover(&mut AllAlive), expected, "{found:#x}");
            assert_eq!(memory.snapshot(), before, "{found:#x}");
            if let Err(corrupt) = expected {
                memory.store(layout::TAIL, start, Relaxed);
                assert_eq!(consumer.recover(&mut AllAlive), Err(corrupt), "for ever");
                assert_eq!(consumer.peek(), Err(corrupt), "for ever");
            }
        }
    }
}

/// A consumer that releases all the time keeps no producer from seeing that there is room.
#[test]
fn a_head_that_moves_all_the_time_hides_no_room() {
    let geometry = Geometry::of_any_capacity(Kind::Mpsc, 1024, 40, 16, 1).expect("a shape");
    let memory = region(geometry, 0);
    memory.store(layout::TAIL, 1008, Relaxed);
    let moves = Rc::new(Cell::new(false));
    let others = Rc::clone(&moves);
    let mut head = 0;
    // Never behind TAIL, and another one after any access, for longer than anybody looks.
    let hostile = Hostile::new(memory, move |memory: &Bytes| {
        if others.get() {
            head = (head + 16).min(1008);
            memory.store(layout::HEAD, head, Relaxed);
        }
    });
    let mut producer = Producer::attach(hostile, geometry, 0).unwrap().unwrap();
    moves.set(true);
    producer.try_send(1, &[1; 8]).expect("room all the time");
}

/// Between the looks at HEAD and at TAIL others have filled what was released meanwhile.
#[test]
fn a_tail_a_whole_lap_ahead_of_an_old_head_is_looked_at_again() {
    let geometry = Geometry::of_any_capacity(Kind::Mpsc, 1024, 40, 16, 1).expect("a shape");
    let memory = region(geometry, 0);
    let is_about_to = Rc::new(Cell::new(false));
    let others = Rc::clone(&is_about_to);
    let hostile = Hostile::new(memory, move |memory: &Bytes| {
        if others.take() {
            memory.store(layout::HEAD, 512, Relaxed);
            memory.store(layout::TAIL, 1024, Relaxed);
        }
    });
    let mut producer = Producer::attach(hostile, geometry, 0).unwrap().unwrap();
    is_about_to.set(true);
    assert_eq!(producer.free(), Ok(512 - HEADER_SIZE));
}

/// Else a peer could hold a call that does not wait for as long as it likes.
#[test]
fn a_tail_that_moves_all_the_time_holds_nobody() {
    let geometry = several();
    let memory = region(geometry, 0);
    let mut turns = 0;
    // There is room behind each of the three, and it is another one after any two accesses.
    let hostile = Hostile::new(memory.clone(), move |memory: &Bytes| {
        turns += 1;
        memory.store(layout::TAIL, turns % 3 * 16, Relaxed);
    });
    let mut producer = Producer::attach(hostile, geometry, 0).unwrap().unwrap();
    assert_eq!(producer.try_send(1, &[1; 8]), Err(TrySendError::Full));
    let intent = geometry.producer_slot(0).plus(layout::SLOT_INTENT);
    assert_eq!(memory.load(intent, Relaxed), 0, "it claims no more");
}
