//! Peers that wake for nothing, that never wake, and that write into the words of the gates: it
//! costs time, one bounded sleep at most for each wait, but no record and no deadline.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};

use mapring::layout::{DATA_ANSWERED, DATA_PARKED, SPACE_ANSWERED, SPACE_PARKED};
use mapring::spsc::{Consumer, Options, Producer, Ring};
use mapring::{RecvError, SendError, WaitStrategy};

use common::gates::Gates;
use common::mirage::Mirage;
use common::scribble::{Mapping, WORDS};
use common::{Child, DEADLINE, Name, Random, role, say};

/// A payload, of which a ring holds some fifteen.
const PAYLOAD: [u8; 256] = [7; 256];
/// Much longer than the bound of a sleep, for slow machines.
const LONG: Duration = Duration::from_secs(10);

fn options() -> Options {
    Options::new().capacity(4096).max_payload(256)
}

/// A ring whose ends sleep at once when they have to wait.
fn sleepy(name: &str) -> (Ring, Producer, Consumer) {
    let ring = options().create(name).unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    producer.set_wait_strategy(WaitStrategy::LowCpu);
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    (ring, producer, consumer)
}

/// Lets each wait for the other in turns: for so many records, for room, and for what was consumed.
fn exchange(producer: &mut Producer, consumer: &mut Consumer, records: u32) {
    thread::scope(|scope| {
        scope.spawn(|| {
            for tag in 0..2 * records {
                // Late for the first half; the other half is waited for.
                if tag < records {
                    thread::sleep(Duration::from_micros(500));
                }
                let received = consumer.recv(&mut Vec::new(), DEADLINE);
                assert_eq!(received.unwrap().tag, tag);
            }
        });
        for tag in 0..records {
            producer.send(tag, &PAYLOAD, DEADLINE).unwrap();
        }
        for tag in records..2 * records {
            thread::sleep(Duration::from_micros(500));
            producer.send_sync(tag, &PAYLOAD, DEADLINE).unwrap();
        }
    });
}

/// Checks that deadlines hold, on an empty ring and on a full one.
fn assert_deadlines_hold(producer: &mut Producer, consumer: &mut Consumer) {
    for time in [10, 130, 250].map(Duration::from_millis) {
        let begin = Instant::now();
        let received = consumer.recv(&mut Vec::new(), time);
        assert_eq!(received, Err(RecvError::TimedOut));
        let took = begin.elapsed();
        assert!(took >= time && took < time + LONG, "{took:?} for {time:?}");
    }
    while producer.try_send(1, &PAYLOAD).is_ok() {}
    for time in [10, 130, 250].map(Duration::from_millis) {
        let begin = Instant::now();
        let sent = producer.send(1, &PAYLOAD, time);
        assert_eq!(sent, Err(SendError::TimedOut));
        let took = begin.elapsed();
        assert!(took >= time && took < time + LONG, "{took:?} for {time:?}");
    }
}

/// Role: wakes everybody all the time, for nothing.
#[test]
fn role_wake_all_the_time() {
    let Some(arguments) = role() else { return };
    let file = File::options().read(true).write(true).open(&arguments[0]);
    let mapping = Mapping::of(&file.unwrap());
    say("waking");
    loop {
        mapping.wake(DATA_ANSWERED);
        mapping.wake(SPACE_ANSWERED);
        // The machine may have fewer cores than this test has threads.
        thread::yield_now();
    }
}

#[test]
fn a_flood_of_wakes_ends_no_wait_and_starves_nobody() {
    let name = Name::new("flood");
    let (ring, mut producer, mut consumer) = sleepy(&name);
    let child = Child::start("role_wake_all_the_time", &[ring.path().to_str().unwrap()]);
    child.expect("waking");
    exchange(&mut producer, &mut consumer, 200);
    assert_deadlines_hold(&mut producer, &mut consumer);
    drop((producer, consumer));
    let observer = ring.observer().unwrap();
    // Ten sleeps would have done for the deadlines: the flood has reached them.
    let [consumer, producer] = [observer.consumer_counters(), observer.producer_counters()];
    println!("{} and {} sleeps", consumer.sleeps, producer.sleeps);
    assert!(consumer.sleeps + producer.sleeps > 500);
    child.kill();
}

/// Overwrites the words of the gates all the time while records go through, and deadlines pass.
fn scribble(test: &str, value: impl FnMut() -> u64 + Send) {
    let name = Name::new(&format!("scribble-{test}"));
    let (ring, mut producer, mut consumer) = sleepy(&name);
    Mapping::of(Gates::of(ring.path()).file()).scribble(value, || {
        exchange(&mut producer, &mut consumer, 20);
        assert_deadlines_hold(&mut producer, &mut consumer);
    });
}

#[test]
fn words_that_are_overwritten_with_zero_cost_time_only() {
    scribble("zero", || 0);
}

#[test]
fn words_that_are_overwritten_with_ones_cost_time_only() {
    scribble("ones", || u64::MAX);
}

#[test]
fn words_that_are_overwritten_at_random_cost_time_only() {
    let mut random = Random::new();
    scribble("random", move || {
        random.below(1 << 32) << 32 | random.below(1 << 32)
    });
}

#[test]
fn words_that_flip_cost_time_only() {
    let mut is_odd = false;
    scribble("flip", move || {
        is_odd = !is_odd;
        is_odd.into()
    });
}

#[test]
fn any_value_of_any_word_costs_time_only() {
    let values = [
        0,
        1,
        2,
        8,
        4096,
        1 << 31,
        u32::MAX.into(),
        1 << 32,
        1 << 63,
        u64::MAX,
    ];
    for word in WORDS {
        for (round, value) in values.into_iter().enumerate() {
            let name = Name::new(&format!("value-{}-{round}", word.offset()));
            let (ring, mut producer, mut consumer) = sleepy(&name);
            let mapping = Mapping::of(Gates::of(ring.path()).file());
            mapping.store(word, value);
            exchange(&mut producer, &mut consumer, 2);
        }
    }
}

#[test]
fn a_producer_that_never_wakes_costs_time_only() {
    let name = Name::new("never-data");
    let (ring, producer, mut consumer) = sleepy(&name);
    // It never sees that somebody sleeps.
    let hide = |word, found| if word == DATA_PARKED { 0 } else { found };
    let mut producer = producer.with_memory(|memory| Mirage::showing(memory, hide));
    let received = thread::scope(|scope| {
        let receiver = scope.spawn(move || {
            let mut received = 0;
            while consumer.recv(&mut Vec::new(), DEADLINE).is_ok() {
                received += 1;
            }
            received
        });
        let gates = Gates::of(ring.path());
        for tag in 0..5 {
            gates.await_consumer();
            producer.try_send(tag, &PAYLOAD).unwrap();
            // Until it has been received.
            producer.flush(DEADLINE).unwrap();
        }
        drop(producer);
        receiver.join().unwrap()
    });
    assert_eq!(received, 5);
    let counters = ring.observer().unwrap().consumer_counters();
    assert!(counters.late > 0, "somebody woke it");
}

#[test]
fn a_consumer_that_never_wakes_costs_time_only() {
    let name = Name::new("never-space");
    let (ring, mut producer, consumer) = sleepy(&name);
    let hide = |word, found| if word == SPACE_PARKED { 0 } else { found };
    let mut consumer = consumer.with_memory(|memory| Mirage::showing(memory, hide));
    while producer.try_send(0, &PAYLOAD).is_ok() {}
    thread::scope(|scope| {
        let sender = scope.spawn(move || {
            for tag in 1..4 {
                producer.send(tag, &PAYLOAD, DEADLINE).unwrap();
            }
        });
        let gates = Gates::of(ring.path());
        for _ in 0..3 {
            gates.await_producer();
            consumer.try_recv(&mut Vec::new()).unwrap();
        }
        sender.join().unwrap();
    });
    let counters = ring.observer().unwrap().producer_counters();
    assert!(counters.late > 0, "somebody woke it");
}
