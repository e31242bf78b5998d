//! What do many producers cost? One ring, one consumer, 1, 2 and 8 producers, also more than there
//! are cores; against the queues of `crossbeam` of the same room, in turns as in `side_by_side`.
//!
//! `cargo bench --bench many_producers -- --rounds 9`

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::table::{rate, rounds, table};
use common::{Check, ROOM, Spin};
use crossbeam_queue::ArrayQueue;
use mapring::TryRecvError;
use mapring::mpsc::{Options, Ring};

/// A contestant's name, and one measurement of it.
type Run = (&'static str, Box<dyn Fn() -> f64>);

/// Bytes of payload.
const N: usize = 64;
/// Records of one measurement: some twenty milliseconds.
const RECORDS: u64 = 1 << 20;
/// Records that one call of `drain` may hand out, and that one batch holds.
const AT_ONCE: usize = 256;

/// With more threads than cores, whoever is waited for must soon get its turn.
const YIELD_AFTER: u32 = 256;

fn main() {
    let rounds = rounds(std::env::args());
    println!("medians of {rounds} interleaved rounds; ratios are taken within a round\n");
    scaling(rounds);
    for producers in [1, 2, 8] {
        contestants(producers, rounds);
    }
    for producers in [1, 2] {
        alignments(producers, rounds);
    }
}

/// What becomes of the rate when there are more producers.
fn scaling(rounds: usize) {
    let runs = [
        (1, "1 producer"),
        (2, "2 producers"),
        (4, "4 producers"),
        (8, "8 producers"),
    ];
    let runs = runs.map(|(producers, name)| {
        let run = move || rate(RECORDS, mapring(producers, 64, 0));
        (name, run)
    });
    table(
        "mapring by producers, million records a second",
        "",
        rounds,
        &runs,
    );
}

fn contestants(producers: usize, rounds: usize) {
    let runs: [Run; 4] = [
        (
            "ArrayQueue",
            Box::new(move || rate(RECORDS, array_queue(producers))),
        ),
        (
            "crossbeam-channel",
            Box::new(move || rate(RECORDS, channel(producers))),
        ),
        (
            "mapring",
            Box::new(move || rate(RECORDS, mapring(producers, 64, 0))),
        ),
        (
            "mapring batches of 16",
            Box::new(move || rate(RECORDS, mapring(producers, 64, 16))),
        ),
    ];
    let title = format!("{N} bytes, {producers} producers, million a second");
    table(&title, "crossbeam-channel", rounds, &runs);
}

fn alignments(producers: usize, rounds: usize) {
    let runs = [
        (8, "aligned to 8"),
        (64, "aligned to 64"),
        (128, "aligned to 128"),
    ];
    let runs = runs.map(|(align, name)| {
        let run = move || rate(RECORDS, mapring(producers, align, 0));
        (name, run)
    });
    let title = format!("mapring, {producers} producers, million a second");
    table(&title, "", rounds, &runs);
}

/// How many of the records this producer sends.
fn share(producer: usize, producers: usize) -> u64 {
    let rest = RECORDS % producers as u64;
    RECORDS / producers as u64 + u64::from((producer as u64) < rest)
}

/// One by one, or in batches of so many.
fn mapring(producers: usize, align: u64, batch: usize) -> Duration {
    let name = format!("bench-many-{}", std::process::id());
    let options = Options::new().capacity(ROOM as u64).record_align(align);
    let ring = options.prefault(true).create(&name).unwrap();
    let send = (0..producers)
        .map(|number| {
            let mut producer = ring.producer().unwrap();
            let records = share(number, producers);
            move || {
                let mut payload = [number as u8; N];
                let wait = Duration::from_secs(60);
                let mut i = 0;
                while i < records {
                    if batch == 0 {
                        common::fill(&mut payload, i);
                        producer.send(0, &payload, wait).unwrap();
                        i += 1;
                        continue;
                    }
                    let count = records.min(i + batch as u64) - i;
                    let room = producer.record_size(N) * count as usize;
                    let mut batch = producer.batch(room, wait).unwrap();
                    for i in i..i + count {
                        common::fill(&mut payload, i);
                        batch.push(0, &payload).unwrap();
                    }
                    batch.publish();
                    i += count;
                }
            }
        })
        .collect();
    common::race_many(send, || drain(&ring))
}

fn drain(ring: &Ring) {
    let mut consumer = ring.consumer().unwrap();
    let mut check = Check::default();
    let mut spin = Spin::yielding_after(YIELD_AFTER);
    let mut payload = [0; N];
    while check.records() < RECORDS {
        let drained = consumer.drain(AT_ONCE, |record| {
            record.copy_to(&mut payload);
            check.see(&payload);
        });
        match drained {
            Ok(_) => spin.go_on(),
            Err(TryRecvError::Empty) => spin.pause(),
            Err(error) => panic!("{error}"),
        }
    }
}

fn array_queue(producers: usize) -> Duration {
    let queue = ArrayQueue::<[u8; N]>::new(ROOM / N);
    let send = (0..producers)
        .map(|number| {
            let (queue, records) = (&queue, share(number, producers));
            move || {
                let mut payload = [number as u8; N];
                let mut spin = Spin::yielding_after(YIELD_AFTER);
                for i in 0..records {
                    common::fill(&mut payload, i);
                    while queue.push(payload).is_err() {
                        spin.pause();
                    }
                    spin.go_on();
                }
            }
        })
        .collect();
    common::race_many(send, || {
        let mut check = Check::default();
        let mut spin = Spin::yielding_after(YIELD_AFTER);
        while check.records() < RECORDS {
            match queue.pop() {
                Some(payload) => {
                    check.see(&payload);
                    spin.go_on();
                }
                None => spin.pause(),
            }
        }
    })
}

fn channel(producers: usize) -> Duration {
    let (sender, receiver) = crossbeam_channel::bounded::<[u8; N]>(ROOM / N);
    let send = (0..producers)
        .map(|number| {
            let (sender, records) = (sender.clone(), share(number, producers));
            move || {
                let mut payload = [number as u8; N];
                for i in 0..records {
                    common::fill(&mut payload, i);
                    sender.send(payload).unwrap();
                }
            }
        })
        .collect();
    drop(sender);
    common::race_many(send, || {
        let mut check = Check::default();
        for payload in receiver {
            check.see(&payload);
        }
        assert_eq!(check.records(), RECORDS);
    })
}
