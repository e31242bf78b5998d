//! Producers of numbered sequences, which are killed and replaced.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashMap;
use std::fs::File;
use std::mem;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use mapring::mpsc::{Options, Producer};
use mapring::{SendError, TrySendError};

use super::{Child, DEADLINE, Random, say};

/// How many producers there are at a time.
const PRODUCERS: usize = 8;
/// Payload lengths of the records of a sequence, over and over.
const LENGTHS: [usize; 11] = [16, 1000, 17, 24, 333, 16, 40, 25, 64, 1024, 100];
/// Records of a batch. So many at most may have been sent when the sender has not noted them.
pub(crate) const BATCH: u64 = 3;

/// A number for each sender, that outlives all processes: in a file next to the ring, not in the
/// ring.
pub(crate) struct Notes(File);

impl Notes {
    pub(crate) fn at(path: &Path) -> Self {
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false);
        Self(file.open(path).unwrap())
    }

    pub(crate) fn write(&self, sender: u64, number: u64) {
        self.0
            .write_all_at(&number.to_le_bytes(), 8 * sender)
            .unwrap();
    }

    pub(crate) fn read(&self, sender: u64) -> u64 {
        let mut bytes = [0; 8];
        // Nothing there yet: zero.
        let _ = self.0.read_exact_at(&mut bytes, 8 * sender);
        u64::from_le_bytes(bytes)
    }
}

/// The payload of record `number` of a sender. Behind these two, each word looks like the header of
/// a committed record.
fn payload(sender: u64, number: u64) -> Vec<u8> {
    let len = LENGTHS[number as usize % LENGTHS.len()];
    let mut bytes = Vec::with_capacity(len.next_multiple_of(8));
    bytes.extend(sender.to_le_bytes());
    bytes.extend(number.to_le_bytes());
    while bytes.len() < len {
        bytes.extend((1 << 63 | number << 32 & 0xff << 32 | sender & 0xffff_ffff).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Checks that a record is whole; returns who sent it, and its number.
pub(crate) fn check(tag: u32, bytes: &[u8]) -> (u64, u64) {
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let (sender, number) = (word(0), word(8));
    assert_eq!(tag, number as u32, "of sender {sender}");
    let whole = bytes == payload(sender, number);
    assert!(whole, "record {number} of sender {sender}: {bytes:?}");
    (sender, number)
}

/// What the test `role_send_a_sequence` does: it sends in every way there is to send, and notes
/// after each call how many records it knows to be committed.
pub(crate) fn play(arguments: &[String]) {
    let sender = arguments[1].parse().unwrap();
    let notes = Notes::at(Path::new(&arguments[2]));
    let ring = Options::new().open(&arguments[0]).unwrap();
    let mut producer = ring.producer().unwrap();
    say("attached");
    let mut number = 0;
    loop {
        match send_some(&mut producer, sender, number) {
            Ok(sent) => number += sent,
            // A successor of the consumer is about to come.
            Err(SendError::PeerDied { .. }) => thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("{error}"),
        }
        notes.write(sender, number);
    }
}

/// Sends the next record, or several; returns how many. After an error it has sent nothing.
fn send_some(producer: &mut Producer, sender: u64, number: u64) -> Result<u64, SendError> {
    let bytes = payload(sender, number);
    match number % 7 {
        0 => {
            while let Err(error) = producer.try_send(number as u32, &bytes) {
                assert_eq!(error, TrySendError::Full);
                thread::yield_now();
            }
        }
        1 | 2 => {
            // A claim that is dropped, or leaked, first: it must not show.
            let mut claim = producer.claim(bytes.len(), DEADLINE)?;
            claim.write(0, &bytes);
            if number.is_multiple_of(2) {
                drop(claim);
            } else {
                mem::forget(claim);
            }
            producer.send(number as u32, &bytes, DEADLINE)?;
        }
        3 => {
            let mut claim = producer.claim(bytes.len(), DEADLINE)?;
            claim.write(0, &bytes[..11]);
            // The others get a turn, and this one may be killed here.
            thread::yield_now();
            claim.write(11, &bytes[11..]);
            claim.commit(number as u32);
        }
        4 => {
            let records = number..number + BATCH;
            let payloads: Vec<_> = records.map(|number| payload(sender, number)).collect();
            let sizes = payloads.iter().map(|p| producer.record_size(p.len()));
            // Somewhat more than it uses.
            let room = sizes.sum::<usize>() + 200;
            // Given up first: it must not show.
            let mut batch = producer.batch(room, DEADLINE)?;
            batch.push(number as u32, &bytes).unwrap();
            drop(batch);
            let mut batch = producer.batch(room, DEADLINE)?;
            for (number, payload) in (number..).zip(&payloads) {
                batch.push(number as u32, payload).unwrap();
                thread::yield_now();
            }
            batch.publish();
            return Ok(BATCH);
        }
        _ => {
            producer.send(number as u32, &bytes, DEADLINE)?;
        }
    }
    Ok(1)
}

/// Producers that are killed and replaced.
pub(crate) struct Senders {
    name: String,
    notes: String,
    children: Vec<Sender>,
    pub(crate) started: u64,
    /// How many processes of each pid were killed.
    pub(crate) killed: HashMap<u32, usize>,
}

struct Sender {
    child: Child,
    has_attached: bool,
}

impl Senders {
    pub(crate) fn start(name: &str, notes: &Path) -> Self {
        let mut senders = Self {
            name: name.to_owned(),
            notes: notes.to_str().unwrap().to_owned(),
            children: Vec::new(),
            started: 0,
            killed: HashMap::new(),
        };
        for _ in 0..PRODUCERS {
            let sender = senders.next();
            senders.children.push(sender);
        }
        senders
    }

    fn next(&mut self) -> Sender {
        let arguments = [&*self.name, &self.started.to_string(), &self.notes];
        self.started += 1;
        Sender {
            child: Child::start("role_send_a_sequence", &arguments),
            has_attached: false,
        }
    }

    /// Kills one of them, and starts another in its place.
    pub(crate) fn replace_one(&mut self, random: &mut Random) {
        let index = random.below(PRODUCERS as u64) as usize;
        let sender = &mut self.children[index];
        // Mostly while it sends, but also while it starts.
        if !sender.has_attached && random.below(8) > 0 {
            sender.child.expect("attached");
            sender.has_attached = true;
        }
        thread::sleep(Duration::from_micros(random.below(4000)));
        let next = self.next();
        let killed = mem::replace(&mut self.children[index], next);
        self.kill(killed);
    }

    fn kill(&mut self, sender: Sender) {
        *self.killed.entry(sender.child.pid()).or_default() += 1;
        sender.child.kill();
    }

    pub(crate) fn kill_all(&mut self) {
        for sender in mem::take(&mut self.children) {
            self.kill(sender);
        }
    }
}
