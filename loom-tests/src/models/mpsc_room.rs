//! The ring is full, or used again: P2, P5, and stale words that must not be taken for headers (M1, M2).
//!
//! At most three preemptions, but for `last_room`, `taken_back` and `late_release`, which have no
//! bound: 11 thousand executions, 3 s.

use loom::thread;
use mapring::TrySendError;
use mapring::ring::{Gap, Produce};

use crate::model::{assert_empty, payload, receive, send, take, wait_for_record};
use crate::shared::{Step, receive_from_both, rest, step};
use crate::{Model, Setup};

/// The models of this file.
pub const ALL: &[Model] = &[
    LAST_ROOM,
    TAKEN_BACK,
    BOTH_CURSORS_MOVE,
    SECOND_LAP,
    SHORT_AFTER_LONG,
    LATE_RELEASE,
];

/// Two producers want the last room: one gets it, and the other, which does not, takes its intent back.
pub const LAST_ROOM: Model = Model {
    name: "mpsc_room::last_room",
    preemptions: None,
    deaths: 1,
    body: last_room,
};

fn last_room(setup: &Setup) {
    // Two records of 16 bytes fit, not three.
    let ring = setup.shared_ring(64, 16, 0, 2);
    send(&mut ring.producer(0), 1, 16);
    let mut consumer = ring.consumer();
    let senders = [0, 1].map(|index| {
        let ring = ring.clone();
        let mut producer = ring.producer(index);
        thread::spawn(move || {
            let tag = 2 + index as u32;
            let sent = producer.try_send(tag, &payload(tag, 16));
            if sent == Err(TrySendError::Full) {
                assert_eq!(ring.intent(index), 0, "an intent of an attempt given up");
            }
            sent
        })
    });
    // Releases nothing before the two have made their attempts.
    let header = wait_for_record(&mut consumer);
    assert_eq!(header.tag, 1);
    take(&mut consumer, &header);
    let sent = senders.map(|sender| sender.join().expect("a producer"));
    let winner = match sent {
        [Ok(()), Err(TrySendError::Full)] => 2,
        [Err(TrySendError::Full), Ok(())] => 3,
        other => panic!("{other:?}"),
    };
    consumer.release();
    receive(&mut consumer, winner, 16);
    assert_eq!(rest(&mut consumer, &ring.locks), (vec![], Step::Nothing));
}

/// A producer sends, and finds the ring full. Whoever sees that it took its intent back sees what it sent before.
pub const TAKEN_BACK: Model = Model {
    name: "mpsc_room::taken_back",
    preemptions: None,
    deaths: 1,
    body: taken_back,
};

fn taken_back(setup: &Setup) {
    let ring = setup.shared_ring(32, 8, 0, 1);
    let mut consumer = ring.consumer();
    let mut producer = ring.producer(0);
    let producer = thread::spawn(move || {
        producer.try_send(1, &payload(1, 8)).expect("room");
        let sent = producer.try_send(2, &payload(2, 8));
        assert_eq!(sent, Err(TrySendError::Full));
    });
    let consumer = thread::spawn(move || {
        let found = consumer.recover(&mut ring.locks.ask());
        let expected = matches!(found, Ok(Gap::None | Gap::Alive { index: 0 }));
        assert!(expected, "{found:?}");
        consumer
    });
    producer.join().expect("the producer");
    let mut consumer = consumer.join().expect("the consumer");
    receive(&mut consumer, 1, 8);
    assert_empty(&mut consumer);
}

/// A producer looks for room while others send and release: it may see HEAD and TAIL as they were at
/// different times, and must not take that for nonsense.
pub const BOTH_CURSORS_MOVE: Model = Model {
    name: "mpsc_room::both_cursors_move",
    preemptions: Some(3),
    deaths: 1,
    body: both_cursors_move,
};

fn both_cursors_move(setup: &Setup) {
    let ring = setup.shared_ring(32, 8, 0, 2);
    let mut observer = ring.producer(0);
    let mut producer = ring.producer(1);
    let mut consumer = ring.consumer();
    let others = [
        thread::spawn(move || {
            for tag in 1..=2 {
                send(&mut producer, tag, 8);
            }
        }),
        thread::spawn(move || {
            for tag in 1..=2 {
                receive(&mut consumer, tag, 8);
            }
        }),
    ];
    for _ in 0..2 {
        let free = observer.free().expect("a ring that is not corrupt");
        assert!(free == 8 || free == 24, "{free} bytes free");
    }
    for other in others {
        other.join().expect("another");
    }
    assert_eq!(observer.free(), Ok(24));
}

/// More records than fit, which run into the overrun area: the producers wait, and overwrite only
/// what was released.
pub const SECOND_LAP: Model = Model {
    name: "mpsc_room::second_lap",
    preemptions: Some(3),
    deaths: 1,
    body: second_lap,
};

fn second_lap(setup: &Setup) {
    let ring = setup.shared_ring(32, 8, 24, 2);
    let mut consumer = ring.consumer();
    let senders = [0, 1].map(|index| {
        let mut producer = ring.producer(index);
        thread::spawn(move || send(&mut producer, 1 + index as u32, 8))
    });
    receive_from_both(&mut consumer, senders);
}

/// A long record, whose payload looks like headers, then short ones where it was: what was
/// released is zero before somebody else may claim there.
pub const SHORT_AFTER_LONG: Model = Model {
    name: "mpsc_room::short_after_long",
    preemptions: Some(3),
    deaths: 1,
    body: short_after_long,
};

fn short_after_long(setup: &Setup) {
    let ring = setup.shared_ring(32, 16, 0, 2);
    send(&mut ring.producer(0), 1, 16);
    let mut consumer = ring.consumer();
    let senders = [0, 1].map(|index| {
        let mut producer = ring.producer(index);
        // Only once: two that wait for room together would keep loom busy for ever.
        thread::spawn(move || producer.try_send(2 + index as u32, &[]))
    });
    receive(&mut consumer, 1, 16);
    let mut steps = vec![step(&mut consumer, &ring.locks)];
    let mut sent = Vec::new();
    for (sender, tag) in senders.into_iter().zip(2..) {
        match sender.join().expect("a producer") {
            Ok(()) => sent.push(tag),
            Err(TrySendError::Full) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let (more, end) = rest(&mut consumer, &ring.locks);
    steps.extend(more);
    assert_eq!((end, consumer.position()), (Step::Nothing, ring.tail()));
    let tag = |step: &Step| match step {
        Step::Record(header) => Some(header.tag),
        _ => None,
    };
    let mut tags: Vec<_> = steps.iter().filter_map(tag).collect();
    tags.sort_unstable();
    assert_eq!(tags, sent, "{steps:?}");
}

/// A consumer that releases two records at once, of two producers, has read both.
pub const LATE_RELEASE: Model = Model {
    name: "mpsc_room::late_release",
    preemptions: None,
    deaths: 1,
    body: late_release,
};

fn late_release(setup: &Setup) {
    let ring = setup.shared_ring(64, 16, 0, 2);
    let (mut first, mut second) = (ring.producer(0), ring.producer(1));
    send(&mut first, 1, 16);
    let mut consumer = ring.consumer();
    let sender = thread::spawn(move || {
        for tag in 2..=3 {
            send(&mut second, tag, 16);
        }
    });
    for _ in 0..2 {
        let header = wait_for_record(&mut consumer);
        take(&mut consumer, &header);
    }
    consumer.release();
    receive(&mut consumer, 3, 16);
    assert_empty(&mut consumer);
    sender.join().expect("the producer");
}
