//! Positions that pass 2^32, 2^63 and 2^64: nothing changes there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs::File;
use std::os::unix::fs::FileExt;

use mapring::layout;
use mapring::spsc::{Consumer, Options, Producer, Ring};

use common::Name;

/// A ring whose positions start at `start`. What is dropped last comes first.
fn starting_at(test: &str, start: u64) -> (Name, Ring) {
    let name = Name::new(test);
    let options = Options::new().capacity(4096).max_payload(256);
    let ring = options.start(start).create(&name).unwrap();
    (name, ring)
}

#[test]
fn a_sequence_goes_through_every_wrap_of_its_positions() {
    for edge in [1_u64 << 32, 1 << 63, 0] {
        for before in [8, 64, 1000, 4096, 4 * 4096 + 8] {
            let start = edge.wrapping_sub(before);
            let (_name, ring) = starting_at("wrap", start);
            let mut producer = ring.producer().unwrap();
            let mut consumer = ring.consumer().unwrap();
            assert_eq!((producer.position(), consumer.position()), (start, start));
            send_and_receive(&mut producer, &mut consumer, 300);
            // Well past the edge; and successors find their way there, too.
            assert!(producer.position().wrapping_sub(edge) < 1 << 20);
            drop((producer, consumer));
            let mut producer = ring.producer().unwrap();
            let mut consumer = ring.consumer().unwrap();
            send_and_receive(&mut producer, &mut consumer, 300);
        }
    }
}

#[test]
fn successors_take_over_at_every_wrap_of_the_positions() {
    for edge in [1_u64 << 32, 1 << 63, 0] {
        for before in (0..=160).step_by(8) {
            let start = edge.wrapping_sub(before);
            let (_name, ring) = starting_at("wrap-successor", start);
            let file = File::options().write(true).open(ring.path()).unwrap();
            // Each record by a new producer, each received by a new consumer.
            for tag in 0..10 {
                let mut producer = ring.producer().unwrap();
                producer.try_send(tag, &[tag as u8; 20]).unwrap();
                drop(producer);
                // As if it had died before it stored TAIL.
                let end = ring.observer().unwrap().tail();
                let before = end.wrapping_sub(32).to_le_bytes();
                file.write_all_at(&before, layout::TAIL.offset() as u64)
                    .unwrap();
                let mut producer = ring.producer().unwrap();
                assert_eq!(producer.position(), end);
                producer.try_send(tag + 100, &[0; 20]).unwrap();
                for expected in [tag, tag + 100] {
                    let mut consumer = ring.consumer().unwrap();
                    assert_eq!(consumer.try_recv(&mut [0; 20]).unwrap().tag, expected);
                }
            }
        }
    }
}

/// Fills the ring and empties it, over and over, until `count` records went through.
fn send_and_receive(producer: &mut Producer, consumer: &mut Consumer, count: u32) {
    let payload = |tag: u32| vec![tag as u8; tag as usize * 37 % 257];
    let (mut sent, mut received) = (0, 0);
    while received < count {
        while sent < count && producer.try_send(sent, &payload(sent)).is_ok() {
            sent += 1;
        }
        let mut bytes = Vec::new();
        while let Ok(found) = consumer.try_recv(&mut bytes) {
            assert_eq!(found.tag, received);
            assert_eq!(bytes, payload(received));
            received += 1;
            if received % 3 == 0 {
                break;
            }
        }
    }
    assert_eq!((sent, received), (count, count));
}
