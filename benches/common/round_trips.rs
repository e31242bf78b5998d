//! Round trips between two pinned threads.

use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, SamplingMode};
use mapring::spsc::{Consumer, Options};
use mapring::{TryRecvError, WaitStrategy};
use mapring_limits::PingPong;

use super::{Measure, PATIENCE, Spin, fill, options, race, rings};

/// So many in one measurement that starting threads does not count.
const ROUNDS: u64 = 10_000;

/// Lets criterion measure round trips, of which an iteration has one.
pub(crate) fn measure(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    run: impl Fn(u64) -> Duration,
) {
    group.sampling_mode(SamplingMode::Flat);
    group.bench_function(id, |bencher| {
        bencher.iter_custom(|iterations| run(iterations * ROUNDS) / ROUNDS as u32);
    });
}

/// The contestants that poll, the raw one first: how long so many rounds take.
pub(crate) fn contestants() -> [(&'static str, Measure); 3] {
    [
        ("raw cache lines", raw),
        ("mapring, 56 bytes", |rounds| {
            mapring::<56>(&options(), rounds)
        }),
        ("mapring, 64 bytes", |rounds| {
            mapring::<64>(&options(), rounds)
        }),
    ]
}

/// The bare transfer of a cache line there and of another one back.
fn raw(rounds: u64) -> Duration {
    let file = mapring_limits::shared_file(PingPong::SIZE).unwrap();
    let (here, there) = (PingPong::new(&file).unwrap(), PingPong::new(&file).unwrap());
    let deadline = Instant::now() + PATIENCE;
    race(
        || (1..=rounds).for_each(|round| here.ping(round, deadline).unwrap()),
        || (1..=rounds).for_each(|round| there.pong(round, deadline).unwrap()),
    )
}

/// A payload of `N` bytes through one ring, and back through another, both sides polling.
pub(crate) fn mapring<const N: usize>(options: &Options, rounds: u64) -> Duration {
    through_rings::<N>(options, WaitStrategy::default(), rounds, poll)
}

/// The same, by this way to receive.
pub(crate) fn through_rings<const N: usize>(
    options: &Options,
    strategy: WaitStrategy,
    rounds: u64,
    receive: impl Fn(&mut Consumer, &mut [u8; N]) + Sync,
) -> Duration {
    let (ping, ping_there) = rings("ping", options);
    let (pong, pong_there) = rings("pong", options);
    let (mut to, mut from) = (ping.producer().unwrap(), pong.consumer().unwrap());
    let (mut back, mut there) = (
        pong_there.producer().unwrap(),
        ping_there.consumer().unwrap(),
    );
    from.set_wait_strategy(strategy);
    there.set_wait_strategy(strategy);
    let receive = &receive;
    let ask = move || {
        let mut payload = [0; N];
        for round in 0..rounds {
            fill(&mut payload, round);
            let sent = payload;
            to.try_send(0, &payload).unwrap();
            receive(&mut from, &mut payload);
            assert_eq!(payload, sent);
        }
    };
    let answer = move || {
        let mut payload = [0; N];
        for _ in 0..rounds {
            receive(&mut there, &mut payload);
            back.try_send(0, &payload).unwrap();
        }
    };
    race(ask, answer)
}

#[inline]
fn poll<const N: usize>(consumer: &mut Consumer, payload: &mut [u8; N]) {
    let mut spin = Spin::default();
    loop {
        match consumer.try_recv(payload) {
            Ok(_) => return,
            Err(TryRecvError::Empty) => spin.pause(),
            Err(error) => panic!("{error}"),
        }
    }
}
