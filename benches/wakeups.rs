//! What do wakeups cost who wakes nobody, how fast are they, and what does a sleeper use meanwhile?
//!
//! `cargo bench --bench wakeups -- --rounds 9`, or `-- --idle 60` for a minute of sleep.

// A bench that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::table::{rate, rounds, table};
use common::{receive_by_drain, round_trips};
use mapring::spsc::Options;
use mapring::{RecvError, Wakeups};
use rustix::time::{ClockId, clock_gettime};

/// Bytes that one measurement moves: some ten milliseconds.
const BYTES: u64 = 64 << 20;
const ROUND_TRIPS: u64 = 10_000;

fn main() {
    let mut args = std::env::args().skip_while(|arg| arg != "--idle").skip(1);
    if let Some(seconds) = args.next() {
        match seconds.parse() {
            Ok(seconds) => return idle(seconds),
            Err(_) => {
                eprintln!("--idle takes a number of seconds");
                std::process::exit(2);
            }
        }
    }
    let rounds = rounds(std::env::args());
    println!("medians of {rounds} interleaved rounds; ratios are taken within a round\n");
    let runs = round_trips::blocked().into_iter().map(|(name, run)| {
        (name, move || {
            run(ROUND_TRIPS).as_secs_f64() * 1e9 / ROUND_TRIPS as f64
        })
    });
    let runs: Vec<_> = runs.collect();
    table("blocked round trip, nanoseconds", "", rounds, &runs);
    streams::<8>(rounds);
    streams::<64>(rounds);
}

/// Single sends to a consumer that polls, so that nobody ever sleeps.
fn streams<const N: usize>(rounds: usize) {
    let records = BYTES / N.max(16) as u64;
    let runs = [
        ("wakeups off", Wakeups::None),
        ("wakeups on", Wakeups::Futex),
    ];
    let runs =
        runs.map(|(name, wakeups)| (name, move || rate(records, stream::<N>(records, wakeups))));
    let title = format!("stream of {N} bytes, nobody asleep, million a second");
    table(&title, "", rounds, &runs);
}

fn stream<const N: usize>(records: u64, wakeups: Wakeups) -> Duration {
    let (here, there) = common::rings_with("wakeups", wakeups);
    let mut producer = here.producer().unwrap();
    let send = move || {
        let mut payload = [0; N];
        for i in 0..records {
            common::fill(&mut payload, i);
            producer.send(0, &payload, Duration::from_secs(60)).unwrap();
        }
    };
    common::race(send, || receive_by_drain::<N>(&there, records))
}

/// Lets a consumer wait for nothing, and says what it used.
fn idle(seconds: u64) {
    let name = format!("bench-idle-{}", std::process::id());
    let ring = Options::new().create(&name).unwrap();
    let _producer = ring.producer().unwrap();
    let mut consumer = ring.consumer().unwrap();
    let waiting = thread::spawn(move || {
        let begin = Instant::now();
        let received = consumer.recv(&mut Vec::new(), Duration::from_secs(seconds));
        assert_eq!(received, Err(RecvError::TimedOut));
        let used = clock_gettime(ClockId::ThreadCPUTime);
        let used = used.tv_sec as f64 + used.tv_nsec as f64 / 1e9;
        (used, begin.elapsed().as_secs_f64())
    });
    let (used, waited) = waiting.join().unwrap();
    println!(
        "a consumer that slept for {waited:.1} s used {:.1} ms of a core: {:.4} %",
        used * 1e3,
        100.0 * used / waited
    );
}
