//! How does it compare with the bare limits of the machine, and with `rtrb` and
//! `crossbeam-channel`, which move values between threads only, within the same minute?
//!
//! Streams of payloads, copies of a large one, and round trips, between two pinned threads; each
//! contestant is used as its documentation says, in 1 MiB of room. The raw stream publishes its
//! cursor once per 4 KiB; what other intervals give is asked by `record_sizes`. Cores of a shared
//! machine drift, so that figures taken one after the other mislead: here the contestants take
//! turns, round by round, and each round gives a ratio.
//!
//! Run: `cargo bench --bench side_by_side -- --rounds 9` (5 by default)
//!
//! Read: the median of the rounds, and the ratios to the first line, which is the bare limit, and
//! to `rtrb`: median, least and largest.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::streams::{self, Stream};
use common::table::{begin, nanoseconds, rate, table};
use common::{Check, Measure, PATIENCE, ROOM, Spin, fill, race, round_trips};
use mapring_limits::{Giver, Taker};

/// Round trips of one measurement.
const ROUND_TRIPS: u64 = 100_000;

fn main() {
    let rounds = begin();
    streams_of::<8>(rounds);
    streams_of::<64>(rounds);
    streams_of::<256>(rounds);
    streams_of::<1024>(rounds);
    streams_of::<16384>(rounds);
    copies::<16384>(rounds);
    trips(rounds);
}

fn streams_of<const N: usize>(rounds: usize) {
    let contestants: [(&str, Measure); 5] = [
        ("raw stream", streams::raw::<N>),
        ("mapring", mapring::<N>),
        ("mapring batch", mapring_batch::<N>),
        ("rtrb", rtrb::<N>),
        ("crossbeam-channel", crossbeam::<N>),
    ];
    let title = format!("stream of {N} bytes, million records a second");
    compare(&title, rounds, N, &contestants);
}

fn copies<const N: usize>(rounds: usize) {
    let contestants: [(&str, Measure); 2] = [("plain copy", copy::<N>), ("mapring", mapring::<N>)];
    let title = format!("{N} bytes against copies, million a second");
    compare(&title, rounds, N, &contestants);
}

fn compare(title: &str, rounds: usize, len: usize, contestants: &[(&str, Measure)]) {
    let records = streams::records(len);
    let runs = contestants
        .iter()
        .map(|&(name, run)| (name, move || rate(records, run(records))));
    table(title, "rtrb", rounds, &runs.collect::<Vec<_>>());
}

fn trips(rounds: usize) {
    let runs = round_trips::contestants()
        .map(|(name, run)| (name, move || nanoseconds(ROUND_TRIPS, run(ROUND_TRIPS))));
    table("round trip, nanoseconds", "", rounds, &runs);
}

fn mapring<const N: usize>(records: u64) -> Duration {
    Stream::default().run::<N>(records)
}

fn mapring_batch<const N: usize>(records: u64) -> Duration {
    let stream = Stream {
        batch: 256,
        ..Stream::default()
    };
    stream.run::<N>(records)
}

/// A buffer that is copied in on one core and out on the other.
fn copy<const N: usize>(records: u64) -> Duration {
    let file = mapring_limits::shared_file(4096 + N).unwrap();
    // SAFETY: there is one giver and one taker over this file, each made once.
    let mut giver = unsafe { Giver::new(&file) }.unwrap();
    // SAFETY: as above.
    let mut taker = unsafe { Taker::new(&file) }.unwrap();
    let deadline = Instant::now() + PATIENCE;
    let give = move || {
        let mut payload = [0; N];
        for i in 0..records {
            fill(&mut payload, i);
            giver.give(&payload, deadline).unwrap();
        }
    };
    let take = move || {
        let mut check = Check::default();
        let mut payload = [0; N];
        for _ in 0..records {
            taker.take(&mut payload, deadline).unwrap();
            check.see(&payload);
        }
        check.finish(records, &payload);
    };
    race(give, take)
}

fn rtrb<const N: usize>(records: u64) -> Duration {
    let (mut producer, mut consumer) = rtrb::RingBuffer::<[u8; N]>::new(ROOM / N);
    let send = move || {
        let mut payload = [0; N];
        let mut spin = Spin::default();
        for i in 0..records {
            fill(&mut payload, i);
            while producer.push(payload).is_err() {
                spin.pause();
            }
            spin.go_on();
        }
    };
    let receive = move || {
        let mut check = Check::default();
        let mut spin = Spin::default();
        let mut payload = [0; N];
        while check.records() < records {
            match consumer.pop() {
                Ok(received) => {
                    payload = received;
                    check.see(&payload);
                    spin.go_on();
                }
                Err(_) => spin.pause(),
            }
        }
        check.finish(records, &payload);
    };
    race(send, receive)
}

fn crossbeam<const N: usize>(records: u64) -> Duration {
    let (sender, receiver) = crossbeam_channel::bounded::<[u8; N]>(ROOM / N);
    let send = move || {
        let mut payload = [0; N];
        for i in 0..records {
            fill(&mut payload, i);
            sender.send(payload).unwrap();
        }
    };
    let receive = move || {
        let mut check = Check::default();
        let mut payload = [0; N];
        for received in receiver {
            payload = received;
            check.see(&payload);
        }
        check.finish(records, &payload);
    };
    race(send, receive)
}
