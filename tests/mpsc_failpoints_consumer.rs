//! Consumers of rings of many producers that die just before each single change that they make, and
//! so do those that come after them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::time::Duration;

use mapring::RecvError;
use mapring::memory::Memory;
use mapring::mpsc::{Consumer, Mpsc, Options, Ring};
use mapring::ring as protocol;

use common::claimant::{self, assert_free_part_is_zero, dead_claim, geometry, look_alikes};
use common::deadly::Deadly;
use common::{Child, DEADLINE, Name, fork_and_go_on, has_died, hear, role, say};

fn options() -> Options {
    let options = Options::new().capacity(4096).max_payload(1024);
    options.record_align(8).producers(8)
}

/// Role: see [`claimant::play`].
#[test]
fn role_claim() {
    let Some(arguments) = role() else { return };
    claimant::play(&arguments);
}

/// What a consumer does that dies in it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Receiving {
    /// `recv` of one record, and its release.
    One,
    /// A drain of four, released at once.
    Four,
    /// As `One`, behind the claim of a dead producer.
    BehindDead,
}

impl Receiving {
    const ALL: [Self; 3] = [Self::One, Self::Four, Self::BehindDead];

    fn run(self, mut consumer: Consumer<impl Memory>) {
        if self == Self::Four {
            assert_eq!(consumer.drain(4, |_| {}), Ok(4));
        } else {
            consumer.recv(&mut Vec::new(), DEADLINE).unwrap();
        }
    }
}

/// Role: for each pair of numbers it is told, forks a process that dies receiving after so many
/// changes, and then another that dies in its turn, taking over what the first one left. Says which
/// of them died.
#[test]
fn role_die_receiving() {
    let Some(arguments) = role() else { return };
    let receiving = Receiving::ALL[arguments[1].parse::<usize>().unwrap()];
    while let Some(line) = hear() {
        let (first, second) = line.split_once(' ').unwrap();
        let (first, second) = (first.parse().unwrap(), second.parse().unwrap());
        let died = has_died(fork_and_go_on(|| {
            let ring = Options::new().open(&arguments[0]).unwrap();
            let consumer = ring.consumer().unwrap();
            receiving.run(consumer.with_memory(|memory| Deadly::dying_after(memory, first)));
            0
        }));
        let successor_died = has_died(fork_and_go_on(|| {
            let ring = Options::new().open(&arguments[0]).unwrap();
            take_over(&ring, second);
            0
        }));
        say(format!("{died} {successor_died}"));
    }
}

/// Takes the consumer's place by the protocol alone, which finishes a release that somebody died
/// in, and dies after so many changes. Nobody else does so meanwhile.
fn take_over(ring: &Ring, changes: usize) {
    let mut mapped = None;
    let producer = ring.producer().unwrap();
    drop(producer.with_memory(|memory| {
        mapped = Some(memory.clone());
        memory
    }));
    let memory = Deadly::dying_after(mapped.unwrap(), changes);
    protocol::Consumer::<_, Mpsc>::attach(memory, geometry(ring)).unwrap();
}

#[test]
fn a_consumer_killed_before_any_change_is_succeeded() {
    for (which, receiving) in Receiving::ALL.into_iter().enumerate() {
        let name = Name::new(&format!("die-receiving-{which}"));
        let ring = options().create(&name).unwrap();
        let mut other = ring.producer().unwrap();
        let mut child = Child::start("role_die_receiving", &[&name, &which.to_string()]);
        let mut pairs = 0;
        for first in 0.. {
            let mut first_died = true;
            for second in 0.. {
                if receiving == Receiving::BehindDead {
                    dead_claim(&name, 45);
                }
                // Of several words each, so that a release can be cut.
                for tag in 0..6 {
                    other.try_send(tag, &look_alikes(20)).unwrap();
                }
                child.tell(&format!("{first} {second}"));
                let line = child.line();
                let (died, successor_died) = line.split_once(' ').unwrap();
                first_died = died == "true";
                check_what_is_left(&ring, receiving, first_died);
                pairs += 1;
                if successor_died == "false" {
                    break;
                }
            }
            if !first_died {
                break;
            }
        }
        child.finish_listening();
        println!("{receiving:?}: {pairs} pairs of deaths");
    }
}

/// Receives what two dead consumers have left of six records: not before the first, nor behind the
/// first that they had not been handed; if the first one came to its end, no record twice.
fn check_what_is_left(ring: &Ring, receiving: Receiving, first_died: bool) {
    let mut consumer = ring.consumer().unwrap();
    let mut bytes = Vec::new();
    let first = consumer.recv(&mut bytes, DEADLINE).unwrap().tag;
    let handed = if receiving == Receiving::Four { 4 } else { 1 };
    // All of what was handed out comes again, or nothing of it.
    let as_due = first == handed || (first == 0 && first_died);
    assert!(as_due, "{receiving:?}: the first one left is {first}");
    assert!(bytes == look_alikes(20));
    for tag in first + 1..6 {
        assert_eq!(consumer.recv(&mut bytes, DEADLINE).unwrap().tag, tag);
        assert!(bytes == look_alikes(20));
    }
    let nothing = consumer.recv(&mut bytes, Duration::from_millis(1));
    assert_eq!(nothing, Err(RecvError::TimedOut));
    // Either it was repaired before, or this one did it, once.
    let repairs = consumer.repairs().count();
    let most = usize::from(receiving == Receiving::BehindDead && first == 0);
    assert!(repairs <= most, "{repairs} repairs");
    assert_free_part_is_zero(ring);
}
