//! Producers of rings of many that die just before each single change that they make, through a
//! memory that kills.
//!
//! `MAPRING_KILLS` says how many die in each operation, at least once at each step.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use mapring::Peer;
use mapring::layout::{self, Word};
use mapring::memory::Memory;
use mapring::mpsc::{Consumer, Options, Producer, Ring};
use mapring::ring::Position;

use common::claimant::{assert_free_part_is_zero, geometry, look_alikes};
use common::deadly::Deadly;
use common::{Child, DEADLINE, Name, count, fork_and_go_on, has_died, hear, role, say};

/// What each operation sends: longer than a word, and not a multiple of one.
const LENGTHS: [usize; 3] = [45, 0, 130];
/// Room of a batch that it does not use.
const UNUSED: usize = 64;
/// The record that shows that others go on.
const AFTER: u32 = 99;

fn options() -> Options {
    let options = Options::new().capacity(4096).max_payload(1024);
    options.record_align(8).producers(8)
}

fn size(len: usize) -> usize {
    (8 + len).next_multiple_of(8)
}

/// What a producer does.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Send,
    Commit,
    Drop,
    Batch,
    EmptyBatch,
}

impl Operation {
    const ALL: [Self; 5] = [
        Self::Send,
        Self::Commit,
        Self::Drop,
        Self::Batch,
        Self::EmptyBatch,
    ];

    /// The operation, with the producer's leaving behind it.
    fn run(self, mut producer: Producer<impl Memory>) {
        let bytes = look_alikes(LENGTHS[0]);
        match self {
            Self::Send => {
                producer.try_send(0, &bytes).unwrap();
            }
            Self::Commit | Self::Drop => {
                let mut claim = producer.try_claim(bytes.len()).unwrap();
                claim.write(0, &bytes[..11]);
                claim.write(11, &bytes[11..]);
                if matches!(self, Self::Commit) {
                    claim.commit(0);
                }
            }
            Self::Batch | Self::EmptyBatch => {
                let mut batch = producer.try_batch(self.size()).unwrap();
                for (tag, len) in (0..).zip(&LENGTHS[..self.records()]) {
                    batch.push(tag, &look_alikes(*len)).unwrap();
                }
                batch.publish();
            }
        }
    }

    /// How many records it sends.
    fn records(self) -> usize {
        match self {
            Self::Send | Self::Commit => 1,
            Self::Drop | Self::EmptyBatch => 0,
            Self::Batch => LENGTHS.len(),
        }
    }

    /// Bytes of the ring that it claims.
    fn size(self) -> usize {
        match self {
            Self::Send | Self::Commit | Self::Drop => size(LENGTHS[0]),
            Self::Batch | Self::EmptyBatch => LENGTHS.map(size).iter().sum::<usize>() + UNUSED,
        }
    }
}

/// Role: for each number it is told, forks a process that dies after so many changes; says its pid,
/// and whether it did.
#[test]
fn role_die_sending() {
    let Some(arguments) = role() else { return };
    let operation = Operation::ALL[arguments[1].parse::<usize>().unwrap()];
    while let Some(changes) = hear() {
        let changes = changes.parse().unwrap();
        let child = fork_and_go_on(|| {
            let ring = Options::new().open(&arguments[0]).unwrap();
            let producer = ring.producer().unwrap();
            operation.run(producer.with_memory(|memory| Deadly::dying_after(memory, changes)));
            0
        });
        say(format!("{} {}", child.as_raw_nonzero(), has_died(child)));
    }
}

/// How many changes an operation makes before it claims, before it publishes, and in all. It is
/// carried out once.
fn changes_of(operation: Operation, ring: &Ring, consumer: &mut Consumer) -> [usize; 3] {
    let words = Rc::new(RefCell::new(Vec::new()));
    let header = Position(ring.observer().unwrap().tail()).word(&geometry(ring));
    let producer = ring.producer().unwrap();
    operation.run(producer.with_memory(|memory| Deadly::noting(memory, &words)));
    let words = words.take();
    let before = |word: Word| words.iter().position(|each| *each == word).unwrap();
    assert_eq!(received(consumer).len(), operation.records());
    [before(layout::TAIL), before(header), words.len()]
}

/// The tags and payloads of all records that are there now.
fn received(consumer: &mut Consumer) -> Vec<(u32, Vec<u8>)> {
    let mut records = Vec::new();
    let mut bytes = Vec::new();
    while let Ok(received) = consumer.try_recv(&mut bytes) {
        records.push((received.tag, bytes.clone()));
    }
    records
}

#[test]
fn a_producer_killed_before_any_change_leaves_all_or_nothing() {
    for (which, operation) in Operation::ALL.into_iter().enumerate() {
        let name = Name::new(&format!("die-sending-{which}"));
        let ring = options().create(&name).unwrap();
        let mut consumer = ring.consumer().unwrap();
        let mut other = ring.producer().unwrap();
        let [claim, publish, all] = changes_of(operation, &ring, &mut consumer);
        assert!(claim < publish && publish < all);
        let mut child = Child::start("role_die_sending", &[&name, &which.to_string()]);
        let (mut deaths, mut skipped) = (0, 0);
        for round in 0.. {
            let changes = round % (all + 1);
            if changes == 0 && deaths >= count("MAPRING_KILLS", 1) {
                break;
            }
            let start = ring.observer().unwrap().tail();
            child.tell(&changes.to_string());
            let line = child.line();
            let (pid, died) = line.split_once(' ').unwrap();
            let died = died.parse::<bool>().unwrap();
            assert_eq!(died, changes < all, "after {changes} of {operation:?}");
            deaths += u32::from(died);

            other.try_send(AFTER, b"after").unwrap();
            let mut expected = Vec::new();
            if changes > publish {
                let sent = LENGTHS[..operation.records()].iter();
                let sent = sent.map(|len| look_alikes(*len));
                expected.extend((0_u32..).zip(sent));
            }
            expected.push((AFTER, b"after".to_vec()));
            for expected in expected {
                let mut bytes = Vec::new();
                let received = consumer.recv(&mut bytes, DEADLINE).unwrap();
                let found = (received.tag, bytes);
                assert!(
                    found == expected,
                    "after {changes} of {operation:?}: {found:?}"
                );
            }
            let pid = pid.parse().unwrap();
            let repairs: Vec<_> = consumer.repairs().collect();
            if changes > claim && changes <= publish {
                let [repair] = repairs[..] else {
                    panic!("after {changes} of {operation:?}: {repairs:?}")
                };
                let (position, size) = (start, operation.size());
                assert_eq!((repair.position, repair.size), (position, size));
                assert_eq!(repair.pid, pid);
                let peers = consumer.producers().unwrap();
                assert_eq!(peers[repair.index], Peer::Died { pid });
                skipped += 1;
            } else {
                assert_eq!(repairs, [], "after {changes} of {operation:?}");
            }
            assert_free_part_is_zero(&ring);
        }
        child.finish_listening();
        println!("{operation:?}: {deaths} deaths at {all} steps, {skipped} claims skipped");
    }
}
