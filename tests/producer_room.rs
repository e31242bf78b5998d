//! How a producer looks for room: a blocked one is content with what it needs, and a long batch
//! does not look at HEAD for each record.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use mapring::generic::{Consumer, Mpsc, Options, Producer, Spsc};
use mapring::layout::HEAD;
use mapring::{SendError, WaitStrategy, spsc};

use common::Name;
use common::gates::Kind;
use common::mirage::Mirage;

/// A payload whose record is far less than an eighth of the ring.
const PAYLOAD: [u8; 8] = [7; 8];
/// So long the consumer lets a producer wait, which has stopped hoping for more room by then.
const LATE: Duration = Duration::from_millis(50);
/// A deadline, which who waits for more than it needs does not see before it is there.
const END: Duration = Duration::from_secs(10);
/// Far below that, and generous.
const BOUND: Duration = Duration::from_secs(5);

/// Something that waits for room for one record.
type Wait<P> = fn(&mut Producer<P>) -> Result<(), SendError>;

/// Lets the consumer of a full ring take one record, and no more, while a producer waits for room.
fn takes_what_it_needs<P: Kind>(how: &str, strategy: WaitStrategy, send: Wait<P>)
where
    Producer<P>: Send,
    Consumer<P>: Send,
{
    let name = Name::new(&format!("room-{}-{how}-{strategy:?}", P::NAME));
    let ring = Options::<P>::new().capacity(4096).create(&name).unwrap();
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    producer.set_wait_strategy(strategy);
    while producer.try_send(0, &PAYLOAD).is_ok() {}
    let (sent, took) = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(LATE);
            consumer.try_recv(&mut Vec::new()).unwrap();
        });
        let begin = Instant::now();
        (send(&mut producer), begin.elapsed())
    });
    assert_eq!(sent, Ok(()), "{how}, {strategy:?}");
    // Also one that gave up hope only at its deadline would have sent.
    assert!(took < BOUND, "{how}, {strategy:?}: {took:?}");
}

const STRATEGIES: [WaitStrategy; 3] = [
    WaitStrategy::BusySpin,
    WaitStrategy::Balanced,
    WaitStrategy::LowCpu,
];

#[test]
fn a_blocked_producer_takes_the_room_that_it_needs() {
    for strategy in STRATEGIES {
        takes_what_it_needs::<Spsc>("send", strategy, |producer| {
            producer.send(1, &PAYLOAD, END).map(drop)
        });
        takes_what_it_needs::<Spsc>("claim", strategy, |producer| {
            producer.claim(PAYLOAD.len(), END).map(drop)
        });
    }
}

#[test]
fn a_blocked_one_of_many_producers_takes_the_room_that_it_needs() {
    for strategy in STRATEGIES {
        takes_what_it_needs::<Mpsc>("send", strategy, |producer| {
            producer.send(1, &PAYLOAD, END).map(drop)
        });
        takes_what_it_needs::<Mpsc>("claim", strategy, |producer| {
            producer.claim(PAYLOAD.len(), END).map(drop)
        });
        takes_what_it_needs::<Mpsc>("batch", strategy, |producer| {
            let room = producer.record_size(PAYLOAD.len());
            producer.batch(room, END).map(drop)
        });
    }
}

/// Sends a batch of so many bytes of the ring. Returns how often HEAD was loaded.
fn looks_at_head(bytes: usize) -> usize {
    let name = Name::new(&format!("looks-{bytes}"));
    let ring = spsc::Options::new()
        .capacity(1 << 20)
        .create(&name)
        .unwrap();
    let mut consumer = ring.consumer().unwrap();
    let loads = Rc::new(Cell::new(0));
    let seen = Rc::clone(&loads);
    let mut producer = ring.producer().unwrap().with_memory(|memory| {
        Mirage::showing(memory, move |word, found| {
            seen.set(seen.get() + usize::from(word == HEAD));
            found
        })
    });
    let count = bytes / producer.record_size(PAYLOAD.len());
    let mut batch = producer.batch().unwrap();
    for _ in 0..count {
        batch.push(0, &PAYLOAD).unwrap();
    }
    batch.publish();
    // The next one is a single record, and looks no more often either.
    for _ in 0..count {
        producer.try_send(0, &PAYLOAD).unwrap();
    }
    let mut received = 0;
    while let Ok(drained) = consumer.drain(usize::MAX, |_| ()) {
        received += drained;
    }
    assert_eq!(received, 2 * count);
    loads.get()
}

#[test]
fn a_long_batch_does_not_look_at_head_for_each_record() {
    for bytes in [8 << 10, 64 << 10, 250 << 10] {
        let loads = looks_at_head(bytes);
        println!("{bytes} bytes: {loads} loads");
        // Twice as many bytes go through, in records of 16.
        assert!(
            loads <= 2 * bytes / 4096 + 4,
            "{bytes} bytes: {loads} loads"
        );
    }
}
