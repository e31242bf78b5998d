//! How long does a record take there and back, when both sides sleep until they are woken?
//!
//! Two pinned threads, two rings, blocking calls; *sleeping* sleeps at once, *by default* spins for
//! some microseconds first. Beside them stands a bare futex there and another one back. With
//! `--features event`, also by events.
//!
//! Run: `cargo bench --bench wakeups -- --rounds 9` (5 by default)
//!
//! Read: nanoseconds of a round trip, the median of the rounds, and the ratio to the bare futex,
//! taken within each round: median, least and largest. What wakeups cost when nobody sleeps is
//! asked by `wakeups_off`, what a sleeper uses by `idle`.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::round_trips::through_rings;
use common::table::{begin, nanoseconds, table};
use common::{Measure, PATIENCE, options, race};
use mapring::{WaitStrategy, Wakeups};
use mapring_limits::FutexPingPong;

/// Round trips of one measurement.
const ROUND_TRIPS: u64 = 10_000;

fn main() {
    let contestants: &[(&str, Measure)] = &[
        ("bare futex", bare_futex),
        ("sleeping", |rounds| {
            blocked(rounds, Wakeups::Futex, WaitStrategy::LowCpu)
        }),
        ("by default", |rounds| {
            blocked(rounds, Wakeups::Futex, WaitStrategy::Balanced)
        }),
        #[cfg(feature = "event")]
        ("sleeping, by events", |rounds| {
            blocked(rounds, Wakeups::Event, WaitStrategy::LowCpu)
        }),
    ];
    let runs = contestants
        .iter()
        .map(|&(name, run)| (name, move || nanoseconds(ROUND_TRIPS, run(ROUND_TRIPS))));
    let runs: Vec<_> = runs.collect();
    table("blocked round trip, nanoseconds", "", begin(), &runs);
}

fn bare_futex(rounds: u64) -> Duration {
    let file = mapring_limits::shared_file(FutexPingPong::SIZE).unwrap();
    let here = FutexPingPong::new(&file).unwrap();
    let there = FutexPingPong::new(&file).unwrap();
    race(
        || (1..=rounds as u32).for_each(|round| here.ping(round).unwrap()),
        || (1..=rounds as u32).for_each(|round| there.pong(round).unwrap()),
    )
}

/// 56 bytes through one ring, and back through another, by blocking calls.
fn blocked(rounds: u64, wakeups: Wakeups, strategy: WaitStrategy) -> Duration {
    let options = options().wakeups(wakeups);
    through_rings::<56>(&options, strategy, rounds, |consumer, payload| {
        consumer.recv(payload, PATIENCE).unwrap();
    })
}
