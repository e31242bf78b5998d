//! Processes that are killed at any moment, and what those that stay make of it.
//!
//! `MAPRING_KILLS` says how often each kill loop kills; `MAPRING_SEED` repeats its
//! choice of moments (not the moments themselves, which the machine has a part in).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, TryRecvError as Told};
use std::thread;
use std::time::Duration;

use mapring::spsc::{Consumer, Options, Producer};
use mapring::{Peer, RecvError, SendError};

use common::{Child, DEADLINE, Name, Random, count, role, say, wait_until};

/// How long a call waits before the test looks at what has become of the peer.
const A_WHILE: Duration = Duration::from_millis(100);

fn options() -> Options {
    Options::new().capacity(8 << 10).max_payload(1 << 10)
}

/// Payload lengths of the records of a lap of the sequence, over and over.
/// So a position says how many records there were before it.
const LENGTHS: [usize; 12] = [16, 1000, 17, 24, 333, 16, 40, 25, 64, 1024, 16, 100];
/// Records of a lap that one batch holds: there may be no end of the sequence within.
const BATCH: std::ops::Range<usize> = 5..9;

/// Bytes of the ring that a record takes.
fn size(len: usize) -> u64 {
    (8 + len).next_multiple_of(8) as u64
}

/// How many records of the sequence come before `position`.
fn number_at(position: u64) -> u64 {
    let lap: u64 = LENGTHS.iter().map(|len| size(*len)).sum();
    let (laps, mut rest) = (position / lap, position % lap);
    let mut number = laps * LENGTHS.len() as u64;
    for len in LENGTHS {
        if rest == 0 {
            break;
        }
        let passed = rest.checked_sub(size(len));
        rest = passed.unwrap_or_else(|| panic!("position {position} is within a record"));
        number += 1;
    }
    number
}

/// The payload of record `number`, sent by the producer of incarnation `incarnation`.
fn payload(number: u64, incarnation: u64) -> Vec<u8> {
    let len = LENGTHS[number as usize % LENGTHS.len()];
    let mut bytes = Vec::with_capacity(len);
    bytes.extend(number.to_le_bytes());
    bytes.extend(incarnation.to_le_bytes());
    bytes.resize(len, number as u8 | 0x80);
    bytes
}

/// Checks that the payload of record `number` is whole; returns who sent it.
fn incarnation_of(bytes: &[u8], number: u64) -> u64 {
    let incarnation = u64::from_le_bytes(bytes[8..16].try_into().unwrap());
    let expected = payload(number, incarnation);
    assert!(bytes == expected, "record {number} is not whole: {bytes:?}");
    incarnation
}

/// A number that outlives its process: in a file next to the ring, not in the ring.
struct Note(File);

impl Note {
    fn at(path: &Path) -> Self {
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false);
        Self(file.open(path).unwrap())
    }

    fn write(&self, number: u64) {
        self.0.write_all_at(&number.to_le_bytes(), 0).unwrap();
    }

    fn read(&self) -> u64 {
        let mut bytes = [0; 8];
        // Nothing there yet: zero.
        let _ = self.0.read_exact_at(&mut bytes, 0);
        u64::from_le_bytes(bytes)
    }
}

/// Role: goes on with the sequence where it ends, in every way there is to send, and
/// notes after each call how many records it knows to be committed.
#[test]
fn role_continue_the_sequence() {
    let Some(arguments) = role() else { return };
    let incarnation = arguments[1].parse().unwrap();
    let note = Note::at(Path::new(&arguments[2]));
    let ring = options().open(&arguments[0]).unwrap();
    let mut producer = ring.producer().unwrap();
    let mut number = number_at(producer.position());
    let within = number as usize % LENGTHS.len();
    let cut = within > BATCH.start && within < BATCH.end;
    assert!(!cut, "record {number} starts within a batch");
    say("attached");
    loop {
        number += match number as usize % LENGTHS.len() {
            start if start == BATCH.start => send_batch(&mut producer, number, incarnation),
            other if other % 3 == 0 => {
                let bytes = payload(number, incarnation);
                // A claim that is dropped first: it must not show.
                drop(producer.claim(bytes.len(), DEADLINE).unwrap());
                let mut claim = producer.claim(bytes.len(), DEADLINE).unwrap();
                claim.write(0, &bytes[..11]);
                claim.write(11, &bytes[11..]);
                claim.commit(number as u32);
                1
            }
            _ => {
                let bytes = payload(number, incarnation);
                producer.send(number as u32, &bytes, DEADLINE).unwrap();
                1
            }
        };
        note.write(number);
    }
}

fn send_batch(producer: &mut Producer, number: u64, incarnation: u64) -> u64 {
    let room: u64 = LENGTHS[BATCH].iter().map(|len| size(*len)).sum();
    wait_until(|| producer.free().unwrap() as u64 >= room);
    let mut batch = producer.batch().unwrap();
    for number in number..number + BATCH.len() as u64 {
        let bytes = payload(number, incarnation);
        batch.push(number as u32, &bytes).unwrap();
    }
    batch.publish();
    BATCH.len() as u64
}

/// Receives the sequence and checks each record.
struct Audit {
    consumer: Consumer,
    next: u64,
    /// For each producer so far, how many records were surely committed when it died.
    committed: Vec<u64>,
}

impl Audit {
    fn receive(&mut self, deadline: Duration) -> Result<(), RecvError> {
        let mut bytes = Vec::new();
        let received = self.consumer.recv(&mut bytes, deadline)?;
        assert_eq!(received.tag, self.next as u32, "a gap or a repetition");
        let sender = incarnation_of(&bytes, self.next);
        // A successor that sent this record again has overwritten the one committed before it.
        for (dead, committed) in self.committed.iter().enumerate().take(sender as usize) {
            let own = self.next >= *committed;
            assert!(own, "record {} of producer {dead} is lost", self.next);
        }
        self.next += 1;
        Ok(())
    }
}

#[test]
fn a_producer_killed_at_any_moment_loses_nothing_committed() {
    let name = Name::new("kill-producer");
    let notes = common::directory();
    let note_path = notes.path().join("committed");
    let note = Note::at(&note_path);
    let mut random = Random::new();
    let ring = options().create(&name).unwrap();
    let mut audit = Audit {
        consumer: ring.consumer().unwrap(),
        next: 0,
        committed: Vec::new(),
    };
    let mut last_pid = 0;
    for incarnation in 0..count("MAPRING_KILLS", 200) {
        let arguments = [
            &*name,
            &incarnation.to_string(),
            note_path.to_str().unwrap(),
        ];
        let child = Child::start("role_continue_the_sequence", &arguments);
        // Mostly while it sends, but also while it starts.
        if random.below(8) > 0 {
            child.expect("attached");
        }
        for _ in 0..random.below(300) {
            match audit.receive(A_WHILE) {
                // It may not have attached yet, and then its predecessor is the one that died.
                Ok(()) => {}
                Err(RecvError::TimedOut | RecvError::PeerDied { .. }) => break,
                Err(error) => panic!("{error}"),
            }
        }
        thread::sleep(Duration::from_micros(random.below(3000)));
        child.kill();
        audit.committed.push(note.read());
        // Only now: it may have attached at the last moment, or not at all.
        if let Peer::Died { pid } = audit.consumer.producer().unwrap() {
            last_pid = pid;
        }
        // Sometimes the successor comes before everything was received.
        if random.below(3) == 0 {
            continue;
        }
        let end = loop {
            if let Err(error) = audit.receive(DEADLINE) {
                break error;
            }
        };
        let RecvError::PeerDied { pid: dead } = end else {
            // Nobody has attached yet at all.
            assert_eq!((end, last_pid), (RecvError::TimedOut, 0));
            continue;
        };
        assert_eq!(dead, last_pid);
        let committed = note.read();
        assert!(audit.next >= committed, "{committed} were committed");
    }
    assert!(audit.next > 0, "no producer lived long enough to send");
    println!("{} records", audit.next);
}

/// Role: sends a record, and stays with another one, or several, not committed yet.
#[test]
fn role_stay_uncommitted() {
    let Some(arguments) = role() else { return };
    let ring = options().open(&arguments[0]).unwrap();
    let mut producer = ring.producer().unwrap();
    producer.try_send(1, &[7; 100]).unwrap();
    if arguments[1] == "claim" {
        let mut claim = producer.try_claim(100).unwrap();
        claim.write(0, &[0xff; 100]);
        say("uncommitted");
        thread::sleep(DEADLINE);
        claim.commit(2);
    } else {
        let mut batch = producer.batch().unwrap();
        for tag in 2..5 {
            batch.push(tag, &[0xff; 100]).unwrap();
        }
        say("uncommitted");
        thread::sleep(DEADLINE);
        batch.publish();
    }
}

#[test]
fn what_a_killed_producer_had_not_committed_does_not_show() {
    for kind in ["claim", "batch"] {
        let name = Name::new(&format!("uncommitted-{kind}"));
        let ring = options().create(&name).unwrap();
        let mut consumer = ring.consumer().unwrap();
        let child = Child::start("role_stay_uncommitted", &[&name, kind]);
        child.expect("uncommitted");
        let pid = child.pid();
        child.kill();
        let mut bytes = Vec::new();
        let received = consumer.recv(&mut bytes, DEADLINE).unwrap();
        assert_eq!((received.tag, bytes.as_slice()), (1, &[7; 100][..]));
        let end = consumer.recv(&mut bytes, DEADLINE);
        assert_eq!(end, Err(RecvError::PeerDied { pid }));
        // A successor goes on right behind what was committed.
        let mut producer = ring.producer().unwrap();
        assert_eq!(producer.position(), size(100));
        producer.try_send(9, b"next").unwrap();
        assert_eq!(consumer.recv(&mut bytes, DEADLINE).unwrap().tag, 9);
    }
}

/// Role: receives the sequence one by one or in batches, and notes each record it has seen.
#[test]
fn role_receive_the_sequence() {
    let Some(arguments) = role() else { return };
    let batch = arguments[1].parse().unwrap();
    let note = Note::at(Path::new(&arguments[2]));
    let ring = options().open(&arguments[0]).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let mut number = number_at(consumer.position());
    say(number);
    let mut bytes = Vec::new();
    loop {
        consumer.wait(DEADLINE).unwrap();
        if batch == 0 {
            consumer.recv(&mut bytes, DEADLINE).unwrap();
            incarnation_of(&bytes, number);
            number += 1;
            note.write(number);
        } else {
            let drained = consumer.drain(batch, |record| {
                bytes.clear();
                record.append_to(&mut bytes);
                incarnation_of(&bytes, number);
                number += 1;
                note.write(number);
            });
            drained.unwrap();
        }
    }
}

/// Sends the sequence until the other end of `goes_on` is dropped, whatever becomes of the
/// consumers. Returns how many it sent.
fn send_on(mut producer: Producer, goes_on: &Receiver<()>) -> u64 {
    let mut number = 0;
    while goes_on.try_recv() == Err(Told::Empty) {
        match producer.send(number as u32, &payload(number, 0), A_WHILE) {
            Ok(_) => number += 1,
            Err(SendError::TimedOut | SendError::PeerDied { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    number
}

/// Kills consumers that receive `batch` records at a time (0: one by one with `recv`).
fn kill_consumers(test: &str, batch: u64) {
    let name = Name::new(test);
    let notes = common::directory();
    let note_path = notes.path().join("seen");
    let note = Note::at(&note_path);
    let mut random = Random::new();
    let ring = options().create(&name).unwrap();
    let producer = ring.producer().unwrap();
    thread::scope(|scope| {
        // Dropped also when the test fails, so that the scope can end.
        let (until_dropped, goes_on) = mpsc::channel();
        let sender = scope.spawn(move || send_on(producer, &goes_on));
        // Where the one before began: it may have been killed before it noted anything.
        let mut began = 0;
        for _ in 0..count("MAPRING_KILLS", 100) {
            let seen = note.read();
            let arguments = [&*name, &batch.to_string(), note_path.to_str().unwrap()];
            let child = Child::start("role_receive_the_sequence", &arguments);
            let first: u64 = child.line().parse().unwrap();
            if batch == 0 {
                // What `recv` had taken out, but not yet returned, went with its process.
                let seen = seen.max(began);
                let range = seen..=seen + 1;
                assert!(range.contains(&first), "seen {seen}, now from {first}");
            } else {
                let range = seen.saturating_sub(batch)..=seen;
                assert!(range.contains(&first), "seen {seen}, now from {first}");
            }
            began = first;
            thread::sleep(Duration::from_micros(random.below(4000)));
            child.kill();
        }
        // What the last one left can be received to the end.
        let mut consumer = ring.consumer().unwrap();
        drop(until_dropped);
        let sent = sender.join().unwrap();
        let mut number = number_at(consumer.position());
        let mut bytes = Vec::new();
        while consumer.try_recv(&mut bytes).is_ok() {
            incarnation_of(&bytes, number);
            number += 1;
        }
        assert_eq!(number, sent);
        assert!(note.read() > 0, "no consumer lived long enough to receive");
        println!("{sent} records");
    });
}

#[test]
fn a_consumer_killed_in_recv_repeats_nothing() {
    kill_consumers("kill-recv", 0);
}

#[test]
fn a_consumer_killed_in_drain_repeats_one_batch_at_most() {
    kill_consumers("kill-drain-1", 1);
    kill_consumers("kill-drain-7", 7);
}
