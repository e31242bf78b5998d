//! Threads that share one mapping, and build and use payloads in place: plain bytes, kept apart by
//! nothing but the protocol. So a race detector sees each payload, and `.ci/sanitizers` runs this
//! under the thread sanitizer; without it, this checks that the bytes are those that were sent.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::thread;
use std::time::Instant;

use mapring::generic::{Mpsc, Options, Producer, Protocol, Ring, Spsc, TrustedMapped};
use mapring::{TryRecvError, TrySendError};

use common::{DEADLINE, Name};

/// Records of each producer: so many that a small ring goes round some hundred times.
const RECORDS: u32 = 5000;

/// How long the payload of a record is.
fn len(number: u32) -> usize {
    number as usize * 37 % 500
}

fn send<P: Protocol>(mut producer: Producer<P, TrustedMapped>, sender: u32) {
    let end = Instant::now() + DEADLINE;
    for number in 0..RECORDS {
        // Sometimes given up first.
        if number.is_multiple_of(5)
            && let Ok(mut claim) = producer.try_claim(len(number))
        {
            claim.fill(0xff);
        }
        loop {
            match producer.try_claim(len(number)) {
                Ok(mut claim) => {
                    claim.fill(number as u8);
                    claim.commit(sender << 16 | number);
                    break;
                }
                Err(error) => assert_eq!(error, TrySendError::Full),
            }
            assert!(Instant::now() < end, "it stays full");
            thread::yield_now();
        }
    }
}

fn receive<P: Protocol>(ring: &Ring<P>, senders: usize) {
    // SAFETY: the only peers are the threads of this test, which follow the protocol.
    let mut consumer = unsafe { ring.consumer().unwrap().trust_peers() };
    let mut numbers = vec![0; senders];
    let end = Instant::now() + DEADLINE;
    while numbers.iter().any(|number| *number < RECORDS) {
        let drained = consumer.drain(10, |record| {
            let (sender, number) = ((record.tag() >> 16) as usize, record.tag() & 0xffff);
            assert_eq!(number, numbers[sender], "of sender {sender}");
            assert_eq!(record.len(), len(number));
            let is_whole = record.iter().all(|byte| *byte == number as u8);
            assert!(is_whole, "record {number} of sender {sender}");
            numbers[sender] += 1;
        });
        // All may have left when the last records are still there.
        if let Err(error) = drained {
            assert_eq!(error, TryRecvError::Empty);
            assert!(Instant::now() < end, "nothing comes");
            thread::yield_now();
        }
    }
}

fn stream<P: Protocol>(ring: &Ring<P>, senders: u32) {
    thread::scope(|scope| {
        scope.spawn(|| receive(ring, senders as usize));
        for sender in 0..senders {
            scope.spawn(move || {
                // SAFETY: as for the consumer.
                let producer = unsafe { ring.producer().unwrap().trust_peers() };
                send(producer, sender);
            });
        }
    });
}

#[test]
fn one_producer_and_its_consumer_never_touch_the_same_bytes_at_once() {
    let name = Name::new("one-mapping-spsc");
    let options = Options::<Spsc>::new().capacity(4096).max_payload(512);
    stream(&options.create(&name).unwrap(), 1);
}

#[test]
fn producers_and_their_consumer_never_touch_the_same_bytes_at_once() {
    let name = Name::new("one-mapping-mpsc");
    let options = Options::<Mpsc>::new().capacity(4096).max_payload(512);
    stream(&options.producers(3).create(&name).unwrap(), 3);
}
