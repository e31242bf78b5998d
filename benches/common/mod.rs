//! What the benches share: how long they measure, rings of two handles, threads on two cores, and
//! how payloads are filled and checked.
//!
//! Every stream changes the first eight bytes of each payload, sends all of it and copies it out
//! again, unless its bench says otherwise. The receiver of one producer's stream checks how many
//! payloads came and which was the last; the receiver of many producers, and that of `trusted`,
//! only counts them. In round trips, every payload that comes back is compared with what was sent.

// Each bench uses a part of it.
#![allow(dead_code)]

pub(crate) mod many;
pub(crate) mod one_thread;
pub(crate) mod round_trips;
pub(crate) mod streams;
pub(crate) mod table;

use std::hint::black_box;
use std::process;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use criterion::Criterion;
use mapring::generic::{Options, Protocol, Ring};

/// Bytes of room that every contestant has, unless its bench says otherwise.
pub(crate) const ROOM: usize = 1 << 20;
/// Longest wait for the other side: if it takes longer, it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Runs so many records, or rounds, and tells how long they took.
pub(crate) type Measure = fn(u64) -> Duration;

/// Measures so shortly that all benches together take some minutes; the options of the
/// command line, `--measurement-time 5` above all, come before.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .sample_size(10)
}

/// A ring of the usual room whose first lap takes no page faults.
pub(crate) fn options<P: Protocol>() -> Options<P> {
    Options::new().capacity(ROOM as u64).prefault(true)
}

/// The name of a region that only this process uses.
pub(crate) fn name(of: &str) -> String {
    format!("bench-{of}-{}", process::id())
}

/// Creates a ring and opens it again, as two processes do: two handles, two mappings.
pub(crate) fn rings<P: Protocol>(of: &str, options: &Options<P>) -> (Ring<P>, Ring<P>) {
    let name = name(of);
    (options.create(&name).unwrap(), options.open(&name).unwrap())
}

/// Waits on one core or on many: spins for a while, then yields, and gives up after a
/// minute, for then the other side has failed. The clock is read only when it yields.
pub(crate) struct Spin {
    pauses: u32,
    yield_after: u32,
    /// When it yielded first, since it last went on.
    since: Option<Instant>,
}

impl Default for Spin {
    fn default() -> Self {
        Self::yielding_after(4096)
    }
}

impl Spin {
    /// Yields once in so many pauses.
    pub(crate) fn yielding_after(pauses: u32) -> Self {
        Self {
            pauses: 0,
            yield_after: pauses,
            since: None,
        }
    }

    /// Lets a moment pass.
    #[inline]
    pub(crate) fn pause(&mut self) {
        self.pauses = self.pauses.wrapping_add(1);
        if self.pauses.is_multiple_of(self.yield_after) {
            self.since = Some(give_way(self.since));
        } else {
            std::hint::spin_loop();
        }
    }

    /// Waits for something else from now on.
    #[inline]
    pub(crate) fn go_on(&mut self) {
        self.pauses = 0;
        self.since = None;
    }
}

/// Yields, and returns when whoever waits did so first: now, or `since`.
#[cold]
#[inline(never)]
fn give_way(since: Option<Instant>) -> Instant {
    let now = Instant::now();
    let since = since.unwrap_or(now);
    assert!(now - since < PATIENCE, "the other side does not go on");
    thread::yield_now();
    since
}

/// As [`race_many`], with one producer.
pub(crate) fn race(produce: impl FnOnce() + Send, consume: impl FnOnce() + Send) -> Duration {
    race_many(vec![produce], consume)
}

/// Runs the producers, each on a thread of its own, and one consumer. A single producer and the
/// consumer are on two cores if there are two; several producers go where the system puts them.
/// Measures from the common start to the end of the last.
pub(crate) fn race_many<P: FnOnce() + Send>(
    produce: Vec<P>,
    consume: impl FnOnce() + Send,
) -> Duration {
    let cores = mapring_limits::two_cores().unwrap();
    let pin = |core: Option<usize>| core.map(mapring_limits::pin).transpose().unwrap();
    let alone = produce.len() == 1;
    let (start, pin) = (Barrier::new(produce.len() + 1), &pin);
    thread::scope(|scope| {
        let start = &start;
        let producers: Vec<_> = produce
            .into_iter()
            .map(|produce| {
                scope.spawn(move || {
                    pin(cores.map(|(first, _)| first).filter(|_| alone));
                    start.wait();
                    let begin = Instant::now();
                    produce();
                    begin
                })
            })
            .collect();
        let consumer = scope.spawn(move || {
            pin(cores.map(|(_, second)| second).filter(|_| alone));
            start.wait();
            consume();
        });
        let begins = producers
            .into_iter()
            .map(|producer| producer.join().unwrap());
        let begin = begins.min().unwrap();
        consumer.join().unwrap();
        begin.elapsed()
    })
}

/// The payload of record `i`.
#[inline]
pub(crate) fn fill<const N: usize>(payload: &mut [u8; N], i: u64) {
    payload[..8].copy_from_slice(&i.to_le_bytes());
}

/// Counts what arrived; [`Check::finish`] checks that it is so many, and that the last one came
/// last. More work for each record would measure the work.
#[derive(Default)]
pub(crate) struct Check {
    records: u64,
}

impl Check {
    #[inline]
    pub(crate) fn see<const N: usize>(&mut self, payload: &[u8; N]) {
        // All of the payload was copied out, and the compiler must believe that it is used.
        black_box(payload);
        self.records += 1;
    }

    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    pub(crate) fn finish<const N: usize>(&self, records: u64, last: &[u8; N]) {
        let mut expected = [0; N];
        fill(&mut expected, records - 1);
        assert_eq!(self.records, records, "records were lost");
        assert_eq!(last, &expected, "the last record is another one");
    }
}
