//! What do many producers cost?
//!
//! One ring, one consumer, up to 8 producers, also more than there are cores; payloads of 64 bytes.
//! Beside it, the queues of `crossbeam` in the same room, which move values between threads only;
//! the contestants take turns as in `side_by_side`.
//!
//! Run: `cargo bench --bench many_producers -- --rounds 9` (5 by default)
//!
//! Read: the median of the rounds, all producers together, and the ratios to the first line and to
//! `crossbeam-channel`: median, least and largest. What the alignment of records gives is asked by
//! `record_align`.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::many::{Many, YIELD_AFTER, share};
use common::table::{begin, rate, table};
use common::{Check, ROOM, Spin, fill, race_many};
use crossbeam_queue::ArrayQueue;

/// A contestant's name, and how long it takes with so many producers.
type Contestant = (&'static str, fn(usize) -> Duration);

/// Bytes of payload.
const N: usize = 64;
/// Records of one measurement: some twenty milliseconds.
const RECORDS: u64 = 1 << 20;

fn main() {
    let rounds = begin();
    scaling(rounds);
    for producers in [1, 2, 8] {
        contestants(producers, rounds);
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
        let run = move || rate(RECORDS, mapring(producers));
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
    let contestants: [Contestant; 4] = [
        ("ArrayQueue", array_queue),
        ("crossbeam-channel", channel),
        ("mapring", mapring),
        ("mapring batches of 16", mapring_batches),
    ];
    let runs = contestants.map(|(name, run)| (name, move || rate(RECORDS, run(producers))));
    let title = format!("{N} bytes, {producers} producers, million a second");
    table(&title, "crossbeam-channel", rounds, &runs);
}

fn mapring(producers: usize) -> Duration {
    Many::new(producers).run::<N>(RECORDS)
}

fn mapring_batches(producers: usize) -> Duration {
    let stream = Many {
        batch: 16,
        ..Many::new(producers)
    };
    stream.run::<N>(RECORDS)
}

fn array_queue(producers: usize) -> Duration {
    let queue = ArrayQueue::<[u8; N]>::new(ROOM / N);
    let send = (0..producers)
        .map(|number| {
            let (queue, records) = (&queue, share(RECORDS, number, producers));
            move || {
                let mut payload = [number as u8; N];
                let mut spin = Spin::yielding_after(YIELD_AFTER);
                for i in 0..records {
                    fill(&mut payload, i);
                    while queue.push(payload).is_err() {
                        spin.pause();
                    }
                    spin.go_on();
                }
            }
        })
        .collect();
    race_many(send, || {
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
            let (sender, records) = (sender.clone(), share(RECORDS, number, producers));
            move || {
                let mut payload = [number as u8; N];
                for i in 0..records {
                    fill(&mut payload, i);
                    sender.send(payload).unwrap();
                }
            }
        })
        .collect();
    drop(sender);
    race_many(send, || {
        let mut check = Check::default();
        for payload in receiver {
            check.see(&payload);
        }
        assert_eq!(check.records(), RECORDS);
    })
}
