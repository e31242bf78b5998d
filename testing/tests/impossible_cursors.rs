//! Every impossible cursor that a peer can write, one by one: the exact error, for
//! ever, and not a word stored afterwards.

use std::sync::atomic::Ordering::Relaxed;

use mapring::layout::{self, Geometry, HEADER_SIZE, Kind};
use mapring::memory::Memory;
use mapring::ring::Produce;
use mapring::ring::spsc::{Consumer, Producer};
use mapring::{Corrupt, TrySendError};
use mapring_testing::Bytes;

use common::{STARTS, region, ring_of};

mod common;

/// A ring of one producer.
fn small() -> Geometry {
    ring_of(Kind::Spsc, 1)
}

/// Every position within two laps of `center`, and some far away.
fn positions_around(center: u64, geometry: &Geometry) -> impl Iterator<Item = u64> {
    let laps = 2 * geometry.capacity() as i64;
    let near = (-laps..=laps).map(move |distance| center.wrapping_add_signed(distance));
    near.chain([1, 2, 3, 16, 62, 63].map(|shift| center.wrapping_add(1 << shift)))
}

const WAYS: usize = 5;

/// The ways in which a producer comes to look at HEAD.
fn ask(producer: &mut Producer<Bytes>, way: usize) -> Result<(), TrySendError> {
    let tail = producer.position();
    match way {
        0 => producer.try_send(1, &[1; 40]),
        1 => producer.try_claim(40).map(|_| ()),
        2 => producer.batch().push(1, &[1; 40]),
        3 => Ok(producer.free().map(|_| ())?),
        _ => Ok(producer.is_released(tail).map(|_| ())?),
    }
}

#[test]
fn a_producer_refuses_every_impossible_head() {
    let geometry = small();
    let farthest = (geometry.capacity() - HEADER_SIZE) as u64;
    for start in STARTS {
        for found in positions_around(start, &geometry) {
            for way in 0..WAYS {
                let memory = region(geometry, start);
                let mut producer = Producer::attach(memory.clone(), geometry).unwrap();
                // It has seen the consumer go on by one record, and has filled the ring since.
                producer.try_send(1, &[1; 20]).unwrap();
                let seen = start.wrapping_add(geometry.record_size(20) as u64);
                memory.store(layout::HEAD, seen, Relaxed);
                while producer.try_send(1, &[1; 20]) != Err(TrySendError::Full) {}
                let tail = producer.position().0;

                memory.store(layout::HEAD, found, Relaxed);
                let before = memory.snapshot();
                let legal = found.wrapping_sub(seen) <= tail.wrapping_sub(seen)
                    && found.is_multiple_of(geometry.record_align() as u64);
                if legal {
                    // A lie within the range: records may be lost, but the accounts are right.
                    let free = farthest - tail.wrapping_sub(found);
                    assert_eq!(producer.free(), Ok(free as usize));
                    continue;
                }
                let corrupt = Corrupt::Cursor {
                    cursor: "HEAD",
                    position: found,
                    from: seen,
                    to: tail,
                };
                assert_eq!(ask(&mut producer, way), Err(corrupt.into()), "{found:#x}");
                // For ever, also when HEAD is good again.
                assert_eq!(memory.snapshot(), before);
                memory.store(layout::HEAD, tail, Relaxed);
                let before = memory.snapshot();
                for way in 0..WAYS {
                    assert_eq!(ask(&mut producer, way), Err(corrupt.into()), "{found:#x}");
                }
                assert_eq!(memory.snapshot(), before);
            }
        }
    }
}

#[test]
fn a_producer_with_room_finds_an_impossible_head_before_long() {
    let geometry = Geometry::new(Kind::Spsc, 256 << 10, 8, 8, 1).unwrap();
    let memory = region(geometry, 0);
    let mut producer = Producer::attach(memory.clone(), geometry).unwrap();
    memory.store(layout::HEAD, 8, Relaxed);
    memory.store(layout::TAIL, 0, Relaxed);
    // HEAD is possible from the first record on; it is the step back that is not.
    producer.try_send(1, &[]).unwrap();
    assert!(producer.free().is_ok());
    memory.store(layout::HEAD, 0, Relaxed);
    // It looks once in so many bytes.
    let sent = (0..20_000).take_while(|_| producer.try_send(1, &[]).is_ok());
    assert!(sent.count() <= (64 << 10) / 8 + 1);
    let corrupt = producer.try_send(1, &[]);
    assert!(
        matches!(
            corrupt,
            Err(TrySendError::Corrupt(Corrupt::Cursor {
                cursor: "HEAD",
                position: 0,
                from: 8,
                ..
            }))
        ),
        "{corrupt:?}"
    );
}

#[test]
fn a_new_producer_refuses_every_impossible_cursor() {
    let geometry = small();
    let align = geometry.record_align() as u64;
    let farthest = (geometry.capacity() - HEADER_SIZE) as u64;
    for start in STARTS {
        for found in positions_around(start, &geometry) {
            let memory = region(geometry, start);
            memory.store(layout::HEAD, found, Relaxed);
            let before = memory.snapshot();
            let legal = found.is_multiple_of(align) && start.wrapping_sub(found) <= farthest;
            let result = Producer::attach(memory.clone(), geometry).map(|_| ());
            let corrupt = Corrupt::Cursor {
                cursor: "HEAD",
                position: found,
                from: start.wrapping_sub(farthest),
                to: start,
            };
            assert_eq!(result, if legal { Ok(()) } else { Err(corrupt) });
            assert_eq!(memory.snapshot(), before, "HEAD {found:#x}");

            // With TAIL and HEAD at the same place, only the alignment can be wrong.
            memory.store(layout::TAIL, found, Relaxed);
            let before = memory.snapshot();
            let corrupt = Corrupt::Cursor {
                cursor: "TAIL",
                position: found,
                from: found,
                to: found.wrapping_add(geometry.capacity() as u64),
            };
            let legal = found.is_multiple_of(align);
            let result = Producer::attach(memory.clone(), geometry).map(|_| ());
            assert_eq!(result, if legal { Ok(()) } else { Err(corrupt) });
            assert_eq!(memory.snapshot(), before, "TAIL {found:#x}");
        }
    }
}

#[test]
fn a_new_consumer_refuses_every_impossible_head() {
    let geometry = small();
    let lap = geometry.capacity() as u64;
    for start in STARTS {
        for found in positions_around(start, &geometry) {
            let memory = region(geometry, start);
            memory.store(layout::HEAD, found, Relaxed);
            let before = memory.snapshot();
            let distance = (found.wrapping_sub(start) as i64).unsigned_abs();
            let legal = found.is_multiple_of(geometry.record_align() as u64) && distance <= lap;
            let result = Consumer::attach(memory.clone(), geometry).map(|_| ());
            let corrupt = Corrupt::Cursor {
                cursor: "HEAD",
                position: found,
                from: start.wrapping_sub(lap),
                to: start.wrapping_add(lap),
            };
            assert_eq!(result, if legal { Ok(()) } else { Err(corrupt) });
            assert_eq!(memory.snapshot(), before, "HEAD {found:#x}");
        }
    }
}
