//! Several producers that want the same place of a ring, and die there before anybody can see whose
//! it is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use mapring::RecvError;
use mapring::generic::Repair;
use mapring::layout;
use mapring::mpsc::{Consumer, Options};

use common::claimant::{assert_free_part_is_zero, look_alikes};
use common::deadly::Deadly;
use common::{Child, DEADLINE, Name, hear, role, say};

/// The record that shows that others go on.
const AFTER: u32 = 99;

fn options() -> Options {
    let options = Options::new().capacity(4096).max_payload(1024);
    options.record_align(8).producers(8)
}

fn size(len: usize) -> usize {
    (8 + len).next_multiple_of(8)
}

/// Role: sends a record of a length, and says "here" and waits until told: just "before" it would
/// swap the tail, just "behind" that, where it has "marked" the claim as its own, or has "written"
/// the payload.
#[test]
fn role_stay_in_a_claim() {
    let Some(arguments) = role() else { return };
    let ring = Options::new().open(&arguments[0]).unwrap();
    let producer = ring.producer().unwrap();
    let len: usize = arguments[1].parse().unwrap();
    // How many changes it makes from the exchange on before it waits.
    let wait_after = match arguments[2].as_str() {
        "before" => 0,
        "behind" => 1,
        "marked" => 2,
        _ => 2 + len.div_ceil(8),
    };
    let mut changes = 0;
    let mut producer = producer.with_memory(|memory| {
        Deadly::calling(memory, move |word| {
            changes += usize::from(changes > 0 || word == layout::TAIL);
            if changes == wait_after + 1 {
                say("here");
                hear();
            }
        })
    });
    let sent = producer.try_send(len as u32, &look_alikes(len));
    say(sent.map_or_else(|error| error.to_string(), |_| "sent".to_owned()));
    hear();
}

/// What comes behind a claim whose producer has died in it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Behind {
    Nothing,
    Record,
    /// A claim by one who died before it marked it as its own.
    Dead,
}

/// A process that stays in a claim for so many bytes.
fn stay(name: &str, len: usize, stage: &str) -> Child {
    let child = Child::start("role_stay_in_a_claim", &[name, &len.to_string(), stage]);
    child.expect("here");
    child
}

#[test]
fn several_that_die_in_a_claim_at_one_place_cost_exactly_the_claim() {
    let lens = [8, 100, 300];
    let name = Name::new("die-together");
    let ring = options().create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let mut other = ring.producer().unwrap();
    let mut bytes = Vec::new();
    for winner in lens {
        for behind in [Behind::Nothing, Behind::Record, Behind::Dead] {
            for losers in 1..=2 {
                // Whether one of those that will not get it lives on.
                for survives in [false, true] {
                    let start = ring.observer().unwrap().tail();
                    let mut losing = Vec::new();
                    for len in lens.into_iter().filter(|len| *len != winner).take(losers) {
                        losing.push((len, stay(&name, len, "before")));
                    }
                    // Where nobody survives, its words look like headers, at the others' ends too.
                    let stage = if survives { "behind" } else { "written" };
                    let owner = stay(&name, winner, stage);
                    let pid = owner.pid();
                    let mut expected = vec![(pid, start, size(winner))];
                    let tail = start + size(winner) as u64;
                    assert_eq!(ring.observer().unwrap().tail(), tail);
                    match behind {
                        Behind::Nothing => {}
                        Behind::Record => {
                            other.try_send(AFTER, b"after").unwrap();
                        }
                        Behind::Dead => {
                            let next = stay(&name, 24, "behind");
                            expected.push((next.pid(), tail, size(24)));
                            next.kill();
                        }
                    }
                    owner.kill();
                    // The owner has marked the claim only where it has written. Else each of these
                    // could be it, and lives: slow is not dead.
                    for (len, child) in losing.drain(1..).rev() {
                        if survives {
                            waits(&mut consumer);
                        }
                        child.kill();
                        assert_ne!(len, winner);
                    }
                    if survives {
                        waits(&mut consumer);
                    }
                    let (len, mut last) = losing.pop().unwrap();
                    let sent = survives.then(|| {
                        last.tell("go on");
                        last.expect("sent");
                        len as u32
                    });
                    if !survives {
                        last.kill();
                    }
                    other.try_send(AFTER + 1, b"end").unwrap();
                    let after = (behind == Behind::Record).then_some(AFTER);
                    for tag in after.into_iter().chain(sent).chain([AFTER + 1]) {
                        let received = consumer.recv(&mut bytes, DEADLINE).unwrap();
                        assert_eq!(received.tag, tag, "{winner} {behind:?} {losers} {survives}");
                    }
                    let repairs = consumer.repairs();
                    let found: Vec<_> = repairs
                        .map(|r: Repair| (r.pid, r.position, r.size))
                        .collect();
                    assert_eq!(found, expected, "{behind:?} {losers} {survives}");
                    assert_free_part_is_zero(&ring);
                }
            }
        }
    }
}

/// Checks that the consumer neither receives nor repairs.
#[track_caller]
fn waits(consumer: &mut Consumer) {
    let received = consumer.recv(&mut Vec::new(), Duration::from_millis(5));
    assert_eq!(received, Err(RecvError::TimedOut));
    assert_eq!(consumer.repairs().count(), 0);
}

#[test]
fn one_who_finds_the_ring_full_takes_its_intent_back() {
    let name = Name::new("full-after-all");
    let ring = options().create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let mut other = ring.producer().unwrap();
    let mut losing = stay(&name, 100, "before");
    let owner = stay(&name, 8, "behind");
    let pid = owner.pid();
    owner.kill();
    let mut sent = 0;
    while other.try_send(sent, &[7; 500]).is_ok() {
        sent += 1;
    }
    while other.try_send(sent, &[]).is_ok() {
        sent += 1;
    }
    losing.tell("go on");
    losing.expect("the ring is full");
    for tag in 0..sent {
        let received = consumer.recv(&mut Vec::new(), DEADLINE).unwrap();
        assert_eq!(received.tag, tag);
    }
    assert_eq!(consumer.repairs().map(|r| r.pid).collect::<Vec<_>>(), [pid]);
}

#[test]
fn a_marked_claim_of_a_dead_producer_is_nobody_elses() {
    let name = Name::new("marked");
    let ring = options().create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let mut other = ring.producer().unwrap();
    // It wants the same place, will not get it, and is stopped for however long.
    let stopped = stay(&name, 100, "before");
    let owner = stay(&name, 300, "marked");
    let pid = owner.pid();
    other.try_send(AFTER, b"after").unwrap();
    owner.kill();
    let received = consumer.recv(&mut Vec::new(), Duration::from_secs(1));
    assert_eq!(received.map(|received| received.tag), Ok(AFTER));
    let repairs: Vec<_> = consumer.repairs().map(|r| (r.pid, r.size)).collect();
    assert_eq!(repairs, [(pid, size(300))]);
    stopped.kill();
}
