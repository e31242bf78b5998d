//! Round trips between two pinned threads that poll.

use std::time::{Duration, Instant};

use mapring::TryRecvError;
use mapring::spsc::{Consumer, Producer};
use mapring_limits::PingPong;

use super::{Measure, Spin, race, rings};

/// The contestants, the raw one first: how long so many rounds take.
pub(crate) fn contestants() -> [(&'static str, Measure); 3] {
    [
        ("raw cache lines", raw),
        ("mapring, 56 bytes", mapring::<56>),
        ("mapring, 64 bytes", mapring::<64>),
    ]
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
