//! Who wakes whom where there are several producers: each of them wakes the consumer, and the
//! consumer all of them that sleep, for room or until it has released what they sent. And what is
//! found by who is woken by nobody: deaths.
//!
//! That somebody was woken, and did not find out by itself when its sleep was over, its counter of
//! late wakes tells.

#![allow(
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "threads of a test count together; a test that cannot go on fails"
)]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mapring::mpsc::{Consumer, Options, Producer};
use mapring::{RecvError, SendError};

use common::claimant::{self, Claimant};
use common::sleepy::{BOUND, PAYLOAD, Sleepy, fill};
use common::{Child, DEADLINE, hear, role, say, wait_until};

/// Who sends in which round: each behind itself, and behind each other.
const TURNS: [usize; 10] = [0, 1, 2, 0, 0, 2, 1, 2, 2, 1];

/// Receives until there is nothing more to come. Returns the tags, and how it ended.
fn receive_all(mut consumer: Consumer) -> (Vec<u32>, RecvError) {
    let mut tags = Vec::new();
    loop {
        match consumer.recv(&mut Vec::new(), DEADLINE) {
            Ok(received) => tags.push(received.tag),
            Err(end) => return (tags, end),
        }
    }
}

/// Sends a record with this tag, in the way that its number stands for.
fn send(producer: &mut Producer, tag: u32, sleepy: &Sleepy) {
    match tag % 6 {
        0 => drop(producer.try_send(tag, &PAYLOAD).unwrap()),
        1 => drop(producer.send(tag, &PAYLOAD, DEADLINE).unwrap()),
        2 => producer.send_sync(tag, &PAYLOAD, DEADLINE).unwrap(),
        3 => producer.try_claim(10).unwrap().commit(tag),
        4 => {
            drop(producer.try_claim(10).unwrap());
            // It was woken, and sleeps again.
            sleepy.gates.await_consumer();
            producer.claim(10, DEADLINE).unwrap().commit(tag);
        }
        _ => {
            let mut batch = producer.try_batch(1000).unwrap();
            batch.push(tag, &PAYLOAD).unwrap();
            batch.publish();
        }
    }
}

#[test]
fn each_of_several_producers_wakes_the_consumer() {
    let sleepy = Sleepy::new("each");
    let mut producers = sleepy.producers(3);
    let consumer = sleepy.consumer();
    let rounds = 0..3 * TURNS.len() as u32;
    thread::scope(|scope| {
        let receiver = scope.spawn(|| receive_all(consumer));
        for (tag, turn) in rounds.clone().zip(TURNS.into_iter().cycle()) {
            sleepy.gates.await_consumer();
            send(&mut producers[turn], tag, &sleepy);
        }
        drop(producers);
        let (tags, end) = receiver.join().unwrap();
        assert_eq!(tags, rounds.clone().collect::<Vec<_>>());
        assert_eq!(end, RecvError::Disconnected);
    });
    sleepy.assert_consumer_was_woken(rounds.len() as u64);
}

/// Role: sends a record with each tag that it is told, until there are no more, and leaves.
#[test]
fn role_send() {
    let Some(arguments) = role() else { return };
    let ring = Options::new().open(&arguments[0]).unwrap();
    let mut producer = ring.producer().unwrap();
    say("attached");
    while let Some(line) = hear() {
        let tag = line.parse().unwrap();
        producer.try_send(tag, &PAYLOAD).unwrap();
        say("sent");
    }
}

#[test]
fn each_of_several_processes_wakes_the_consumer() {
    let sleepy = Sleepy::new("processes");
    let mut children = [0; 3].map(|_| sleepy.child("role_send", &[]));
    let consumer = sleepy.consumer();
    let rounds = 0..2 * TURNS.len() as u32;
    thread::scope(|scope| {
        let receiver = scope.spawn(|| receive_all(consumer));
        for (tag, turn) in rounds.clone().zip(TURNS.into_iter().cycle()) {
            sleepy.gates.await_consumer();
            children[turn].tell(&tag.to_string());
            children[turn].expect("sent");
        }
        for child in children {
            sleepy.gates.await_consumer();
            child.finish_listening();
        }
        let (tags, end) = receiver.join().unwrap();
        assert_eq!(tags, rounds.clone().collect::<Vec<_>>());
        assert_eq!(end, RecvError::Disconnected);
    });
    sleepy.assert_consumer_was_woken(rounds.len() as u64);
}

/// How long it takes a sleeping consumer to say `Disconnected` when the last of three producers has
/// left.
fn time_to_disconnect(round: u32) -> Duration {
    let sleepy = Sleepy::new(&format!("leave-{round}"));
    let producers = sleepy.producers(3);
    let mut consumer = sleepy.consumer();
    thread::scope(|scope| {
        let receiver = scope.spawn(move || {
            let end = consumer.recv(&mut Vec::new(), DEADLINE);
            (end.unwrap_err(), Instant::now())
        });
        let mut left = Instant::now();
        for producer in producers {
            // Those before have ended its sleep, but not its wait.
            sleepy.gates.await_consumer();
            assert!(!receiver.is_finished());
            left = Instant::now();
            drop(producer);
        }
        let (end, at) = receiver.join().unwrap();
        assert_eq!(end, RecvError::Disconnected);
        at.saturating_duration_since(left)
    })
}

#[test]
fn the_last_of_several_that_leaves_wakes_the_consumer() {
    // Nobody counts these wakes. Of several, at least one came long before the sleep was over.
    let least = (0..10).map(time_to_disconnect).min();
    assert!(least < Some(Duration::from_millis(50)), "{least:?}");
}

#[test]
fn one_release_lets_all_that_wait_for_room_go_on() {
    let sleepy = Sleepy::new("all");
    let producers = sleepy.full(4);
    let mut consumer = sleepy.consumer();
    thread::scope(|scope| {
        for mut producer in producers {
            scope.spawn(move || producer.send(2, &PAYLOAD, DEADLINE).unwrap());
        }
        sleepy.await_producers(4);
        // Nothing more is released than what was there before they go on.
        assert_eq!(consumer.drain(8, |_| ()), Ok(8));
    });
    sleepy.assert_producers_were_woken(4);
}

#[test]
fn each_release_lets_one_that_waits_for_room_go_on() {
    let sleepy = Sleepy::new("singly");
    let producers = sleepy.full(4);
    let mut consumer = sleepy.consumer();
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for mut producer in producers {
            let done = &done;
            scope.spawn(move || {
                producer.send(2, &PAYLOAD, DEADLINE).unwrap();
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        sleepy.await_producers(4);
        for count in 1..=4 {
            consumer.try_recv(&mut Vec::new()).unwrap();
            wait_until(|| done.load(Ordering::Relaxed) == count);
            if count < 4 {
                // The others have all said again what they wait for.
                sleepy.gates.await_producer();
                assert_eq!(done.load(Ordering::Relaxed), count);
            }
        }
    });
    sleepy.assert_producers_were_woken(4);
}

/// Lets three producers wait until their records are consumed, one behind the other. They go to
/// sleep in this order.
fn receipts(test: &str, order: [usize; 3]) {
    let sleepy = Sleepy::new(test);
    let mut producers = sleepy.producers(3);
    let mut consumer = sleepy.consumer();
    let receipts: Vec<_> = (0..)
        .zip(&mut producers)
        .map(|(tag, producer)| producer.try_send(tag, &PAYLOAD).unwrap())
        .collect();
    let mut producers: Vec<_> = producers.into_iter().map(Some).collect();
    thread::scope(|scope| {
        let mut waiters = [None, None, None];
        for (asleep, index) in (1..).zip(order) {
            let mut producer = producers[index].take().unwrap();
            let receipt = receipts[index];
            let wait = move || {
                assert_eq!(producer.is_consumed(receipt), Ok(false));
                producer.wait_consumed(receipt, DEADLINE).unwrap();
                assert_eq!(producer.is_consumed(receipt), Ok(true));
            };
            waiters[index] = Some(scope.spawn(wait));
            sleepy.await_producers(asleep);
        }
        for released in 0..3 {
            let tag = consumer.try_recv(&mut Vec::new()).unwrap().tag;
            assert_eq!(tag, released as u32);
            waiters[released].take().unwrap().join().unwrap();
            if released < 2 {
                sleepy.gates.await_producer();
                let others = waiters.iter().flatten();
                assert!(others.clone().all(|waiter| !waiter.is_finished()));
                assert_eq!(others.count(), 2 - released);
            }
        }
    });
    sleepy.assert_producers_were_woken(3);
}

#[test]
fn each_of_several_is_woken_when_its_own_record_is_consumed() {
    receipts("receipts-first", [0, 1, 2]);
    receipts("receipts-last", [2, 1, 0]);
    receipts("receipts-middle", [1, 2, 0]);
}

#[test]
fn each_of_several_sends_synchronously() {
    let sleepy = Sleepy::new("sync");
    let producers = sleepy.producers(3);
    let mut consumer = sleepy.consumer();
    const RECORDS: u32 = 100;
    thread::scope(|scope| {
        for mut producer in producers {
            scope.spawn(move || {
                for tag in 0..RECORDS {
                    producer.send_sync(tag, &PAYLOAD, DEADLINE).unwrap();
                    // One record of each at most is on its way.
                    assert!(producer.len().unwrap() <= 2 * producer.record_size(PAYLOAD.len()));
                }
            });
        }
        let mut count = 0;
        while consumer.recv(&mut Vec::new(), DEADLINE).is_ok() {
            count += 1;
        }
        assert_eq!(count, 3 * RECORDS);
    });
}

/// Lets one producer wait for room, one until its record is consumed, and one until all is, until
/// `act` ends that. Returns how each wait ended, and how long the longest took from there.
fn all_wait(sleepy: &Sleepy, act: impl FnOnce()) -> ([Result<(), SendError>; 3], Duration) {
    let mut producers = sleepy.producers(3).into_iter();
    let mut next = || producers.next().unwrap();
    let (mut room, mut receipt, mut flush) = (next(), next(), next());
    let first = receipt.try_send(1, &PAYLOAD).unwrap();
    fill(&mut flush);
    thread::scope(|scope| {
        let waiters = [
            scope.spawn(move || {
                let sent = room.send(2, &PAYLOAD, DEADLINE).map(drop);
                (sent, Instant::now())
            }),
            scope.spawn(move || (receipt.wait_consumed(first, DEADLINE), Instant::now())),
            scope.spawn(move || (flush.flush(DEADLINE), Instant::now())),
        ];
        sleepy.await_producers(3);
        let begin = Instant::now();
        act();
        let ends = waiters.map(|waiter| waiter.join().unwrap());
        let last = ends.iter().map(|(_, at)| *at).max().unwrap();
        let results = ends.map(|(result, _)| result);
        (results, last.saturating_duration_since(begin))
    })
}

#[test]
fn the_consumer_that_leaves_wakes_all_producers() {
    let time = |round| {
        let sleepy = Sleepy::new(&format!("left-{round}"));
        let consumer = sleepy.consumer();
        let (results, took) = all_wait(&sleepy, || drop(consumer));
        assert_eq!(results, [Err(SendError::Disconnected); 3]);
        took
    };
    // Nobody counts these wakes. Of several, at least one came long before the sleep was over.
    let least = (0..10).map(time).min();
    assert!(least < Some(Duration::from_millis(50)), "{least:?}");
}

/// Role: takes the consumer's place, and stays.
#[test]
fn role_consume_nothing() {
    let Some(arguments) = role() else { return };
    let ring = Options::new().open(&arguments[0]).unwrap();
    let _consumer = ring.consumer().unwrap();
    say("attached");
    hear();
}

#[test]
fn all_producers_find_their_consumer_dead() {
    let sleepy = Sleepy::new("dead");
    let child: Child = sleepy.child("role_consume_nothing", &[]);
    let pid = child.pid();
    let (results, took) = all_wait(&sleepy, || child.kill());
    assert_eq!(results, [Err(SendError::PeerDied { pid }); 3]);
    assert!(took < BOUND, "{took:?}");
}

#[test]
fn a_consumer_sleeps_on_when_one_of_its_producers_dies_and_finds_the_last_dead() {
    let sleepy = Sleepy::new("deaths");
    let children = [0; 2].map(|_| sleepy.child("role_send", &[]));
    let pids = children.each_ref().map(Child::pid);
    let mut consumer = sleepy.consumer();
    thread::scope(|scope| {
        let receiver = scope.spawn(move || consumer.recv(&mut Vec::new(), DEADLINE));
        let mut died = Instant::now();
        for child in children {
            sleepy.gates.await_consumer();
            // Longer than a sleep: whoever died before has been found.
            thread::sleep(Duration::from_millis(150));
            assert!(!receiver.is_finished());
            died = Instant::now();
            child.kill();
        }
        let end = receiver.join().unwrap();
        let Err(RecvError::PeerDied { pid }) = end else {
            panic!("{end:?}");
        };
        assert!(pids.contains(&pid), "{pid} is none of {pids:?}");
        assert!(died.elapsed() < BOUND, "{:?}", died.elapsed());
    });
}

/// Role: see [`claimant::play`].
#[test]
fn role_claim() {
    let Some(arguments) = role() else { return };
    claimant::play(&arguments);
}

#[test]
fn a_sleeping_consumer_skips_a_dead_claim_and_lets_sleeping_producers_go_on() {
    let sleepy = Sleepy::new("dead-claim");
    let mut consumer = sleepy.consumer();
    let claimant = Claimant::start(&sleepy.name, 300, 9);
    let producers = sleepy.full(3);
    thread::scope(|scope| {
        let receiver = scope.spawn(move || {
            let first = consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag;
            let at = Instant::now();
            let pids: Vec<_> = consumer.repairs().map(|repair| repair.pid).collect();
            let (mut tags, end) = receive_all(consumer);
            tags.insert(0, first);
            (at, pids, tags, end)
        });
        for (tag, mut producer) in (10..).zip(producers) {
            scope.spawn(move || producer.send(tag, &PAYLOAD, DEADLINE).unwrap());
        }
        sleepy.await_producers(3);
        sleepy.gates.await_consumer();
        // Nobody is left who is awake.
        let died = Instant::now();
        let pid = claimant.die();
        let (at, pids, mut tags, end) = receiver.join().unwrap();
        assert!(at.saturating_duration_since(died) < BOUND);
        assert_eq!(pids, [pid]);
        tags.retain(|&tag| tag != 1);
        tags.sort_unstable();
        assert_eq!(tags, [10, 11, 12]);
        // The claimant has not left: its death is the last that is known of the producers.
        assert!(
            matches!(end, RecvError::Disconnected | RecvError::PeerDied { .. }),
            "{end:?}"
        );
    });
    // All began to sleep at about the same time, and the consumer finds the claim when its own sleep
    // is over: one whose sleep ends in that moment may see the room just before it is woken.
    let counters = sleepy.producers_counters();
    let late = counters.iter().filter(|slot| slot.late > 0).count();
    let slept = counters.iter().filter(|slot| slot.sleeps > 0).count();
    assert_eq!(slept, 3, "somebody has not slept: {counters:?}");
    assert!(late < 3, "nobody was woken: {counters:?}");
}
