//! Every other impossible thing that a peer can write, one by one: the exact error,
//! for ever, and not a word stored afterwards.

use std::sync::atomic::Ordering::Relaxed;

use mapring::layout::{self, Geometry, Kind, WORD, Word};
use mapring::memory::{Memory, ReadMemory};
use mapring::ring::participant::{self, Counters, State};
use mapring::ring::spsc::{Consumer, Producer};
use mapring::ring::{Liveness, Position, Produce, RecordHeader, mpsc};
use mapring::{Corrupt, Role};
use mapring_testing::oracle::payload;
use mapring_testing::{Bytes, Hostile};

use common::{STARTS, region, ring_of};

mod common;

/// A ring of one producer.
fn small() -> Geometry {
    ring_of(Kind::Spsc, 1)
}

const COMMITTED: u64 = 1 << 63;
const PADDING: u64 = 1 << 62;

/// Words in which one bit differs from words that are special, and every length
/// around the limits, with and without the bits that matter.
fn header_words(max_payload: u64) -> Vec<u64> {
    let mut words = vec![0, u64::MAX];
    for bit in (0..64).map(|shift| 1_u64 << shift) {
        words.extend([0, COMMITTED, PADDING, COMMITTED | PADDING, u64::MAX].map(|it| it ^ bit));
    }
    let limits = [max_payload, 248, 256, layout::MAX_PAYLOAD];
    for len in limits.iter().flat_map(|limit| limit - 8..=limit + 8) {
        let len = (len & layout::MAX_PAYLOAD) << 32;
        words.extend([COMMITTED | len | 7, COMMITTED | PADDING | len, len | 7]);
    }
    words
}

/// What a consumer at `position` must make of a header `word`.
fn verdict(word: u64, position: u64, geometry: &Geometry) -> Result<Option<RecordHeader>, Corrupt> {
    let len = (word << 2 >> 34) as usize;
    if word == 0 {
        Ok(None)
    } else if word >> 62 != 0b10 {
        Err(Corrupt::Header { position, word })
    } else if len > geometry.max_payload() {
        Err(Corrupt::Length {
            position,
            len,
            limit: geometry.max_payload(),
        })
    } else {
        Ok(Some(RecordHeader {
            tag: word as u32,
            len,
        }))
    }
}

#[test]
fn a_consumer_refuses_every_impossible_header() {
    let geometry = small();
    for start in STARTS {
        // At the first and at the last index of the ring.
        for position in [start, start.wrapping_sub(16)] {
            for word in header_words(geometry.max_payload() as u64) {
                let memory = region(geometry, position);
                let mut consumer = Consumer::attach(memory.clone(), geometry).unwrap();
                let header = Position(position).word(&geometry);
                memory.store(header, word, Relaxed);
                let before = memory.snapshot();
                let expected = verdict(word, position, &geometry);
                assert_eq!(consumer.peek(), expected, "{word:#x}");
                if let Ok(Some(header)) = expected {
                    // Whatever the length, the bytes are within the region.
                    consumer.read(&header, &mut vec![0; header.len]);
                }
                assert_eq!(memory.snapshot(), before, "{word:#x}");
                if let Err(corrupt) = expected {
                    memory.store(header, COMMITTED, Relaxed);
                    let before = memory.snapshot();
                    assert_eq!(consumer.peek(), Err(corrupt), "for ever");
                    consumer.release();
                    assert_eq!(memory.snapshot(), before, "{word:#x}");
                }
            }
        }
    }
}

/// As [`verdict`], where claims can be given up: how many bytes the consumer goes past, or what it
/// finds.
fn verdict_on_a_claim(
    word: u64,
    position: u64,
    geometry: &Geometry,
) -> Result<(u64, Option<RecordHeader>), Corrupt> {
    if word >> 62 != 0b11 || word as u32 != 0 {
        return verdict(word, position, geometry).map(|found| (0, found));
    }
    let size = WORD + (word << 2 >> 34) as usize;
    let limit = geometry.largest_claim();
    if size > limit || !size.is_multiple_of(geometry.record_align()) {
        return Err(Corrupt::Length {
            position,
            len: size - WORD,
            limit: limit - WORD,
        });
    }
    Ok((size as u64, None))
}

#[test]
fn a_consumer_of_many_refuses_every_impossible_header() {
    let geometry = ring_of(Kind::Mpsc, 3);
    let largest = geometry.largest_claim() as u64;
    let paddings = [largest - 16, largest, largest + 16];
    let paddings = paddings.map(|size| 0b11 << 62 | (size - 8) << 32);
    for start in STARTS {
        for position in [start, start.wrapping_sub(16)] {
            let words = header_words(geometry.max_payload() as u64);
            for word in words.into_iter().chain(paddings) {
                let memory = region(geometry, position);
                memory.store(layout::TAIL, position.wrapping_add(240), Relaxed);
                let mut consumer = mpsc::Consumer::attach(memory.clone(), geometry).unwrap();
                let header = Position(position).word(&geometry);
                memory.store(header, word, Relaxed);
                let expected = verdict_on_a_claim(word, position, &geometry);
                assert_eq!(
                    consumer.peek(),
                    expected.map(|(_, found)| found),
                    "{word:#x}"
                );
                let passed = expected.map_or(0, |(size, _)| size);
                assert_eq!(
                    consumer.position().0,
                    position.wrapping_add(passed),
                    "{word:#x}"
                );
                if let Err(corrupt) = expected {
                    assert_eq!(memory.load(header, Relaxed), word, "it is as it was");
                    memory.store(header, 0, Relaxed);
                    let before = memory.snapshot();
                    assert_eq!(consumer.peek(), Err(corrupt), "for ever");
                    assert_eq!(consumer.recover(&mut AllDead), Err(corrupt), "for ever");
                    assert_eq!(consumer.drain_while(1, 0, |_| true), 0);
                    consumer.release();
                    assert_eq!(memory.snapshot(), before, "{word:#x}");
                }
            }
        }
    }
}

/// Who says that everybody has died.
struct AllDead;

impl Liveness for AllDead {
    fn take(&mut self, _: usize) -> bool {
        true
    }
}

#[test]
fn a_new_producer_refuses_every_impossible_header_behind_tail() {
    let geometry = small();
    for start in STARTS {
        for word in header_words(geometry.max_payload() as u64) {
            let memory = region(geometry, start);
            memory.store(Position(start).word(&geometry), word, Relaxed);
            let before = memory.snapshot();
            let found = Producer::attach(memory.clone(), geometry).map(|it| it.position().0);
            let expected = verdict(word, start, &geometry).map(|header| match header {
                // It walks over a record that its predecessor published.
                Some(header) => start.wrapping_add(geometry.record_size(header.len) as u64),
                None => start,
            });
            assert_eq!(found, expected, "{word:#x}");
            if found.is_err() {
                assert_eq!(memory.snapshot(), before, "{word:#x}");
            }
        }
    }
}

#[test]
fn a_new_producer_does_not_walk_in_circles() {
    let geometry = small();
    for len in [0, 20, 40] {
        let memory = region(geometry, 0);
        let header = RecordHeader { tag: 0, len }.to_word();
        for index in (0..geometry.capacity()).step_by(WORD) {
            memory.store(geometry.data().plus(index), header, Relaxed);
        }
        let before = memory.snapshot();
        let found = Producer::attach(memory.clone(), geometry).map(|_| ());
        let size = geometry.record_size(len);
        let capacity = geometry.capacity() as u64;
        let corrupt = Corrupt::Cursor {
            cursor: "TAIL",
            position: (capacity / size as u64 + 1) * size as u64,
            from: 0,
            to: capacity,
        };
        assert_eq!(found, Err(corrupt));
        assert_eq!(memory.snapshot(), before);
    }
}

#[test]
fn a_chain_of_padding_is_refused_at_its_first_link() {
    let geometry = small();
    let memory = region(geometry, 0);
    let word = COMMITTED | PADDING;
    for index in (0..geometry.capacity()).step_by(WORD) {
        memory.store(geometry.data().plus(index), word, Relaxed);
    }
    let mut consumer = Consumer::attach(memory.clone(), geometry).unwrap();
    let corrupt = Corrupt::Header { position: 0, word };
    assert_eq!(consumer.peek(), Err(corrupt));
    assert_eq!(consumer.position(), Position(0));
    let producer = Producer::attach(memory, geometry);
    assert_eq!(producer.map(|_| ()), Err(corrupt));
}

/// The classic double fetch: a header that is good when it is checked, and bad when it is used.
#[test]
fn what_was_checked_is_what_is_used() {
    let geometry = small();
    let index = geometry.capacity() - geometry.record_align();
    for second in header_words(geometry.max_payload() as u64) {
        let memory = region(geometry, index as u64);
        let at = geometry.data().plus(index);
        let good = RecordHeader { tag: 7, len: 33 };
        memory.store(at, good.to_word(), Relaxed);
        // TAIL stands before the record, as a producer that died just now left it.
        let hostile = Hostile::new(memory.clone(), move |memory: &Bytes| {
            if memory.load(at, Relaxed) == good.to_word() {
                memory.store(at, second, Relaxed);
            }
        });
        let restore = || memory.store(at, good.to_word(), Relaxed);

        let mut consumer = Consumer::attach(hostile.clone(), geometry).unwrap();
        restore();
        assert_eq!(consumer.peek(), Ok(Some(good)), "{second:#x}");
        let mut found = [0xee; 40];
        consumer.read(&good, &mut found);
        assert_eq!(found[33..], [0xee; 7]);
        consumer.advance(&good);
        assert_eq!(consumer.unreleased(), geometry.record_size(33));

        // The first two loads of a new producer are those of the cursors.
        let mut loads = 0;
        restore();
        let hostile = Hostile::new(memory.clone(), move |memory: &Bytes| {
            loads += 1;
            if loads == 3 {
                memory.store(at, second, Relaxed);
            }
        });
        let producer = Producer::attach(hostile, geometry).unwrap();
        let end = Position(index as u64).plus(geometry.record_size(33));
        assert_eq!(producer.position(), end, "{second:#x}");
    }
}

#[test]
fn endpoints_do_not_care_what_becomes_of_the_identity() {
    let geometry = small();
    for lie in [0, 1, u64::MAX, 1 << 40] {
        let memory = region(geometry, 0);
        let mut producer = Producer::attach(memory.clone(), geometry).unwrap();
        let mut consumer = Consumer::attach(memory.clone(), geometry).unwrap();
        for offset in (0..layout::PAGE).step_by(WORD) {
            memory.store(Word::at(offset), lie, Relaxed);
        }
        for tag in 0..100 {
            let sent = payload(tag as usize % 41, tag as u8);
            producer.try_send(tag, &sent).unwrap();
            let header = consumer.peek().unwrap().unwrap();
            let mut found = vec![0; header.len];
            consumer.read(&header, &mut found);
            assert_eq!((header.tag, found), (tag, sent));
            consumer.advance(&header);
            consumer.release();
        }
    }
}

#[test]
fn two_attachments_of_one_process_differ() {
    let memory = region(small(), 0);
    let slot = layout::CONSUMER_SLOT;
    let attached = || {
        participant::attach(&memory, slot, 4711);
        participant::look(&memory, slot, Role::Consumer)
    };
    let first = attached();
    participant::detach(&memory, slot);
    // Who compares the two must not take them for one that never left.
    assert_ne!(first, attached());
}

#[test]
fn a_participant_has_one_of_three_states() {
    let geometry = small();
    let memory = region(geometry, 0);
    let slot = layout::CONSUMER_SLOT;
    let state = slot.plus(layout::SLOT_STATE);
    participant::attach(&memory, slot, 4711);
    for (word, expected) in [
        (0, Ok(State::Absent)),
        (
            1,
            Ok(State::Attached {
                pid: 4711,
                attachment: 1,
            }),
        ),
        (2, Ok(State::Left)),
    ] {
        memory.store(state, word, Relaxed);
        let found = participant::look(&memory, slot, Role::Consumer);
        assert_eq!(found, expected);
    }
    for word in (2..64).map(|shift| 1 << shift).chain([3, u64::MAX]) {
        memory.store(state, word, Relaxed);
        let corrupt = Corrupt::State {
            role: Role::Producer,
            state: word,
        };
        let found = participant::look(&memory, slot, Role::Producer);
        assert_eq!(found, Err(corrupt));
    }
}

/// A peer can write any numbers into the slots that a successor goes on counting from.
#[test]
fn counters_that_a_peer_has_written_wrap_around() {
    let geometry = small();
    let memory = region(geometry, 0);
    let most = Counters {
        records: u64::MAX,
        bytes: u64::MAX,
        stalls: u64::MAX,
        waits: u64::MAX,
        repairs: u64::MAX,
        sleeps: u64::MAX,
        late: u64::MAX,
    };
    for slot in [layout::CONSUMER_SLOT, geometry.producer_slot(0)] {
        most.store(&memory, slot);
    }
    let mut producer = Producer::attach(memory.clone(), geometry).unwrap();
    let mut consumer = Consumer::attach(memory, geometry).unwrap();
    while producer.try_send(1, &[1; 9]).is_ok() {}
    producer.count_wait();
    consumer.count_wait();
    while let Some(header) = consumer.peek().unwrap() {
        consumer.advance(&header);
    }
}

/// A lap of headers without a zero: no producer leaves that, and it must not be read for ever.
#[test]
fn a_drain_takes_no_more_than_a_lap() {
    let geometry = small();
    let memory = region(geometry, 0);
    let header = RecordHeader { tag: 0, len: 0 }.to_word();
    for index in (0..geometry.capacity()).step_by(WORD) {
        memory.store(geometry.data().plus(index), header, Relaxed);
    }
    let mut consumer = Consumer::attach(memory, geometry).unwrap();
    let lap = geometry.capacity() / geometry.record_size(0);
    let found = consumer.drain_while(10 * lap, geometry.capacity(), |_| true);
    assert!(found <= lap, "{found} records in a ring for {lap}");
}
