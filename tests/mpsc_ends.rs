//! What the consumer of a ring of many producers is told of their ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::mem;
use std::thread;
use std::time::Duration;

use mapring::mpsc::{Consumer, Options};
use mapring::{Peer, RecvError, TryRecvError};

use common::claimant::{self, Claimant, dead_claim};
use common::{DEADLINE, Name, role};

/// Long enough to look at the peers a few times; no result depends on how long it really is.
const A_WHILE: Duration = Duration::from_millis(50);

fn options(producers: u64) -> Options {
    let options = Options::new().capacity(8 << 10).max_payload(1 << 10);
    options.producers(producers)
}

/// Role: see [`claimant::play`].
#[test]
fn role_claim() {
    let Some(arguments) = role() else { return };
    claimant::play(&arguments);
}

/// How a consumer finds out that there will be no more, by calls that wait and by calls that do not.
fn assert_ends(consumer: &mut Consumer, blocking: RecvError, polling: TryRecvError) {
    let mut bytes = Vec::new();
    assert_eq!(consumer.recv(&mut bytes, A_WHILE), Err(blocking));
    assert_eq!(consumer.wait(A_WHILE), Err(blocking));
    assert_eq!(consumer.try_recv(&mut bytes), Err(polling));
    assert_eq!(consumer.drain(1, |_| {}), Err(polling));
}

#[test]
fn the_end_comes_when_the_last_producer_has_gone() {
    let name = Name::new("ends");
    let ring = options(4).create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    // Nobody has come yet.
    assert_ends(&mut consumer, RecvError::TimedOut, TryRecvError::Empty);

    let mut first = ring.producer().unwrap();
    let mut second = Claimant::start(&name, 10, 2);
    first.try_send(1, b"").unwrap();
    second.commit();
    drop(first);
    second.leave();
    // Not before everything was received.
    let mut tags = [0; 2].map(|_| consumer.try_recv(&mut Vec::new()).unwrap().tag);
    tags.sort_unstable();
    assert_eq!(tags, [1, 2]);
    assert_ends(
        &mut consumer,
        RecvError::Disconnected,
        TryRecvError::Disconnected,
    );

    // As long as one is alive, neither a departure nor a death of others is an end.
    let alive = ring.producer().unwrap();
    Claimant::start(&name, 10, 3).die();
    let mut gone = Claimant::start(&name, 10, 4);
    gone.commit();
    gone.leave();
    assert_eq!(consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag, 4);
    let pid = dead_claim(&name, 20);
    assert_ends(&mut consumer, RecvError::TimedOut, TryRecvError::Empty);
    let peers = consumer.producers().unwrap();
    assert!(peers.contains(&Peer::Died { pid }), "{peers:?}");

    // All have gone, and some of them died. Only a call that waits asks the kernel.
    drop(alive);
    let end = consumer.recv(&mut Vec::new(), DEADLINE);
    let died = peers
        .iter()
        .any(|peer| matches!(*peer, Peer::Died { pid } if end == Err(RecvError::PeerDied { pid })));
    assert!(died, "{end:?} of {peers:?}");
    let polled = consumer.try_recv(&mut Vec::new());
    assert_eq!(polled, Err(TryRecvError::Empty));
}

#[test]
fn one_who_only_polls_finds_dead_claims_too() {
    for drains in [false, true] {
        let name = Name::new(&format!("polls-{drains}"));
        let ring = options(4).create(&name).unwrap();
        let mut consumer = ring.consumer().unwrap();
        let mut other = ring.producer().unwrap();
        let pid = dead_claim(&name, 100);
        other.try_send(7, b"behind").unwrap();
        let mut calls = 0;
        let tag = loop {
            assert!(calls < 3000, "never found");
            calls += 1;
            let mut tag = None;
            if drains {
                // It is empty until one of these looks closer.
                let _ = consumer.drain(5, |record| tag = Some(record.tag()));
            } else {
                tag = consumer.try_recv(&mut Vec::new()).ok().map(|r| r.tag);
            }
            if let Some(tag) = tag {
                break tag;
            }
        };
        assert_eq!(tag, 7);
        assert_eq!(consumer.repairs().map(|r| r.pid).collect::<Vec<_>>(), [pid]);
        println!("after {calls} calls");
    }
}

#[test]
fn one_producer_that_takes_over_from_another_is_no_end() {
    for dead in [false, true] {
        let name = Name::new(&format!("take-over-{dead}"));
        let ring = options(4).create(&name).unwrap();
        let mut consumer = ring.consumer().unwrap();
        let mut producer = ring.producer().unwrap();
        if dead {
            dead_claim(&name, 10);
        }
        thread::scope(|scope| {
            // At each moment there is at least one.
            let sender = scope.spawn(move || {
                for _ in 0..50_000 {
                    let successor = ring.producer().unwrap();
                    drop(mem::replace(&mut producer, successor));
                }
                producer.send(1, b"last", DEADLINE).unwrap();
                producer
            });
            let mut ends = Vec::new();
            while ends.len() < 3 {
                match consumer.try_recv(&mut Vec::new()) {
                    Ok(_) => break,
                    Err(TryRecvError::Empty) => {}
                    Err(error) => ends.push(error.to_string()),
                }
                match consumer.recv(&mut Vec::new(), Duration::from_micros(100)) {
                    Ok(_) => break,
                    Err(RecvError::TimedOut) => {}
                    Err(error) => ends.push(error.to_string()),
                }
            }
            drop(sender.join().unwrap());
            assert_eq!(ends, [""; 0]);
        });
    }
}
