//! Peers of a ring with several producers that wake for nothing, that never wake, and that write
//! into the words of the gates: it costs time, one bounded sleep at most for each wait, but no
//! record, no order and no deadline.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};

use mapring::generic::{Mpsc, Producer};
use mapring::layout::{DATA_ANSWERED, DATA_PARKED, SPACE_ANSWERED, SPACE_PARKED};
use mapring::memory::Memory;
use mapring::mpsc::Consumer;
use mapring::{RecvError, SendError};

use common::gates::Kind;
use common::mirage::Mirage;
use common::scribble::{Mapping, WORDS};
use common::sleepy::{BOUND, PAYLOAD, Sleepy, fill};
use common::{Child, DEADLINE, Random, role, say};

/// So many producers take part.
const PRODUCERS: u32 = 3;
/// The tag of a record says whose it is, by a multiple of this, and which.
const MOST_RECORDS: u32 = 1 << 16;

/// Sends so many records as producer `index`: half of them while the consumer is late, half of them
/// late, and until each is consumed.
fn produce<M: Memory>(producer: &mut Producer<Mpsc, M>, index: u32, records: u32) {
    let tag = |number| index * MOST_RECORDS + number;
    for number in 0..records / 2 {
        producer.send(tag(number), &PAYLOAD, DEADLINE).unwrap();
    }
    for number in records / 2..records {
        thread::sleep(Duration::from_micros(500));
        producer.send_sync(tag(number), &PAYLOAD, DEADLINE).unwrap();
    }
}

/// Receives so many records of each of [`PRODUCERS`], and checks that those of each come in order
/// and complete.
fn consume<M: Memory>(consumer: &mut mapring::generic::Consumer<Mpsc, M>, records: u32) {
    let mut next = [0; PRODUCERS as usize];
    for count in 0..PRODUCERS * records {
        if count < PRODUCERS * records / 2 {
            thread::sleep(Duration::from_micros(200));
        }
        let tag = consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag;
        let (index, number) = (tag / MOST_RECORDS, tag % MOST_RECORDS);
        assert_eq!(number, next[index as usize], "of producer {index}");
        next[index as usize] += 1;
    }
    assert_eq!(next, [records; PRODUCERS as usize]);
}

/// Lets producers and the consumer wait for each other. Returns the ends.
fn exchange(sleepy: &Sleepy, records: u32) -> (Vec<Producer<Mpsc>>, Consumer) {
    let mut producers = sleepy.producers(PRODUCERS as usize);
    let mut consumer = sleepy.consumer();
    thread::scope(|scope| {
        for (index, producer) in (0..).zip(&mut producers) {
            scope.spawn(move || produce(producer, index, records));
        }
        consume(&mut consumer, records);
    });
    (producers, consumer)
}

/// Checks that deadlines hold: of the consumer of an empty ring, of all producers of a full one.
fn assert_deadlines_hold(producers: &mut [Producer<Mpsc>], consumer: &mut Consumer) {
    let check = |time, begin: Instant| {
        let took = begin.elapsed();
        assert!(took >= time && took < time + BOUND, "{took:?} for {time:?}");
    };
    let times = [10, 130, 250].map(Duration::from_millis);
    for time in times {
        let begin = Instant::now();
        let received = consumer.recv(&mut Vec::new(), time);
        assert_eq!(received, Err(RecvError::TimedOut));
        check(time, begin);
    }
    fill(&mut producers[0]);
    for time in times {
        thread::scope(|scope| {
            for producer in &mut *producers {
                scope.spawn(move || {
                    let begin = Instant::now();
                    let sent = producer.send_sync(1, &PAYLOAD, time);
                    assert_eq!(sent, Err(SendError::TimedOut));
                    check(time, begin);
                });
            }
        });
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
    let sleepy = Sleepy::new("flood");
    let path = sleepy.ring.path().to_str().unwrap().to_owned();
    let child = Child::start("role_wake_all_the_time", &[&path]);
    child.expect("waking");
    let (mut producers, mut consumer) = exchange(&sleepy, 100);
    assert_deadlines_hold(&mut producers, &mut consumer);
    drop((producers, consumer));
    let observer = sleepy.ring.observer().unwrap();
    let of_consumer = observer.consumer_counters().sleeps;
    let of_producers: u64 = Mpsc::producer_counters(&observer)
        .iter()
        .map(|counters| counters.sleeps)
        .sum();
    // Forty sleeps would have done for the deadlines: the flood has reached them.
    println!("{of_consumer} and {of_producers} sleeps");
    assert!(of_consumer + of_producers > 500);
    child.kill();
}

/// Overwrites the words of the gates all the time while records go through, and deadlines pass.
fn scribble(test: &str, value: impl FnMut() -> u64 + Send) {
    let sleepy = Sleepy::new(&format!("scribble-{test}"));
    let mapping = Mapping::of(sleepy.gates.file());
    mapping.scribble(value, || {
        let (mut producers, mut consumer) = exchange(&sleepy, 20);
        assert_deadlines_hold(&mut producers, &mut consumer);
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
        4096,
        1 << 31,
        u32::MAX.into(),
        1 << 32,
        1 << 63,
        u64::MAX,
    ];
    for word in WORDS {
        for (round, value) in values.into_iter().enumerate() {
            let sleepy = Sleepy::new(&format!("value-{}-{round}", word.offset()));
            Mapping::of(sleepy.gates.file()).store(word, value);
            exchange(&sleepy, 2);
        }
    }
}

#[test]
fn one_producer_that_never_wakes_is_made_up_for_by_the_clock() {
    let sleepy = Sleepy::new("never-data");
    let mut producers = sleepy.producers(2);
    let mute = sleepy.ring.producer().unwrap();
    // It never sees that somebody sleeps.
    let hide = |word, found| if word == DATA_PARKED { 0 } else { found };
    let mut mute = mute.with_memory(|memory| Mirage::showing(memory, hide));
    let mut consumer = sleepy.consumer();
    let late = || sleepy.ring.observer().unwrap().consumer_counters().late;
    thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            let mut tags = Vec::new();
            while let Ok(received) = consumer.recv(&mut Vec::new(), DEADLINE) {
                tags.push(received.tag);
                if tags.len() == 4 {
                    break;
                }
            }
            drop(consumer);
            tags
        });
        for tag in 0..2 {
            sleepy.gates.await_consumer();
            mute.try_send(tag, &PAYLOAD).unwrap();
            // Until it has been received.
            mute.flush(DEADLINE).unwrap();
        }
        // The others wake it though there is one that does not.
        for (tag, producer) in (2..).zip(&mut producers) {
            sleepy.gates.await_consumer();
            producer.try_send(tag, &PAYLOAD).unwrap();
        }
        assert_eq!(receiver.join().unwrap(), [0, 1, 2, 3]);
    });
    // Of those that nobody woke it for: not even the second, if that came between two sleeps.
    assert!((1..=2).contains(&late()), "{} late", late());
}

#[test]
fn a_consumer_that_never_wakes_costs_time_only() {
    const RECORDS: u32 = 8;
    let sleepy = Sleepy::new("never-space");
    let mut producers = sleepy.producers(PRODUCERS as usize);
    let hide = |word, found| if word == SPACE_PARKED { 0 } else { found };
    let consumer = sleepy.consumer();
    let mut consumer = consumer.with_memory(|memory| Mirage::showing(memory, hide));
    thread::scope(|scope| {
        for (index, producer) in (0..).zip(&mut producers) {
            scope.spawn(move || produce(producer, index, RECORDS));
        }
        consume(&mut consumer, RECORDS);
    });
    drop(producers);
    let counters = Mpsc::producer_counters(&sleepy.ring.observer().unwrap());
    let late = counters.iter().filter(|slot| slot.late > 0).count();
    assert_eq!(late, PRODUCERS as usize, "somebody woke them: {counters:?}");
}
