//! Many producers that are killed at any moment, and so is the consumer.
//!
//! `MAPRING_KILLS` says how many are killed in each test, `MAPRING_STALL` how many milliseconds may
//! pass without a record; `MAPRING_SEED` repeats the choice of whom and when (not the moments
//! themselves, which the machine has a part in).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::collections::HashMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use mapring::generic::Repair;
use mapring::mpsc::{Consumer, Options, Ring};
use mapring::{RecvError, TryRecvError};

use common::claimant::assert_free_part_is_zero;
use common::sequence::{self, BATCH, Notes, Senders, check};
use common::{Child, DEADLINE, Name, Random, count, role, say};

fn options(align: u64) -> Options {
    let options = Options::new().capacity(16 << 10).max_payload(1 << 10);
    options.record_align(align).producers(32)
}

/// Role: see [`sequence::play`].
#[test]
fn role_send_a_sequence() {
    let Some(arguments) = role() else { return };
    sequence::play(&arguments);
}

/// Receives all sequences, and checks each record.
struct Audit {
    consumer: Consumer,
    /// The number that each sender's next record must have.
    next: HashMap<u64, u64>,
    repairs: Vec<Repair>,
    records: u64,
    /// When the last record was received.
    last: Instant,
    longest_stall: Duration,
}

impl Audit {
    fn new(ring: &Ring) -> Self {
        Self {
            consumer: ring.consumer().unwrap(),
            next: HashMap::new(),
            repairs: Vec::new(),
            records: 0,
            last: Instant::now(),
            longest_stall: Duration::ZERO,
        }
    }

    /// Receives in one of the ways there are. Only `recv` can find out that all have died.
    fn receive(&mut self, way: u64) -> Result<(), RecvError> {
        let mut records = Vec::new();
        let result = match way {
            0 => {
                let drained = self.consumer.drain(7, |record| {
                    let mut bytes = Vec::new();
                    record.append_to(&mut bytes);
                    records.push((record.tag(), bytes));
                });
                only_empty(drained.map(drop));
                Ok(())
            }
            1 => {
                let mut bytes = Vec::new();
                let received = self.consumer.try_recv(&mut bytes);
                only_empty(received.map(|received| records.push((received.tag, bytes))));
                Ok(())
            }
            _ => {
                let mut bytes = Vec::new();
                let received = self.consumer.recv(&mut bytes, DEADLINE);
                received.map(|received| records.push((received.tag, bytes)))
            }
        };
        if records.is_empty() {
            thread::yield_now();
        }
        for (tag, bytes) in records {
            let (sender, number) = check(tag, &bytes);
            let next = self.next.entry(sender).or_default();
            assert_eq!(number, *next, "a gap or a repetition of sender {sender}");
            *next += 1;
            // Before the first record, processes start.
            if self.records > 0 {
                self.longest_stall = self.longest_stall.max(self.last.elapsed());
            }
            self.last = Instant::now();
            self.records += 1;
        }
        self.repairs.extend(self.consumer.repairs());
        result
    }

    fn next_of(&self, sender: u64) -> u64 {
        self.next.get(&sender).copied().unwrap_or_default()
    }
}

fn only_empty(received: Result<(), TryRecvError>) {
    assert!(
        matches!(received, Ok(()) | Err(TryRecvError::Empty)),
        "{received:?}"
    );
}

/// Checks that what was skipped are claims of killed producers, one of each at most.
fn check_repairs(repairs: &[Repair], killed: &HashMap<u32, usize>, align: u64) {
    let mut of_each = HashMap::<u32, usize>::new();
    for repair in repairs {
        *of_each.entry(repair.pid).or_default() += 1;
        assert!(repair.size > 0, "{repair:?}");
        let is_aligned = (repair.size as u64 | repair.position).is_multiple_of(align);
        assert!(is_aligned, "{repair:?}");
    }
    for (pid, repairs) in of_each {
        let killed = killed.get(&pid).copied().unwrap_or_default();
        assert!(repairs <= killed, "{repairs} claims of process {pid}");
    }
    let in_order = repairs.is_sorted_by(|a, b| a.position + a.size as u64 <= b.position);
    assert!(in_order, "{repairs:?}");
}

/// Kills so many producers while everything is received by this process.
fn kill_producers(align: u64, kills: u32) {
    let name = Name::new(&format!("storm-{align}"));
    let directory = common::directory();
    let path = directory.path().join("committed");
    let mut random = Random::new();
    let ring = options(align).create(&name).unwrap();
    let mut audit = Audit::new(&ring);
    let started = Instant::now();
    let senders = thread::scope(|scope| {
        let killer = scope.spawn(|| {
            let mut random = Random::new();
            let mut senders = Senders::start(&name, &path);
            for _ in 0..kills {
                senders.replace_one(&mut random);
            }
            senders.kill_all();
            senders
        });
        while !killer.is_finished() {
            if let Err(error) = audit.receive(random.below(4)) {
                // The last ones were killed, or the first has not come.
                assert!(matches!(error, RecvError::PeerDied { .. }), "{error}");
            }
        }
        killer.join().unwrap()
    });
    let end = loop {
        if let Err(error) = audit.receive(2) {
            break error;
        }
    };
    let RecvError::PeerDied { pid } = end else {
        panic!("{end}");
    };
    assert!(senders.killed.contains_key(&pid));
    let committed = Notes::at(&path);
    for sender in 0..senders.started {
        let (received, committed) = (audit.next_of(sender), committed.read(sender));
        let whole = (committed..=committed + BATCH).contains(&received);
        assert!(
            whole,
            "{received} of {committed} records of sender {sender}"
        );
    }
    check_repairs(&audit.repairs, &senders.killed, align);
    let counted = ring.observer().unwrap().consumer_counters().repairs;
    assert_eq!(counted, audit.repairs.len() as u64);
    assert_free_part_is_zero(&ring);
    println!(
        "alignment {align}: {} killed in {:.1?}, {} records, {} repairs, longest stall {:.1?}",
        senders.started,
        started.elapsed(),
        audit.records,
        audit.repairs.len(),
        audit.longest_stall,
    );
    // Slow machines are no reason to fail, unless somebody asks for a limit.
    let limit = Duration::from_millis(count("MAPRING_STALL", 60_000).into());
    assert!(audit.longest_stall <= limit, "longer than {limit:?}");
}

#[test]
fn producers_killed_at_any_moment_lose_nothing_committed() {
    let kills = count("MAPRING_KILLS", 400);
    // With an alignment of 8, each word of a payload stands where a header may stand.
    kill_producers(8, kills / 2);
    kill_producers(64, kills - kills / 2);
}

/// Role: receives so many records at a time, checks them and notes for each sender how many it has
/// seen.
#[test]
fn role_receive_sequences() {
    let Some(arguments) = role() else { return };
    let batch = arguments[1].parse().unwrap();
    let seen = Notes::at(Path::new(&arguments[2]));
    let ring = Options::new().open(&arguments[0]).unwrap();
    let mut consumer = ring.consumer().unwrap();
    say("attached");
    let mut audit = SuccessorsAudit::new(seen, batch);
    loop {
        consumer.wait(DEADLINE).unwrap();
        audit.drain(&mut consumer);
    }
}

/// Checks what a consumer receives that others have received before.
struct SuccessorsAudit {
    seen: Notes,
    batch: u64,
    /// How many records came again; at most a batch.
    repeated: u64,
    /// The number that each sender's next record must have.
    next: HashMap<u64, u64>,
}

impl SuccessorsAudit {
    fn new(seen: Notes, batch: u64) -> Self {
        Self {
            seen,
            batch,
            repeated: 0,
            next: HashMap::new(),
        }
    }

    fn drain(&mut self, consumer: &mut Consumer) {
        let mut bytes = Vec::new();
        let drained = consumer.drain(self.batch as usize, |record| {
            bytes.clear();
            record.append_to(&mut bytes);
            let (sender, number) = check(record.tag(), &bytes);
            self.receive(sender, number);
        });
        only_empty(drained.map(drop));
    }

    fn receive(&mut self, sender: u64, number: u64) {
        let seen = self.seen.read(sender);
        let next = *self.next.entry(sender).or_insert_with(|| number.min(seen));
        assert_eq!(number, next, "a gap or a repetition of sender {sender}");
        self.next.insert(sender, number + 1);
        if number < seen {
            self.repeated += 1;
            assert!(self.repeated <= self.batch, "more than a batch came again");
        } else {
            self.seen.write(sender, number + 1);
        }
    }
}

/// Kills consumers that receive `batch` records at a time, and their producers.
fn kill_consumers(batch: u64, kills: u32) {
    let name = Name::new(&format!("consumers-{batch}"));
    let directory = common::directory();
    let committed_path = directory.path().join("committed");
    let seen_path = directory.path().join("seen");
    let ring = options(64).create(&name).unwrap();
    let arguments = [&*name, &batch.to_string(), seen_path.to_str().unwrap()];
    let start_consumer = || {
        let consumer = Child::start("role_receive_sequences", &arguments);
        consumer.expect("attached");
        consumer
    };
    let mut random = Random::new();
    let mut senders = Senders::start(&name, &committed_path);
    let mut consumer = start_consumer();
    for _ in 0..kills {
        thread::sleep(Duration::from_micros(random.below(4000)));
        if random.below(3) == 0 {
            senders.replace_one(&mut random);
        }
        consumer.kill();
        consumer = start_consumer();
    }
    senders.kill_all();
    consumer.kill();
    // What the last one left can be received to the end.
    let mut consumer = ring.consumer().unwrap();
    let mut audit = SuccessorsAudit::new(Notes::at(&seen_path), batch);
    let end = loop {
        match consumer.wait(DEADLINE) {
            Ok(()) => audit.drain(&mut consumer),
            Err(error) => break error,
        }
    };
    assert!(matches!(end, RecvError::PeerDied { .. }), "{end}");
    let committed = Notes::at(&committed_path);
    let mut records = 0;
    for sender in 0..senders.started {
        let (seen, committed) = (audit.seen.read(sender), committed.read(sender));
        let whole = (committed..=committed + BATCH).contains(&seen);
        assert!(whole, "{seen} of {committed} records of sender {sender}");
        records += seen;
    }
    assert!(records > 0, "no consumer lived long enough to receive");
    assert_free_part_is_zero(&ring);
    println!("batches of {batch}: {kills} consumers killed, {records} records");
}

#[test]
fn consumers_killed_at_any_moment_repeat_one_batch_at_most() {
    let kills = count("MAPRING_KILLS", 200);
    kill_consumers(1, kills / 2);
    kill_consumers(7, kills - kills / 2);
}
