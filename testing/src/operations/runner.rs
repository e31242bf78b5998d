//! Carries operations out on a ring and on the oracle at once, and compares.

use std::sync::atomic::Ordering::Relaxed;

use mapring::TrySendError;
use mapring::layout::{self, Fences, Geometry, WORD, Wakeups};
use mapring::memory::Memory;
use mapring::ring::attach::{self, Identity};
use mapring::ring::participant::Counters;
use mapring::ring::spsc::{Consumer, Producer};
use mapring::ring::{Position, Produce, RecordHeader};

use crate::Mortal;
use crate::oracle::{Oracle, Record, payload};

use super::filling::{Filling, leak, record, write_in_pieces};
use super::{End, Message, Operation, Part, Tally};

/// The most records of one [`Operation::Stream`], more than two looks at the consumer apart.
const LONGEST_STREAM: u16 = 600;
/// Longest payload of a stream, in bytes.
const LONGEST_IN_STREAM: usize = 63;
/// Words that a producer stores besides its records: cursors, counters, the zero window.
const OTHER_STORES: usize = 24;

pub(super) struct Runner<M: Memory + Clone> {
    geometry: Geometry,
    memory: M,
    identity: Identity,
    oracle: Oracle,
    /// What the producer writes to, to be cut off from.
    producers_memory: Mortal<M>,
    producer: Producer<Mortal<M>>,
    consumer: Consumer<M>,
    /// What the producer must have counted.
    counted: Counters,
    tally: Tally,
}

impl<M: Memory + Clone> Runner<M> {
    pub(super) fn new(geometry: Geometry, start: Position, memory: M) -> Self {
        let identity = Identity {
            geometry,
            persistent: false,
            generation: 7,
            wakeups: Wakeups::None,
            fences: Fences::Symmetric,
        };
        for offset in (geometry.data().offset()..geometry.total_size()).step_by(WORD) {
            memory.store(layout::Word::at(offset), stale(&geometry, offset), Relaxed);
        }
        memory.store(start.word(&geometry), 0, Relaxed);
        attach::initialise(&memory, &identity, start);
        let producers_memory = Mortal::new(memory.clone());
        let producer = Producer::attach(producers_memory.clone(), geometry);
        let consumer = Consumer::attach(memory.clone(), geometry);
        Self {
            geometry,
            identity,
            oracle: Oracle::new(geometry, start),
            producer: producer.expect("a new ring"),
            consumer: consumer.expect("a new ring"),
            memory,
            producers_memory,
            counted: Counters::default(),
            tally: Tally::default(),
        }
    }

    pub(super) fn perform(&mut self, operation: &Operation) {
        match operation {
            Operation::Send(message) => self.send(self.record(message)),
            Operation::Claim { message, end } => self.claim(self.record(message), *end),
            Operation::Batch { parts, end } => self.batch(parts, *end),
            Operation::Stream {
                count,
                len,
                waiting,
            } => self.stream(*count, *len, usize::from(*waiting)),
            Operation::Receive { room } => self.receive(usize::from(*room)),
            Operation::Drain {
                limit,
                release_every,
            } => self.drain_at_once(usize::from(*limit), usize::from(*release_every)),
            Operation::Advance => self.drain_without_release(1),
            Operation::Release => self.release(),
            Operation::Look => self.look(),
            Operation::ReplaceProducer => self.replace_producer(),
            Operation::KillProducer { messages, stores } => {
                self.kill_producer(messages, usize::from(*stores));
            }
            Operation::ReplaceConsumer => {
                self.consumer =
                    Consumer::attach(self.memory.clone(), self.geometry).expect("a good HEAD");
                self.oracle.replace_consumer();
            }
        }
    }

    /// What must be true between any two operations.
    pub(super) fn check(&mut self) {
        let oracle = &self.oracle;
        assert_eq!(self.producer.position(), oracle.tail(), "tail");
        assert_eq!(self.consumer.position(), oracle.head(), "head");
        assert_eq!(self.consumer.unreleased(), oracle.unreleased());
        assert_eq!(self.consumer.waiting(), oracle.waiting());
        let shared = |cursor| Position(self.memory.load(cursor, Relaxed));
        assert_eq!(shared(layout::TAIL), oracle.tail(), "TAIL");
        assert_eq!(shared(layout::HEAD), oracle.released(), "HEAD");
        self.nothing_at_the_tail();
        let next = oracle.next().map(|record| RecordHeader {
            tag: record.tag,
            len: record.payload.len(),
        });
        assert_eq!(self.consumer.peek(), Ok(next));
    }

    /// Drains the ring, and looks at what nobody may have changed.
    pub(super) fn finish(mut self) -> Tally {
        self.drain(usize::MAX);
        self.check();
        assert_eq!(self.oracle.waiting(), 0, "everything was drained");
        self.counters_are_right();
        let found = attach::read(&self.memory, Geometry::of_any_capacity);
        assert_eq!(found, Ok(self.identity));
        // Behind the longest record that starts at the ring's last index.
        let geometry = &self.geometry;
        let end_of_ring = geometry.data().offset() + geometry.capacity();
        let untouched = end_of_ring + geometry.record_size(geometry.max_payload());
        for offset in (untouched..geometry.total_size()).step_by(WORD) {
            let found = self.memory.load(layout::Word::at(offset), Relaxed);
            assert_eq!(found, stale(geometry, offset), "overrun area, {offset:#x}");
        }
        self.tally
    }

    fn send(&mut self, record: Record) {
        let expected = self.oracle.room_for(record.payload.len(), 0);
        let found = self.producer.try_send(record.tag, &record.payload);
        assert_eq!(found, expected, "send of {} bytes", record.payload.len());
        match expected {
            Ok(()) => self.sent(vec![record]),
            Err(error) => self.refused(error),
        }
    }

    fn claim(&mut self, record: Record, end: End) {
        let len = record.payload.len();
        let expected = self.oracle.room_for(len, 0);
        if let Err(error) = expected {
            let found = self.producer.try_claim(len).map(drop);
            assert_eq!(found, expected, "claim of {len} bytes");
            return self.refused(error);
        }
        let mut claim = self.producer.try_claim(len).expect("room");
        assert_eq!(claim.len(), len);
        write_in_pieces(&record.payload, |offset, bytes| claim.write(offset, bytes));
        let tail = self.oracle.tail().word(&self.geometry);
        assert_eq!(self.memory.load(tail, Relaxed), 0, "not committed yet");
        match end {
            End::Commit => {
                claim.commit(record.tag);
                self.sent(vec![record]);
            }
            End::Abort => drop(claim),
            End::Forget => leak(claim),
        }
    }

    fn batch(&mut self, parts: &[Part], end: End) {
        let (records, refusals) = {
            let mut filling = Filling::new(self.producer.batch(), &self.oracle);
            for part in parts {
                filling.add(part, &self.geometry);
            }
            let tail = self.oracle.tail().word(&self.geometry);
            assert_eq!(self.memory.load(tail, Relaxed), 0, "not published yet");
            let Filling {
                batch,
                records,
                refusals,
                ..
            } = filling;
            assert_eq!(batch.len(), records.len());
            assert_eq!(batch.is_empty(), records.is_empty());
            match end {
                End::Commit => batch.publish(),
                End::Abort => drop(batch),
                End::Forget => leak(batch),
            }
            (records, refusals)
        };
        for error in refusals {
            self.refused(error);
        }
        if end == End::Commit {
            self.sent(records);
        }
    }

    fn stream(&mut self, count: u16, len: u8, waiting: usize) {
        let longest = LONGEST_IN_STREAM.min(self.geometry.max_payload());
        let len = usize::from(len) % (longest + 1);
        for tag in 0..count % (LONGEST_STREAM + 1) {
            self.send(Record {
                tag: u32::from(tag),
                payload: payload(len, tag as u8),
            });
            if self.oracle.unread() > waiting {
                self.drain(1);
            }
        }
    }

    fn receive(&mut self, room: usize) {
        let Some(expected) = self.oracle.next() else {
            return assert_eq!(self.consumer.peek(), Ok(None));
        };
        if expected.payload.len() <= room {
            return self.drain(1);
        }
        // As `recv` does with a buffer that is too small: it looks, and leaves it.
        let header = self.peek();
        let mut found = vec![0; room];
        self.consumer.read(&header, &mut found);
        assert_eq!(found, self.oracle.next().expect("peeked").payload[..room]);
    }

    fn drain(&mut self, limit: usize) {
        self.drain_without_release(limit);
        self.release();
    }

    /// The consumer's own way; [`Runner::drain`] is that of somebody who takes records singly.
    fn drain_at_once(&mut self, limit: usize, release_every: usize) {
        let expected = self.oracle.unread().min(limit);
        let (oracle, memory) = (&mut self.oracle, &self.memory);
        let mut buffer = vec![0; self.geometry.max_payload()];
        let mut is_first = true;
        let count = self.consumer.drain_while(limit, release_every, |record| {
            // After a record, not before the first: what was gone past earlier stays until then.
            if !is_first && oracle.unreleased() >= release_every {
                oracle.release();
            }
            is_first = false;
            let head = memory.load(layout::HEAD, Relaxed);
            assert_eq!(Position(head), oracle.released(), "HEAD in a drain");
            let sent = oracle.next().expect("no more than was sent");
            let header = record.header();
            assert_eq!(record.position(), oracle.head());
            assert_eq!((header.tag, header.len), (sent.tag, sent.payload.len()));
            record.read(&mut buffer);
            assert!(buffer[..header.len] == sent.payload, "payload differs");
            oracle.advance();
            true
        });
        assert_eq!(count, expected);
        self.oracle.release();
        self.tally.received += count as u64;
    }

    fn drain_without_release(&mut self, limit: usize) {
        for _ in 0..limit {
            let Some(expected) = self.oracle.next() else {
                break;
            };
            let header = self.consumer.peek().expect("no corruption");
            let header = header.expect("a record");
            // More room than needed: no more than the payload may be touched.
            let mut found = vec![0xee; header.len + 3];
            self.consumer.read(&header, &mut found);
            assert_eq!(header.tag, expected.tag);
            assert!(found[..header.len] == expected.payload, "payload differs");
            assert_eq!(found[header.len..], [0xee; 3]);
            self.consumer.advance(&header);
            self.oracle.advance();
            self.tally.received += 1;
        }
    }

    fn release(&mut self) {
        self.consumer.release();
        self.oracle.release();
    }

    fn look(&mut self) {
        assert_eq!(self.producer.free(), Ok(self.oracle.free()));
        let (released, tail) = (self.oracle.released(), self.oracle.tail());
        assert_eq!(self.producer.is_released(released), Ok(true));
        assert_eq!(self.producer.is_released(tail), Ok(released == tail));
    }

    fn replace_producer(&mut self) {
        self.counters_are_right();
        self.attach_producer();
    }

    /// What the killed producer was sending is there as a whole, or not at all.
    fn kill_producer(&mut self, messages: &[Message], stores: usize) {
        let mut pending = 0;
        let mut records = Vec::new();
        for message in messages {
            let record = self.record(message);
            if self.oracle.room_for(record.payload.len(), pending).is_ok() {
                pending += self.oracle.size(record.payload.len());
                records.push(record);
            }
        }
        let most = pending / WORD + OTHER_STORES;
        self.producers_memory.die_after(stores % (most + 1));
        match records.as_slice() {
            [record] => self.producer.try_send(record.tag, &record.payload),
            several => {
                let mut batch = self.producer.batch();
                for record in several {
                    batch.push(record.tag, &record.payload).expect("room");
                }
                batch.publish();
                Ok(())
            }
        }
        .expect("room");
        // The consumer may see it before there is a successor.
        let published = self
            .memory
            .load(self.oracle.tail().word(&self.geometry), Relaxed)
            != 0;
        if published {
            self.oracle.send(records.iter().cloned());
            self.tally.sent += records.len() as u64;
            self.tally.killed_after += 1;
        } else if !records.is_empty() {
            self.tally.killed_before += 1;
        }
        let first = self.oracle.next().map(|record| record.tag);
        let found = self.consumer.peek().expect("no corruption");
        assert_eq!(found.map(|header| header.tag), first);

        self.attach_producer();
        // Counters lag when somebody dies.
        self.counted = Counters::load(&self.memory, self.geometry.producer_slot(0));
    }

    fn attach_producer(&mut self) {
        self.producers_memory = Mortal::new(self.memory.clone());
        self.producer = Producer::attach(self.producers_memory.clone(), self.geometry)
            .expect("a ring that a producer left behind");
    }

    fn sent(&mut self, records: Vec<Record>) {
        for record in &records {
            self.counted.records += 1;
            self.counted.bytes += self.oracle.size(record.payload.len()) as u64;
            self.tally.sent += 1;
        }
        self.oracle.send(records);
    }

    fn refused(&mut self, error: TrySendError) {
        if error == TrySendError::Full {
            self.counted.stalls += 1;
            self.tally.full += 1;
        }
    }

    fn counters_are_right(&mut self) {
        self.producer.show_counters();
        let slot = self.geometry.producer_slot(0);
        assert_eq!(Counters::load(&self.memory, slot), self.counted);
    }

    /// So that nobody takes what lies there for a record.
    fn nothing_at_the_tail(&self) {
        let tail = self.oracle.tail().word(&self.geometry);
        assert_eq!(self.memory.load(tail, Relaxed), 0, "the header at the tail");
    }

    fn peek(&mut self) -> RecordHeader {
        let header = self.consumer.peek().expect("no corruption");
        header.expect("a record")
    }

    fn record(&self, message: &Message) -> Record {
        record(message, &self.geometry)
    }
}

/// What lies in a ring from an earlier lap: here, the header of a record that it could hold.
fn stale(geometry: &Geometry, offset: usize) -> u64 {
    RecordHeader {
        tag: 0x57a1_e000,
        len: offset % (geometry.max_payload() + 1),
    }
    .to_word()
}
