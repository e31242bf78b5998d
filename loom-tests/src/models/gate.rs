//! Sleeping and waking: G1 to G6.
//!
//! A wake that is lost leaves a thread asleep for ever, which loom reports as a deadlock.
//! Who waits here is about to sleep at once; what real endpoints do before that only looks.
//! The models of three threads have at most two or three preemptions, `both_sleep` four, the others
//! have no bound: 50 thousand executions, 25 s.

use std::sync::atomic::Ordering::Relaxed;

use loom::thread;
use mapring::Role;
use mapring::layout::{self, Fences};
use mapring::memory::{Memory, ReadMemory};
use mapring::ring::gate::Gate;
use mapring::ring::participant::{self, State};
use mapring::ring::{Position, Produce};

use crate::model::{ModelMemory, assert_empty, attached, payload, take};
use crate::sleeping::{Bed, Bell, RECORD, WORDS, assert_wakes_are_few};
use crate::{Futex, Model, Setup, until_death};

/// The models of this file.
pub const ALL: &[Model] = &[
    ONE_RECORD,
    TWO_RECORDS,
    ROOM,
    MUCH_ROOM,
    BOTH_SLEEP,
    TWO_WAKERS,
    TWO_SLEEPERS,
    TWO_WISHES,
    TIMES_OUT,
    WAKER_DIES,
    RELEASER_DIES,
    LEAVES,
    LEAVES_TWO,
];

/// The consumer sleeps until a record is there.
pub const ONE_RECORD: Model = Model {
    name: "gate::one_record",
    preemptions: None,
    deaths: 1,
    body: |setup| records(setup, 1),
};

/// The consumer sleeps for the next record as well.
pub const TWO_RECORDS: Model = Model {
    name: "gate::two_records",
    preemptions: None,
    deaths: 1,
    body: |setup| records(setup, 2),
};

fn records(setup: &Setup, count: u32) {
    let ring = setup.ring_with(64, 8, 0, WORDS);
    let futex = Futex::new();
    let mut consumer = ring.consumer();
    let bed = Bed::new(Gate::Data, &ring.memory, &futex);
    let mut bell = Bell::new(Gate::Data, &ring.memory, &futex);
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        for tag in 1..=count {
            bell.send(&mut producer, tag);
        }
    });
    for tag in 1..=count {
        assert_eq!(bed.wait_for_record(&mut consumer).tag, tag);
    }
    assert_empty(&mut consumer);
    producer.join().expect("the producer");
    assert_wakes_are_few(&futex);
}

/// The producer sleeps until there is room for a record.
pub const ROOM: Model = Model {
    name: "gate::room",
    preemptions: None,
    deaths: 1,
    body: |setup| room(setup, RECORD),
};

/// The producer sleeps until there is room for two records, which the consumer releases one by one.
pub const MUCH_ROOM: Model = Model {
    name: "gate::much_room",
    preemptions: None,
    deaths: 1,
    body: |setup| room(setup, 2 * RECORD),
};

fn room(setup: &Setup, bytes: usize) {
    // Three records fit, and half of one.
    let ring = setup.ring_with(64, 8, 0, WORDS);
    let futex = Futex::new();
    let (mut producer, mut consumer) = (ring.producer(), ring.consumer());
    for tag in 1..=3 {
        producer.try_send(tag, &payload(tag, 8)).expect("room");
    }
    let mut bell = Bell::new(Gate::Space, &ring.memory, &futex);
    let consumer = thread::spawn(move || {
        for _ in 0..2 {
            let header = attached(consumer.peek()).expect("a record");
            take(&mut consumer, &header);
            bell.release(&mut consumer);
        }
        consumer
    });
    Bed::new(Gate::Space, &ring.memory, &futex).wait_for_room(&mut producer, bytes);
    for tag in 1..=bytes / RECORD {
        let payload = payload(tag as u32, 8);
        producer.try_send(tag as u32, &payload).expect("room");
    }
    consumer.join().expect("the consumer");
    assert_wakes_are_few(&futex);
}

/// The ring is full, and then empty: both sides sleep, and wake each other.
pub const BOTH_SLEEP: Model = Model {
    name: "gate::both_sleep",
    preemptions: Some(4),
    deaths: 1,
    body: both_sleep,
};

fn both_sleep(setup: &Setup) {
    const RECORDS: u32 = 2;
    // One record fits.
    let ring = setup.ring_with(32, 8, 0, WORDS);
    let futex = Futex::new();
    let mut consumer = ring.consumer();
    let mut released = Bell::new(Gate::Space, &ring.memory, &futex);
    let for_data = Bed::new(Gate::Data, &ring.memory, &futex);
    let mut sent = Bell::new(Gate::Data, &ring.memory, &futex);
    let for_space = Bed::new(Gate::Space, &ring.memory, &futex);
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        for tag in 1..=RECORDS {
            for_space.wait_for_room(&mut producer, RECORD);
            sent.send(&mut producer, tag);
        }
    });
    for tag in 1..=RECORDS {
        assert_eq!(for_data.wait_for_record(&mut consumer).tag, tag);
        released.release(&mut consumer);
    }
    producer.join().expect("the producer");
    assert_wakes_are_few(&futex);
}

/// Two producers, each of which sends a record to one consumer that sleeps: there is one wake at
/// most for each sleep.
pub const TWO_WAKERS: Model = Model {
    name: "gate::two_wakers",
    preemptions: Some(3),
    deaths: 1,
    body: two_wakers,
};

fn two_wakers(setup: &Setup) {
    let ring = setup.shared_ring_with(64, 8, 0, 2, WORDS);
    let futex = Futex::new();
    let mut consumer = ring.consumer();
    let bed = Bed::new(Gate::Data, &ring.memory, &futex);
    let senders = [0, 1].map(|index| {
        let mut producer = ring.producer(index);
        let mut bell = Bell::new(Gate::Data, &ring.memory, &futex);
        thread::spawn(move || bell.send(&mut producer, 1 + index as u32))
    });
    let mut tags = [(); 2].map(|()| bed.wait_for_record(&mut consumer).tag);
    tags.sort_unstable();
    assert_eq!(tags, [1, 2]);
    for sender in senders {
        sender.join().expect("a producer");
    }
    assert_wakes_are_few(&futex);
}

/// Two producers sleep for room, one for more than the other.
pub const TWO_SLEEPERS: Model = Model {
    name: "gate::two_sleepers",
    preemptions: Some(2),
    deaths: 1,
    body: two_sleepers,
};

fn two_sleepers(setup: &Setup) {
    // Three records fit, and half of one.
    let ring = setup.shared_ring_with(64, 8, 0, 2, WORDS);
    let futex = Futex::new();
    let mut consumer = ring.consumer();
    for (index, tag) in [(0, 1), (1, 2), (0, 3)] {
        let sent = ring.producer(index).try_send(tag, &payload(tag, 8));
        sent.expect("room");
    }
    let mut bell = Bell::new(Gate::Space, &ring.memory, &futex);
    // They only look: who took the room would make the other wait on.
    let sleepers = [0, 1].map(|index| {
        let mut producer = ring.producer(index);
        let bed = Bed::new(Gate::Space, &ring.memory, &futex);
        thread::spawn(move || bed.wait_for_room(&mut producer, (1 + index) * RECORD))
    });
    for _ in 0..2 {
        let header = attached(consumer.peek()).expect("a record");
        take(&mut consumer, &header);
        bell.release(&mut consumer);
    }
    for sleeper in sleepers {
        sleeper.join().expect("a producer");
    }
    assert_wakes_are_few(&futex);
}

/// A producer sleeps for little, and then is about to sleep for much; meanwhile another sleeps for
/// something in between, which must not rely on the wish that the first one had before.
pub const TWO_WISHES: Model = Model {
    name: "gate::two_wishes",
    preemptions: Some(3),
    deaths: 1,
    body: two_wishes,
};

fn two_wishes(setup: &Setup) {
    let ring = setup.shared_ring_with(64, 8, 0, 2, WORDS);
    let futex = Futex::new();
    let mut bell = Bell::new(Gate::Space, &ring.memory, &futex);
    let bed = Bed::new(Gate::Space, &ring.memory, &futex);
    let [little, more, much] = [8, 16, 64].map(Position);
    let has_come = |memory: &ModelMemory, wanted: Position| {
        let head = Position(memory.load(layout::HEAD, Relaxed));
        (!wanted.is_after(head)).then_some(())
    };
    let (bed_of_first, memory) = (futex.clone(), ring.memory.clone());
    let first = thread::spawn(move || {
        let park = |wanted| Gate::Space.park(&memory, Fences::Symmetric, wanted);
        let ticket = park(little);
        if has_come(&memory, little).is_none() {
            bed_of_first.sleep(&memory, ticket);
        }
        // Its time is over at once.
        let _not_slept = park(much);
    });
    let (second, memory) = (bed, ring.memory.clone());
    let second = thread::spawn(move || second.wait(more, || has_come(&memory, more)));
    for head in [little, more] {
        ring.memory.store(layout::HEAD, head.0, Relaxed);
        bell.ring(&ring.memory, head);
    }
    first.join().expect("a producer");
    second.join().expect("a producer");
}

/// A consumer that stops sleeping by itself, and is about to sleep again. When it stopped makes no
/// difference to anybody, so it stops at once.
pub const TIMES_OUT: Model = Model {
    name: "gate::times_out",
    preemptions: None,
    deaths: 1,
    body: times_out,
};

fn times_out(setup: &Setup) {
    let ring = setup.ring_with(64, 8, 0, WORDS);
    let futex = Futex::new();
    let mut consumer = ring.consumer();
    let bed = Bed::new(Gate::Data, &ring.memory, &futex);
    let mut bell = Bell::new(Gate::Data, &ring.memory, &futex);
    let memory = ring.memory.clone();
    let producer = thread::spawn(move || bell.send(&mut ring.producer(), 1));
    futex.count_park();
    let _not_slept = Gate::Data.park(&memory, Fences::Symmetric, consumer.position());
    assert_eq!(bed.wait_for_record(&mut consumer).tag, 1);
    producer.join().expect("the producer");
    assert_wakes_are_few(&futex);
}

/// A producer dies behind its record: before it has answered the sleep, and before it wakes the
/// sleeper. The consumer finds the record when its time is over.
pub const WAKER_DIES: Model = Model {
    name: "gate::waker_dies",
    preemptions: None,
    deaths: 3,
    body: waker_dies,
};

fn waker_dies(setup: &Setup) {
    let ring = setup.ring_with(64, 8, 0, WORDS);
    let futex = Futex::new();
    let mut consumer = ring.consumer();
    let bed = Bed::new(Gate::Data, &ring.memory, &futex);
    let mut bell = Bell::new(Gate::Data, &ring.memory, &futex);
    let (setup, clock) = (setup.clone(), futex.clone());
    let producer = thread::spawn(move || {
        let mut producer = ring.producer();
        producer.try_send(1, &payload(1, 8)).expect("room");
        let dying = setup.dying(&ring);
        let word = until_death(|| bell.answer(&dying, Position(0))).flatten();
        match word {
            Some(word) if setup.lives() => clock.wake(word),
            _ if setup.lives() => {}
            _ => clock.let_time_pass(),
        }
    });
    assert_eq!(bed.wait_for_record(&mut consumer).tag, 1);
    producer.join().expect("the producer");
}

/// A consumer dies behind a release: before it has cleared what is wanted, before it has answered,
/// and before it wakes the sleeper. The producer finds the room when its time is over.
pub const RELEASER_DIES: Model = Model {
    name: "gate::releaser_dies",
    preemptions: None,
    deaths: 4,
    body: releaser_dies,
};

fn releaser_dies(setup: &Setup) {
    let ring = setup.ring_with(32, 8, 0, WORDS);
    let futex = Futex::new();
    let (mut producer, mut consumer) = (ring.producer(), ring.consumer());
    producer.try_send(1, &payload(1, 8)).expect("room");
    let mut bell = Bell::new(Gate::Space, &ring.memory, &futex);
    let bed = Bed::new(Gate::Space, &ring.memory, &futex);
    let (setup, clock) = (setup.clone(), futex.clone());
    let consumer = thread::spawn(move || {
        let header = attached(consumer.peek()).expect("a record");
        take(&mut consumer, &header);
        consumer.release();
        let dying = setup.dying(&ring);
        let word = until_death(|| bell.answer(&dying, consumer.position())).flatten();
        match word {
            Some(word) if setup.lives() => clock.wake(word),
            _ if setup.lives() => {}
            _ => clock.let_time_pass(),
        }
    });
    bed.wait_for_room(&mut producer, RECORD);
    consumer.join().expect("the consumer");
}

/// The consumer leaves without having released anything: the producer that sleeps sees it.
pub const LEAVES: Model = Model {
    name: "gate::leaves",
    preemptions: None,
    deaths: 1,
    body: |setup| leaves(setup, 1),
};

/// The same, with two producers that sleep.
pub const LEAVES_TWO: Model = Model {
    name: "gate::leaves_two",
    preemptions: Some(2),
    deaths: 1,
    body: |setup| leaves(setup, 2),
};

fn leaves(setup: &Setup, producers: usize) {
    let ring = setup.shared_ring_with(32, 8, 0, 2, WORDS);
    let futex = Futex::new();
    let slot = layout::CONSUMER_SLOT;
    participant::attach(&ring.memory, slot, 42);
    let sent = ring.producer(0).try_send(1, &payload(1, 8));
    sent.expect("room");
    let mut bell = Bell::new(Gate::Space, &ring.memory, &futex);
    let sleepers = Vec::from_iter((0..producers).map(|index| {
        let ring = ring.clone();
        let mut producer = ring.producer(index);
        let bed = Bed::new(Gate::Space, &ring.memory, &futex);
        thread::spawn(move || {
            let wanted = producer.head_wanted(RECORD);
            bed.wait(wanted, || {
                assert_eq!(producer.has_room(RECORD), Ok(false));
                let state = participant::look(&ring.memory, slot, Role::Consumer);
                (state == Ok(State::Left)).then_some(())
            });
        })
    }));
    let leaver = thread::spawn(move || {
        participant::detach(&ring.memory, slot);
        bell.ring_for_all(&ring.memory);
    });
    leaver.join().expect("the consumer");
    for sleeper in sleepers {
        sleeper.join().expect("a producer");
    }
    assert_wakes_are_few(&futex);
}
