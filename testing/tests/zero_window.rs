//! What stands behind the last record is nothing, whatever was written there before: payloads of
//! a lap ago, claims and batches that were given up, all of them bytes that look like headers.

use std::mem;
use std::sync::atomic::Ordering::Relaxed;

use mapring::layout::{Fences, Geometry, Kind, RELEASE_TO, Wakeups};
use mapring::memory::ReadMemory;
use mapring::ring::attach::{Identity, initialise};
use mapring::ring::{Consumer, Position, Produce, RecordHeader, mpsc, spsc};
use mapring_testing::Bytes;

/// The longest payload here.
const LONGEST: usize = 400;
/// Rounds: several laps of the ring, and several looks at how the consumer keeps up.
const ROUNDS: usize = 600;

/// A payload all of whose words are headers of empty records.
fn look_alike(len: usize) -> Vec<u8> {
    let header = RecordHeader { tag: 66, len: 0 }.to_word();
    let bytes = header.to_le_bytes();
    bytes.into_iter().cycle().take(len).collect()
}

/// A new region whose cursors stand at `start`.
fn region(geometry: Geometry, start: u64) -> Bytes {
    let identity = Identity {
        geometry,
        persistent: false,
        generation: 1,
        wakeups: Wakeups::None,
        fences: Fences::Symmetric,
    };
    let memory = Bytes::zeroed(geometry.total_size());
    initialise(&memory, &identity, Position(start));
    memory
}

fn ring(start: u64) -> (spsc::Producer<Bytes>, Consumer<Bytes, spsc::Spsc>) {
    let geometry = Geometry::new(Kind::Spsc, 4096, LONGEST as u64, 8, 1).expect("a shape");
    let memory = region(geometry, start);
    let producer = spsc::Producer::attach(memory.clone(), geometry).expect("good cursors");
    let consumer = Consumer::attach(memory, geometry).expect("good cursors");
    (producer, consumer)
}

/// Receives what is there: records of this tag only.
fn receive(consumer: &mut Consumer<Bytes, spsc::Spsc>) -> usize {
    consumer.drain_while(usize::MAX, usize::MAX, |record| {
        assert_eq!(record.header().tag, 7, "bytes of a payload are no record");
        true
    })
}

/// Each length once as a claim that is given up in one of three ways, then a record.
#[test]
fn what_was_given_up_is_no_record() {
    for start in [0, 0_u64.wrapping_sub(8192)] {
        let (mut producer, mut consumer) = ring(start);
        for round in 0..ROUNDS {
            let payload = look_alike(8 * (round % 51));
            match round % 4 {
                0 => {
                    let mut claim = producer.try_claim(payload.len()).expect("room");
                    claim.write(0, &payload);
                }
                1 => {
                    let mut claim = producer.try_claim(payload.len()).expect("room");
                    claim.write(0, &payload);
                    mem::forget(claim);
                }
                2 => {
                    let mut batch = producer.batch();
                    batch.push(66, &payload).expect("room");
                    batch.push(66, &payload).expect("room");
                }
                _ => {}
            }
            assert_eq!(receive(&mut consumer), 0);
            // Sent either way: a claim that is committed keeps what it did not hand out.
            let short = &payload[..8 * (round % 7).min(round % 51)];
            if round % 8 < 4 {
                producer.try_send(7, short).expect("room");
            } else {
                let mut claim = producer.try_claim(short.len()).expect("room");
                claim.write(0, short);
                claim.commit(7);
            }
            assert_eq!(receive(&mut consumer), 1);
            // The same with a batch, which leaves the window alone until it is published.
            let mut batch = producer.batch();
            batch.push(7, &payload).expect("room");
            batch.push(7, &[]).expect("room");
            batch.publish();
            assert_eq!(receive(&mut consumer), 2);
            assert_eq!(receive(&mut consumer), 0);
        }
    }
}

/// A ring that is always nearly full: the window may not reach what is still to be read.
#[test]
fn what_is_still_to_be_read_stays() {
    for start in [0, 0_u64.wrapping_sub(8192)] {
        for len in [0, 8, 56, 128, LONGEST] {
            let (mut producer, mut consumer) = ring(start);
            let payload = look_alike(len);
            let mut sent = 0;
            let mut received = 0;
            for _ in 0..ROUNDS {
                while producer.try_send(7, &payload).is_ok() {
                    sent += 1;
                }
                received += consumer.drain_while(1, 0, |record| {
                    let mut bytes = vec![0; len];
                    record.read(&mut bytes);
                    assert_eq!((record.header().tag, &bytes), (7, &payload));
                    true
                });
            }
            received += receive(&mut consumer);
            assert_eq!(received, sent);
        }
    }
}

/// With many producers the consumer sees to that: each word at which a record may start is zero, as
/// far as it has released, whatever stood there.
#[test]
fn what_is_released_can_be_claimed() {
    for align in [8, 64] {
        let geometry = Geometry::new(Kind::Mpsc, 4096, 400, align, 1).expect("a shape");
        for start in [0, 0_u64.wrapping_sub(8192)] {
            let memory = region(geometry, start);
            let producer = mpsc::Producer::attach(memory.clone(), geometry, 0);
            let mut producer = producer.expect("good cursors").expect("a free slot");
            let consumer = Consumer::<_, mpsc::Mpsc>::attach(memory.clone(), geometry);
            let mut consumer = consumer.expect("good cursors");
            for round in 0..ROUNDS {
                let payload = look_alike(round % 401);
                producer.try_send(7, &payload).expect("room");
                let header = consumer.peek().expect("nothing wrong").expect("a record");
                consumer.advance(&header);
                consumer.release();
                let head = consumer.position();
                assert_eq!(memory.load(RELEASE_TO, Relaxed), head.0);
                for behind in (0..4096).step_by(align as usize) {
                    let word = head.plus(behind).word(&geometry);
                    assert_eq!(memory.load(word, Relaxed), 0);
                }
            }
        }
    }
}
