//! How does it compare within the same minute? Cores of a shared machine drift, so that
//! figures taken one after the other mislead. Here the contestants take turns, round by
//! round, each round gives a ratio, and the medians of the ratios are printed.
//!
//! `cargo bench --bench side_by_side -- --rounds 9`

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::round_trips;
use common::table::{rate, rounds, table};
use mapring_limits::{Giver, Taker};

/// A contestant's name, and one measurement of it.
type Run = (&'static str, Box<dyn Fn() -> f64>);

/// Bytes that one measurement moves: some ten milliseconds.
const BYTES: u64 = 64 << 20;
const ROUND_TRIPS: u64 = 100_000;

fn main() {
    let rounds = rounds(std::env::args());
    println!("medians of {rounds} interleaved rounds; ratios are taken within a round\n");
    streams::<8>(rounds);
    streams::<64>(rounds);
    streams::<256>(rounds);
    streams::<1024>(rounds);
    streams::<16384>(rounds);
    copies::<16384>(rounds);
    round_trips(rounds);
}

fn streams<const N: usize>(rounds: usize) {
    let records = BYTES / N.max(16) as u64;
    let contestants = common::streams::<N>();
    let runs = contestants.map(|(name, stream)| (name, move || rate(records, stream(records))));
    table(
        &format!("stream of {N} bytes, million records a second"),
        "rtrb",
        rounds,
        &runs,
    );
}

fn copies<const N: usize>(rounds: usize) {
    let records = BYTES / N as u64;
    let (_, mapring) = common::streams::<N>()[1];
    let runs: [Run; 2] = [
        (
            "plain copy",
            Box::new(move || rate(records, copy::<N>(records))),
        ),
        ("mapring", Box::new(move || rate(records, mapring(records)))),
    ];
    let title = format!("{N} bytes against copies, million a second");
    table(&title, "rtrb", rounds, &runs);
}

fn round_trips(rounds: usize) {
    let runs = round_trips::contestants().map(|(name, run)| {
        (name, move || {
            run(ROUND_TRIPS).as_secs_f64() * 1e9 / ROUND_TRIPS as f64
        })
    });
    table("round trip, nanoseconds", "rtrb", rounds, &runs);
}

/// A buffer that is copied in on one core and out on the other.
fn copy<const N: usize>(records: u64) -> Duration {
    let file = mapring_limits::shared_file(4096 + N).unwrap();
    // SAFETY: there is one giver and one taker over this file, each made once.
    let mut giver = unsafe { Giver::new(&file) }.unwrap();
    // SAFETY: as above.
    let mut taker = unsafe { Taker::new(&file) }.unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    let give = move || {
        let mut payload = [0; N];
        for i in 0..records {
            common::fill(&mut payload, i);
            giver.give(&payload, deadline).unwrap();
        }
    };
    let take = move || {
        let mut check = common::Check::default();
        let mut payload = [0; N];
        for _ in 0..records {
            taker.take(&mut payload, deadline).unwrap();
            check.see(&payload);
        }
        check.finish(records, &payload);
    };
    common::race(give, take)
}
