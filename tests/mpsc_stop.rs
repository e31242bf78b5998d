//! Producers that are stopped in the middle of a claim, for however long: that is not dead.
//!
//! `MAPRING_STOP_SECONDS` says for how long.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::thread;
use std::time::{Duration, Instant};

use mapring::generic::Stalled;
use mapring::mpsc::{Consumer, Options, Ring};
use mapring::{Peer, RecvError, SendError, TryRecvError};

use common::claimant::{self, Claimant, assert_free_part_is_zero, look_alikes};
use common::{DEADLINE, Name, count, role};

fn options() -> Options {
    let options = Options::new().capacity(8 << 10).max_payload(1 << 10);
    options.producers(8)
}

/// Role: see [`claimant::play`].
#[test]
fn role_claim() {
    let Some(arguments) = role() else { return };
    claimant::play(&arguments);
}

/// For as long as a producer is stopped, nothing must come, in whichever way it is waited for.
#[track_caller]
fn assert_nothing_comes(consumer: &mut Consumer, until: Instant) {
    let mut bytes = Vec::new();
    loop {
        let received = consumer.recv(&mut bytes, Duration::from_millis(50));
        assert_eq!(received, Err(RecvError::TimedOut));
        // So many that some look closer.
        for _ in 0..3000 {
            let received = consumer.try_recv(&mut bytes);
            assert_eq!(received, Err(TryRecvError::Empty));
            assert_eq!(consumer.drain(9, |_| {}), Err(TryRecvError::Empty));
        }
        if Instant::now() >= until {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Checks that these come, in this order, and nothing else.
#[track_caller]
fn assert_come(consumer: &mut Consumer, records: &[(u32, Vec<u8>)]) {
    let mut bytes = Vec::new();
    for (tag, payload) in records {
        let received = consumer.recv(&mut bytes, DEADLINE).unwrap();
        assert_eq!(received.tag, *tag);
        assert!(bytes == *payload, "record {tag} is not whole");
    }
    let nothing = consumer.try_recv(&mut bytes);
    assert_eq!(nothing, Err(TryRecvError::Empty));
}

/// What an observer is told of the claim at the head.
fn stalled(ring: &Ring) -> Option<(u32, usize)> {
    let stalled = ring.observer().unwrap().stalled();
    stalled.map(|Stalled { pid, size, .. }| (pid, size))
}

#[test]
fn a_producer_stopped_in_a_claim_is_never_repaired() {
    let name = Name::new("stop");
    let ring = options().create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let mut other = ring.producer().unwrap();

    let mut stopped = Claimant::start(&name, 1000, 1);
    other.try_send(2, b"behind it").unwrap();
    let mut third = Claimant::start(&name, 100, 3);
    third.commit();
    stopped.stop();
    let until = Instant::now() + Duration::from_secs(count("MAPRING_STOP_SECONDS", 2).into());
    assert_nothing_comes(&mut consumer, until);
    let size = other.record_size(1000);
    assert_eq!(stalled(&ring), Some((stopped.pid(), size)));
    let pid = stopped.pid();
    assert!(
        consumer
            .producers()
            .unwrap()
            .contains(&Peer::Attached { pid })
    );

    stopped.go_on();
    assert_nothing_comes(&mut consumer, Instant::now());
    stopped.commit();
    let records = [
        (1, look_alikes(1000)),
        (2, b"behind it".to_vec()),
        (3, look_alikes(100)),
    ];
    assert_come(&mut consumer, &records);
    assert_eq!(consumer.repairs().count(), 0);
    assert_eq!(stalled(&ring), None);
    third.leave();
    stopped.leave();
    assert_free_part_is_zero(&ring);
}

#[test]
fn a_dead_claim_is_skipped_and_one_of_a_stopped_producer_is_not() {
    // Whichever of the two claimed first.
    for dead_first in [true, false] {
        let name = Name::new(&format!("stop-and-die-{dead_first}"));
        let ring = options().create(&name).unwrap();
        let mut consumer = ring.consumer().unwrap();
        let mut other = ring.producer().unwrap();
        other.try_send(1, b"before").unwrap();

        let early = Claimant::start(&name, 300, 2);
        let late = Claimant::start(&name, 500, 2);
        other.try_send(3, b"behind").unwrap();
        let (dead, mut stopped, dead_len, len) = if dead_first {
            (early, late, 300, 500)
        } else {
            (late, early, 500, 300)
        };
        stopped.stop();
        let pid = dead.die();
        let received = consumer.recv(&mut Vec::new(), DEADLINE).unwrap();
        assert_eq!(received.tag, 1);
        assert_nothing_comes(&mut consumer, Instant::now() + Duration::from_millis(300));
        let mut repairs: Vec<_> = consumer.repairs().collect();
        assert_eq!(repairs.len(), usize::from(dead_first));
        assert_eq!(stalled(&ring).unwrap().0, stopped.pid());

        stopped.go_on();
        stopped.commit();
        let records = [(2, look_alikes(len)), (3, b"behind".to_vec())];
        assert_come(&mut consumer, &records);
        repairs.extend(consumer.repairs());
        let [repair] = repairs[..] else {
            panic!("{repairs:?}")
        };
        let size = other.record_size(dead_len);
        assert_eq!((repair.pid, repair.size), (pid, size));
        stopped.leave();
        assert_free_part_is_zero(&ring);
    }
}

#[test]
fn a_full_ring_behind_a_stopped_producer_stays_full() {
    let name = Name::new("stop-full");
    let ring = options().create(&name).unwrap();
    let mut other = ring.producer().unwrap();
    let mut stopped = Claimant::start(&name, 100, 1);
    stopped.stop();
    let mut consumer = ring.consumer().unwrap();
    let mut sent = 0;
    while other.try_send(sent, &[7; 200]).is_ok() {
        sent += 1;
    }
    let waited = other.send(sent, &[7; 200], Duration::from_millis(50));
    assert_eq!(waited, Err(SendError::TimedOut));
    assert_nothing_comes(&mut consumer, Instant::now());
    stopped.go_on();
    stopped.commit();
    let mut records = vec![(1, look_alikes(100))];
    records.extend((0..sent).map(|tag| (tag, vec![7; 200])));
    assert_come(&mut consumer, &records);
    other.try_send(sent, &[7; 200]).unwrap();
    stopped.leave();
}
