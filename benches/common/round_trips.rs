//! Round trips between two pinned threads that poll.

use std::time::{Duration, Instant};

use mapring::spsc::{Consumer, Producer};
use mapring::{TryRecvError, WaitStrategy, Wakeups};
use mapring_limits::{FutexPingPong, PingPong};

use super::{Measure, Spin, race, rings, rings_with};

/// The contestants, the raw one first: how long so many rounds take.
pub(crate) fn contestants() -> [(&'static str, Measure); 3] {
    [
        ("raw cache lines", raw),
        ("mapring, 56 bytes", mapring::<56>),
        ("mapring, 64 bytes", mapring::<64>),
    ]
}

/// The contestants that sleep until they are woken, the bare one first.
pub(crate) fn blocked() -> Vec<(&'static str, Measure)> {
    vec![
        ("bare futex", bare_futex),
        ("mapring, sleeping", |rounds| {
            blocked_by(rounds, Wakeups::Futex, WaitStrategy::LowCpu)
        }),
        ("mapring, by default", |rounds| {
            blocked_by(rounds, Wakeups::Futex, WaitStrategy::Balanced)
        }),
        #[cfg(feature = "event")]
        ("mapring, sleeping, by events", |rounds| {
            blocked_by(rounds, Wakeups::Event, WaitStrategy::LowCpu)
        }),
    ]
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
fn blocked_by(rounds: u64, wakeups: Wakeups, strategy: WaitStrategy) -> Duration {
    let (ping, ping_there) = rings_with("blocked-ping", wakeups);
    let (pong, pong_there) = rings_with("blocked-pong", wakeups);
    let (mut to, mut from) = (ping.producer().unwrap(), pong.consumer().unwrap());
    let (mut back, mut there) = (
        pong_there.producer().unwrap(),
        ping_there.consumer().unwrap(),
    );
    from.set_wait_strategy(strategy);
    there.set_wait_strategy(strategy);
    let ask = move || {
        let mut payload = [0; 56];
        for round in 0..rounds {
            payload[..8].copy_from_slice(&round.to_le_bytes());
            to.try_send(0, &payload).unwrap();
            from.recv(&mut payload, Duration::from_secs(60)).unwrap();
        }
    };
    let answer = move || {
        let mut payload = [0; 56];
        for _ in 0..rounds {
            there.recv(&mut payload, Duration::from_secs(60)).unwrap();
            back.try_send(0, &payload).unwrap();
        }
    };
    race(ask, answer)
}

/// The bare transfer of a cache line there and of another one back.
fn raw(rounds: u64) -> Duration {
    let file = mapring_limits::shared_file(PingPong::SIZE).unwrap();
    let (here, there) = (PingPong::new(&file).unwrap(), PingPong::new(&file).unwrap());
    let deadline = Instant::now() + Duration::from_secs(60);
    race(
        || (1..=rounds).for_each(|round| here.ping(round, deadline).unwrap()),
        || (1..=rounds).for_each(|round| there.pong(round, deadline).unwrap()),
    )
}

/// A payload of `N` bytes through one ring, and back through another.
fn mapring<const N: usize>(rounds: u64) -> Duration {
    let (ping, ping_there) = rings("ping");
    let (pong, pong_there) = rings("pong");
    let (mut to, mut from) = (ping.producer().unwrap(), pong.consumer().unwrap());
    let (mut back, mut there) = (
        pong_there.producer().unwrap(),
        ping_there.consumer().unwrap(),
    );
    let ask = move || {
        let mut payload = [0; N];
        for round in 0..rounds {
            payload[..8].copy_from_slice(&round.to_le_bytes());
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
            send(&mut back, &payload);
        }
    };
    race(ask, answer)
}

#[inline]
fn send<const N: usize>(producer: &mut Producer, payload: &[u8; N]) {
    producer.try_send(0, payload).unwrap();
}

#[inline]
fn receive<const N: usize>(consumer: &mut Consumer, payload: &mut [u8; N]) {
    let mut spin = Spin::default();
    loop {
        match consumer.try_recv(payload) {
            Ok(_) => return,
            Err(TryRecvError::Empty) => spin.pause(),
            Err(error) => panic!("{error}"),
        }
    }
}
