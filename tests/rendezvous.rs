//! Publishing and parking, brought together as closely as it goes: producers and a consumer that
//! wait for each other all the time, each a random moment too early or too late.
//!
//! A record and a half would fill the ring, so that nearly every call waits, at one gate or the
//! other. No
//! wait may end by the clock although there was something to be woken for: `late` stays 0.
//!
//! `MAPRING_RENDEZVOUS_SECONDS` says how long it takes in all (`.ci/rendezvous` takes longer);
//! `MAPRING_SEED` repeats the choice of moments, as far as the machine has no part in them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::hint;
use std::thread;
use std::time::{Duration, Instant};

use mapring::generic::{Consumer, Mpsc, Options, Producer, Ring, Spsc};
use mapring::{RecvError, TryRecvError, WaitStrategy};

use common::gates::Kind;
use common::{Child, DEADLINE, Name, Random, count, hear, role, say};

/// Bytes of a ring.
const CAPACITY: u64 = 4096;
/// Bytes of a payload: one record leaves no room for another one.
const LEN: usize = 2400;
/// How many scenarios share the time.
const SCENARIOS: u32 = 12;
/// Each delay is below a power of two, itself chosen at random below this one: the short ones are
/// as
/// frequent as the long ones. The longest are about a millisecond, much longer than anybody spins.
const DELAYS: u64 = 16;

fn options<P: Kind>() -> Options<P> {
    Options::new().capacity(CAPACITY).max_payload(LEN as u64)
}

/// Lets a random moment pass: mostly it spins, now and then it leaves its core to somebody else,
/// who then finds nobody to yield to.
fn delay(random: &mut Random) {
    if random.below(16) == 0 {
        thread::sleep(Duration::from_micros(random.below(200)));
    }
    let limit = 1 << random.below(DELAYS);
    // Zero is as good as any other.
    for _ in 0..random.below(limit) {
        hint::spin_loop();
    }
}

/// The payload of a record.
fn payload(sender: u64, number: u64) -> [u8; LEN] {
    let mut payload = [0; LEN];
    payload[..8].copy_from_slice(&sender.to_le_bytes());
    payload[8..16].copy_from_slice(&number.to_le_bytes());
    payload
}

/// Sends numbered records for so long, and waits until every other one is consumed, in one of two
/// ways.
fn send_on<P: Kind>(mut producer: Producer<P>, sender: u64, time: Duration) {
    let mut random = Random::new();
    // Each sender has its own moments.
    for _ in 0..sender {
        random.below(2);
    }
    let end = Instant::now() + time;
    let mut number = 0_u64;
    while Instant::now() < end {
        let payload = payload(sender, number);
        delay(&mut random);
        match random.below(4) {
            0 => producer.send_sync(0, &payload, DEADLINE).unwrap(),
            1 => {
                let receipt = producer.send(0, &payload, DEADLINE).unwrap();
                delay(&mut random);
                producer.wait_consumed(receipt, DEADLINE).unwrap();
            }
            _ => drop(producer.send(0, &payload, DEADLINE).unwrap()),
        }
        number += 1;
    }
}

/// Receives until nobody sends any more; returns how many records there were.
fn receive_all<P: Kind>(mut consumer: Consumer<P>, senders: usize, delays: bool) -> u64 {
    let mut random = Random::new();
    let mut next = vec![0; senders];
    let mut payload = [0; LEN];
    loop {
        if delays {
            delay(&mut random);
        } else {
            nudge(&mut random);
        }
        match consumer.recv(&mut payload, DEADLINE) {
            Ok(_) => {}
            Err(RecvError::Disconnected) => return next.iter().sum(),
            Err(error) => panic!("{error}"),
        }
        let word = |at: usize| u64::from_le_bytes(payload[at..at + 8].try_into().unwrap());
        let expected = &mut next[word(0) as usize];
        assert_eq!(word(8), *expected, "of sender {}", word(0));
        *expected += 1;
    }
}

/// A strategy, as an argument of a role.
fn strategy(name: &str) -> WaitStrategy {
    match name {
        "balanced" => WaitStrategy::Balanced,
        "low-cpu" => WaitStrategy::LowCpu,
        _ => panic!("{name} is no strategy"),
    }
}

/// Role: sends on, in a process of its own, when it is told to.
#[test]
fn role_send_on() {
    let Some(arguments) = role() else { return };
    match arguments[0].as_str() {
        Spsc::NAME => play::<Spsc>(&arguments),
        _ => play::<Mpsc>(&arguments),
    }
}

fn play<P: Kind>(arguments: &[String]) {
    let ring = options::<P>().open(&arguments[1]).unwrap();
    let mut producer = ring.producer().unwrap();
    producer.set_wait_strategy(strategy(&arguments[2]));
    let sender = arguments[3].parse().unwrap();
    let time = Duration::from_micros(arguments[4].parse().unwrap());
    say("attached");
    hear();
    send_on(producer, sender, time);
}

/// How long a scenario takes.
fn time() -> Duration {
    Duration::from_secs(count("MAPRING_RENDEZVOUS_SECONDS", 4).into()) / SCENARIOS
}

/// Checks what everybody has counted, when all have gone. Returns how many sleeps there were.
fn assert_never_late<P: Kind>(what: &str, ring: &Ring<P>, senders: usize, records: u64) -> u64 {
    let observer = ring.observer().unwrap();
    let consumer = observer.consumer_counters();
    let producers = P::producer_counters(&observer);
    let sent: u64 = producers.iter().map(|counters| counters.records).sum();
    assert_eq!((sent, consumer.records), (records, records));
    let sleeps: u64 = producers.iter().map(|counters| counters.sleeps).sum();
    let late: u64 = producers.iter().map(|counters| counters.late).sum();
    println!(
        "{what}: {records} records; the consumer slept {} times, {} late; \
         {senders} producers slept {sleeps} times, {late} late",
        consumer.sleeps, consumer.late,
    );
    assert_eq!((consumer.late, late), (0, 0), "{what}: late wakes");
    consumer.sleeps + sleeps
}

/// Lets them meet for a while; returns how many sleeps there were.
fn meet<P: Kind>(in_processes: bool, strategy_name: &str, senders: usize) -> u64
where
    Producer<P>: Send,
{
    let place = if in_processes { "processes" } else { "threads" };
    let what = format!("{}-{place}-{strategy_name}", P::NAME);
    let name = Name::new(&format!("rendezvous-{what}"));
    let ring = options::<P>().create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    consumer.set_wait_strategy(strategy(strategy_name));
    let records = if in_processes {
        let micros = time().as_micros().to_string();
        let start = |sender: usize| {
            let sender = sender.to_string();
            let arguments = [P::NAME, &*name, strategy_name, &sender, &micros];
            let child = Child::start("role_send_on", &arguments);
            child.expect("attached");
            child
        };
        let mut children: Vec<_> = (0..senders).map(start).collect();
        children.iter_mut().for_each(|child| child.tell("go"));
        let records = receive_all(consumer, senders, true);
        children.into_iter().for_each(Child::finish);
        records
    } else {
        let producers: Vec<_> = (0..senders)
            .map(|_| {
                let mut producer = ring.producer().unwrap();
                producer.set_wait_strategy(strategy(strategy_name));
                producer
            })
            .collect();
        thread::scope(|scope| {
            for (sender, producer) in (0..).zip(producers) {
                scope.spawn(move || send_on(producer, sender, time()));
            }
            receive_all(consumer, senders, true)
        })
    };
    assert_never_late(&what, &ring, senders, records)
}

/// How often somebody looks in vain before another thread gets a turn.
const LOOKS: u32 = 1000;

/// Lets a moment pass that is shorter than what somebody does on the way to sleep: by steps of
/// a few nanoseconds.
fn nudge(random: &mut Random) {
    // Short ones are more frequent.
    let limit = 1 + random.below(NUDGES);
    for step in 0..random.below(limit) {
        hint::black_box(step);
    }
}

/// Some microseconds.
const NUDGES: u64 = 1000;

/// Sends a record a moment after the consumer has released the one before, and is on its way to
/// sleep.
fn send_into_parking<P: Kind>(mut producer: Producer<P>, time: Duration) {
    let mut random = Random::new();
    let end = Instant::now() + time;
    let mut number = 0_u64;
    while Instant::now() < end {
        // A short one, which takes no time.
        let sent = producer.send(0, &payload(0, number)[..16], DEADLINE);
        let receipt = sent.unwrap();
        number += 1;
        let mut looks = 0;
        while !producer.is_consumed(receipt).unwrap() {
            looks += 1;
            if looks % LOOKS == 0 {
                thread::yield_now();
            }
        }
        nudge(&mut random);
    }
}

/// Sends with hardly a pause: the ring is full, and it is on its way to sleep.
fn send_and_park<P: Kind>(mut producer: Producer<P>, time: Duration) {
    let mut random = Random::new();
    let end = Instant::now() + time;
    let mut number = 0_u64;
    while Instant::now() < end {
        nudge(&mut random);
        producer.send(0, &payload(0, number), DEADLINE).unwrap();
        number += 1;
    }
}

/// Receives a record a moment after it has come; returns how many there were.
fn receive_into_parking<P: Kind>(mut consumer: Consumer<P>) -> u64 {
    let mut random = Random::new();
    let mut bytes = [0; LEN];
    let (mut records, mut looks) = (0, 0);
    loop {
        if !consumer.is_empty().unwrap() {
            nudge(&mut random);
        }
        match consumer.try_recv(&mut bytes) {
            Ok(_) => records += 1,
            Err(TryRecvError::Empty) => {
                looks += 1;
                if looks % LOOKS == 0 {
                    thread::yield_now();
                }
            }
            Err(TryRecvError::Disconnected) => return records,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Lets two threads meet closely, at the gate of data or of space; returns how many sleeps there
/// were.
fn meet_closely<P: Kind>(at_data: bool) -> u64
where
    Producer<P>: Send,
{
    let gate = if at_data { "data" } else { "space" };
    let what = format!("{}-closely-{gate}", P::NAME);
    let name = Name::new(&format!("rendezvous-{what}"));
    let ring = options::<P>().create(&name).unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    producer.set_wait_strategy(WaitStrategy::LowCpu);
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    let records = thread::scope(|scope| {
        if at_data {
            scope.spawn(move || send_into_parking(producer, time()));
            receive_all(consumer, 1, false)
        } else {
            scope.spawn(move || send_and_park(producer, time()));
            receive_into_parking(consumer)
        }
    });
    assert_never_late(&what, &ring, 1, records)
}

// One test, so that the scenarios do not disturb each other.
#[test]
fn no_wake_is_late() {
    let mut sleeps = 0;
    for strategy in ["low-cpu", "balanced"] {
        for in_processes in [false, true] {
            sleeps += meet::<Spsc>(in_processes, strategy, 1);
            sleeps += meet::<Mpsc>(in_processes, strategy, 3);
        }
    }
    for at_data in [true, false] {
        sleeps += meet_closely::<Spsc>(at_data);
        sleeps += meet_closely::<Mpsc>(at_data);
    }
    println!("{sleeps} sleeps");
    assert!(sleeps > 0, "nobody slept");
}
