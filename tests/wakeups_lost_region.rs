//! Regions that are lost under somebody who sleeps, and sleepers and wakers that die.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs::File;
use std::mem;
use std::thread;
use std::time::{Duration, Instant};

use mapring::layout::{DATA_ANSWERED, DATA_PARKED};
use mapring::spsc::{Consumer, Options, Ring};
use mapring::{Corrupt, RecvError, SendError, WaitStrategy, mpsc};

use common::deadly::die;
use common::gates::Gates;
use common::mirage::Mirage;
use common::seccomp::kill_at;
use common::sleepy::Sleepy;
use common::{Child, DEADLINE, Name, hear, role, say};

/// A payload, of which a ring holds some fifteen.
const PAYLOAD: [u8; 256] = [7; 256];
/// A sleep takes a tenth of a second at most. This is that, with much to spare for slow machines.
const BOUND: Duration = Duration::from_secs(10);
/// What a role waits for that may not come about.
const A_WHILE: Duration = Duration::from_secs(1);

fn options() -> Options {
    Options::new().capacity(4096).max_payload(256)
}

/// Role: lets three records go through, then sleeps at an empty ring, or at a full one, and says
/// how that ended.
/// It closes nothing, for there may be no memory to write that down.
#[test]
fn role_sleep() {
    let Some(arguments) = role() else { return };
    let ring = options().open(&arguments[0]).unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    producer.set_wait_strategy(WaitStrategy::LowCpu);
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    for tag in 0..3 {
        producer.try_send(tag, &PAYLOAD).unwrap();
        consumer.try_recv(&mut Vec::new()).unwrap();
    }
    say("ready");
    let end = match arguments[1].as_str() {
        "recv" => match consumer.recv(&mut Vec::new(), A_WHILE) {
            Err(RecvError::RegionLost) => "RegionLost".to_owned(),
            Err(RecvError::Corrupt(_)) => "Corrupt".to_owned(),
            other => format!("{other:?}"),
        },
        _ => {
            while producer.try_send(1, &PAYLOAD).is_ok() {}
            match producer.send(1, &PAYLOAD, A_WHILE) {
                Err(SendError::RegionLost) => "RegionLost".to_owned(),
                Err(SendError::Corrupt(Corrupt::Cursor { cursor, .. })) => {
                    format!("Corrupt {cursor}")
                }
                other => format!("{other:?}"),
            }
        }
    };
    say(end);
    mem::forget((producer, consumer, ring));
}

/// Truncates the region's file while a child sleeps in it, and perhaps makes it as long as before.
/// Returns
/// what the child says of that.
fn truncate_under(what: &str, extends: bool) -> String {
    let name = Name::new(&format!("truncate-{what}-{extends}"));
    {
        let ring = options().create(&name).unwrap();
        let child = Child::start("role_sleep", &[&name, what]);
        child.expect("ready");
        let gates = Gates::of(ring.path());
        if what == "recv" {
            gates.await_consumer();
        } else {
            gates.await_producer();
        }
        let file: &File = gates.file();
        let len = file.metadata().unwrap().len();
        file.set_len(0).unwrap();
        if extends {
            file.set_len(len).unwrap();
        }
        let line = child.line();
        // So that there is something to unmap and to unlock in good order.
        file.set_len(len).unwrap();
        child.finish();
        line
    }
}

#[test]
fn a_sleeper_says_that_its_region_was_truncated() {
    assert_eq!(truncate_under("recv", false), "RegionLost");
    assert_eq!(truncate_under("send", false), "RegionLost");
}

#[test]
fn a_sleeper_in_a_region_that_was_truncated_and_extended_does_not_go_on() {
    // A head that is zero again cannot be.
    assert_eq!(truncate_under("send", true), "RegionLost");
    let of_consumer = truncate_under("recv", true);
    let ends = ["RegionLost", "Corrupt"];
    assert!(ends.contains(&&*of_consumer), "{of_consumer}");
}

/// Role: sleeps in a ring of many producers, as its consumer, or as a producer of a full ring.
#[test]
fn role_sleep_among_many() {
    let Some(arguments) = role() else { return };
    let ring = mpsc::Options::new().open(&arguments[0]).unwrap();
    if arguments[1] == "consumer" {
        let mut consumer = ring.consumer().unwrap();
        consumer.set_wait_strategy(WaitStrategy::LowCpu);
        say("ready");
        let received = consumer.recv(&mut Vec::new(), DEADLINE);
        panic!("{received:?}");
    }
    let mut producer = ring.producer().unwrap();
    producer.set_wait_strategy(WaitStrategy::LowCpu);
    say("ready");
    let tag = arguments[1].parse().unwrap();
    producer.send(tag, &PAYLOAD, DEADLINE).unwrap();
    say("sent");
}

#[test]
fn others_go_on_when_a_sleeper_is_killed() {
    let name = Name::new("kill-sleepers");
    let options = mpsc::Options::new().capacity(4096).max_payload(256);
    let ring = options.producers(8).create(&name).unwrap();
    let gates = Gates::of(ring.path());

    let consumer = Child::start("role_sleep_among_many", &[&name, "consumer"]);
    consumer.expect("ready");
    gates.await_consumer();
    consumer.kill();
    let mut own = ring.producer().unwrap();
    while own.try_send(1, &PAYLOAD).is_ok() {}

    let start = |tag: u32| {
        let child = Child::start("role_sleep_among_many", &[&name, &tag.to_string()]);
        child.expect("ready");
        child
    };
    let mut consumer = ring.consumer().unwrap();
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    let (killed, first, second) = (start(10), start(11), start(12));
    gates.await_producer();
    killed.kill();
    let mut tags = Vec::new();
    while tags.len() < 2 {
        let tag = consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag;
        if tag != 1 {
            tags.push(tag);
        }
    }
    tags.sort_unstable();
    assert_eq!(tags, [11, 12]);
    for child in [first, second] {
        child.expect("sent");
        child.finish();
    }
    // And the consumer, asleep now, is still woken.
    thread::scope(|scope| {
        let receiver = scope.spawn(|| consumer.recv(&mut Vec::new(), DEADLINE));
        gates.await_consumer();
        own.try_send(13, &PAYLOAD).unwrap();
        assert_eq!(receiver.join().unwrap().unwrap().tag, 13);
    });
    drop(consumer);
    assert_eq!(ring.observer().unwrap().consumer_counters().late, 0);
}

/// Role: sends a record, and dies before it wakes the consumer: before it knows that somebody
/// sleeps, or when it has
/// said that it wakes and is about to.
#[test]
fn role_die_before_waking() {
    let Some(arguments) = role() else { return };
    let ring = options().open(&arguments[0]).unwrap();
    let producer = ring.producer().unwrap();
    if arguments[1] == "looking" {
        let mut producer = producer.with_memory(|memory| {
            Mirage::showing(memory, |word, found| {
                if word == DATA_PARKED {
                    die();
                }
                found
            })
        });
        let _ = producer.try_send(7, &PAYLOAD);
    } else {
        let mut producer = producer;
        say("ready");
        kill_at(libc::SYS_futex as u32);
        let _ = producer.try_send(7, &PAYLOAD);
    }
    panic!("it lives on");
}

#[test]
fn a_waker_that_dies_between_publishing_and_waking_costs_time_only() {
    for at in ["looking", "waking"] {
        let name = Name::new(&format!("waker-{at}"));
        let ring: Ring = options().create(&name).unwrap();
        let gates = Gates::of(ring.path());
        let mut consumer: Consumer = ring.consumer().unwrap();
        consumer.set_wait_strategy(WaitStrategy::LowCpu);
        thread::scope(|scope| {
            let receiver = scope.spawn(move || {
                let received = consumer.recv(&mut Vec::new(), DEADLINE);
                (received.unwrap().tag, Instant::now())
            });
            gates.await_consumer();
            let mut child = Child::start("role_die_before_waking", &[&name, at]);
            let status = child.status();
            let died = Instant::now();
            assert!(!status.success() && status.code().is_none(), "{status}");
            let (tag, at) = receiver.join().unwrap();
            assert_eq!(tag, 7);
            assert!(at.saturating_duration_since(died) < BOUND);
        });
        if at == "waking" {
            // It had said that it wakes; and what was said to nobody is no obstacle.
            assert!(gates.peek(DATA_ANSWERED) > 0);
        }
        let late = ring.observer().unwrap().consumer_counters().late;
        println!("{at}: {late} late");
        let mut next = ring.consumer().unwrap();
        let mut producer = ring.producer().unwrap();
        thread::scope(|scope| {
            next.set_wait_strategy(WaitStrategy::LowCpu);
            let receiver = scope.spawn(move || next.recv(&mut Vec::new(), DEADLINE));
            gates.await_consumer();
            producer.try_send(8, &PAYLOAD).unwrap();
            assert_eq!(receiver.join().unwrap().unwrap().tag, 8);
        });
        let counters = ring.observer().unwrap().consumer_counters();
        assert_eq!(counters.late, late, "the successor does wake");
    }
}

/// Role: among many, does something that wakes who sleeps, and dies before it has woken anybody.
#[test]
fn role_die_before_waking_among_many() {
    let Some(arguments) = role() else { return };
    let ring = mpsc::Options::new().open(&arguments[0]).unwrap();
    if arguments[1] == "release" {
        let mut consumer = ring.consumer().unwrap();
        say("attached");
        hear();
        kill_at(libc::SYS_futex as u32);
        let _ = consumer.drain(8, |_| ());
        panic!("it lives on");
    }
    let mut producer = ring.producer().unwrap();
    say("attached");
    hear();
    if arguments[1] == "looking" {
        let mut producer = producer.with_memory(|memory| {
            Mirage::showing(memory, |word, found| {
                if word == DATA_PARKED {
                    die();
                }
                found
            })
        });
        let _ = producer.try_send(7, &PAYLOAD);
        panic!("it lives on");
    }
    let room = 2 * producer.record_size(PAYLOAD.len());
    kill_at(libc::SYS_futex as u32);
    match arguments[1].as_str() {
        "send" => drop(producer.try_send(7, &PAYLOAD)),
        "claim" => producer.try_claim(10).unwrap().commit(7),
        "batch" => {
            let mut batch = producer.try_batch(room).unwrap();
            batch.push(7, &PAYLOAD).unwrap();
            batch.push(7, &PAYLOAD).unwrap();
            batch.publish();
        }
        "leave" => drop(producer),
        other => panic!("nobody knows how to {other}"),
    }
    panic!("it lives on");
}

/// Lets such a process go on, until it has died.
fn let_die(mut child: Child) -> Instant {
    child.tell("go on");
    let status = child.status();
    let died = Instant::now();
    assert!(!status.success() && status.code().is_none(), "{status}");
    died
}

#[test]
fn one_of_several_that_dies_between_publishing_and_waking_costs_time_only() {
    for how in ["looking", "send", "claim", "batch", "leave"] {
        let sleepy = Sleepy::new(&format!("die-{how}"));
        let child = sleepy.child("role_die_before_waking_among_many", &[how]);
        // With nobody else, the consumer learns that all have left.
        let mut others = sleepy.producers(if how == "leave" { 0 } else { 2 });
        let mut consumer = sleepy.consumer();
        thread::scope(|scope| {
            let receiver = scope.spawn(move || {
                let received = consumer.recv(&mut Vec::new(), DEADLINE);
                (received.map(|received| received.tag), Instant::now())
            });
            sleepy.gates.await_consumer();
            let died = let_die(child);
            let (received, at) = receiver.join().unwrap();
            let expected = match how {
                "leave" => Err(RecvError::Disconnected),
                _ => Ok(7),
            };
            assert_eq!(received, expected, "{how}");
            assert!(at.saturating_duration_since(died) < BOUND);
        });
        // Dead or not, it had said that it wakes; and what was said to nobody is no obstacle.
        assert_eq!(sleepy.gates.peek(DATA_ANSWERED) > 0, how != "looking");
        let late = sleepy.ring.observer().unwrap().consumer_counters().late;
        let mut next = sleepy.consumer();
        while next.try_recv(&mut Vec::new()).is_ok() {}
        others.extend(sleepy.producers(1));
        thread::scope(|scope| {
            let receiver = scope.spawn(move || {
                let mut tags = Vec::new();
                while let Ok(received) = next.recv(&mut Vec::new(), DEADLINE) {
                    tags.push(received.tag);
                }
                tags
            });
            for (tag, producer) in (8..).zip(&mut others) {
                sleepy.gates.await_consumer();
                producer.try_send(tag, &PAYLOAD).unwrap();
            }
            let expected: Vec<_> = (8..).take(others.len()).collect();
            drop(others);
            assert_eq!(receiver.join().unwrap(), expected);
        });
        let counters = sleepy.ring.observer().unwrap().consumer_counters();
        assert_eq!(counters.late, late, "the others do wake");
    }
}

#[test]
fn a_consumer_that_dies_between_releasing_and_waking_costs_producers_time_only() {
    let sleepy = Sleepy::new("die-release");
    // It releases two records, an eighth of the ring, before it wakes for the first time.
    let producers = sleepy.full(2);
    let child = sleepy.child("role_die_before_waking_among_many", &["release"]);
    let died = thread::scope(|scope| {
        // There is room for both: that the consumer is dead is no reason to give up.
        for mut producer in producers {
            scope.spawn(move || producer.send(2, &PAYLOAD, DEADLINE).unwrap());
        }
        sleepy.await_producers(2);
        let_die(child)
    });
    assert!(died.elapsed() < BOUND, "{:?}", died.elapsed());
}
