//! A peer that writes what it likes into the slots of the participants and into TAIL, through
//! the region's file: a state that cannot be is `Corrupt`, and the rest misleads nobody.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(
    clippy::disallowed_types,
    reason = "a flag between two threads of a test"
)]

mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

use mapring::layout::{self, Word};
use mapring::{AttachError, Corrupt, Peer, RecvError, Role, SendError, TryRecvError, TrySendError};
use memmap2::MmapRaw;

use common::DEADLINE;
use common::target::{
    CAPACITY, Target, assert_consumer_is_over, assert_producer_is_over, geometry,
};

fn producer_state() -> Word {
    geometry().producer_slot(0).plus(layout::SLOT_STATE)
}

fn consumer_state() -> Word {
    layout::CONSUMER_SLOT.plus(layout::SLOT_STATE)
}

#[test]
fn a_state_that_does_not_exist_is_corrupt() {
    for state in [3, 77, u64::MAX] {
        let target = Target::new("state");
        let mut producer = target.ring.producer().unwrap();
        let mut consumer = target.ring.consumer().unwrap();
        while producer.try_send(0, &[7; 200]).is_ok() {}
        target.poke(producer_state(), state);
        target.poke(consumer_state(), state);
        let of = |role| Corrupt::State { role, state };

        let expected = of(Role::Producer);
        assert_eq!(target.ring.observer().unwrap().producer(), Err(expected));
        // What was sent before is handed out first.
        let drained = consumer.drain(100, |_| {});
        assert!(drained.is_ok_and(|count| count > 0), "{drained:?}");
        let received = consumer.try_recv(&mut [0; 8]);
        assert_eq!(received, Err(TryRecvError::Corrupt(expected)));
        // The role is held; its slot does not say by whom.
        let taken = target.ring.producer().map(drop);
        let corrupt = matches!(taken, Err(AttachError::Corrupt(found)) if found == expected);
        assert!(corrupt, "{taken:?}");

        let expected = of(Role::Consumer);
        assert_eq!(target.ring.observer().unwrap().consumer(), Err(expected));
        while producer.try_send(0, &[7; 200]).is_ok() {}
        let sent = producer.send(0, &[7; 200], DEADLINE);
        assert_eq!(sent, Err(SendError::Corrupt(expected)));
    }
}

#[test]
fn a_corrupt_state_is_terminal() {
    let expected = |role| Corrupt::State { role, state: 77 };
    // Whichever call of the consumer comes by it first.
    for first in 0..4 {
        let target = Target::new("state-consumer");
        let _producer = target.ring.producer().unwrap();
        let mut consumer = target.ring.consumer().unwrap();
        target.poke(producer_state(), 77);
        let expected = expected(Role::Producer);
        let found = TryRecvError::Corrupt(expected);
        match first {
            0 => assert_eq!(consumer.try_recv(&mut [0; 8]), Err(found)),
            1 => assert_eq!(consumer.drain(1, |_| {}), Err(found)),
            2 => assert_eq!(consumer.producer(), Err(found)),
            _ => {
                let waited = consumer.wait(DEADLINE);
                assert_eq!(waited, Err(RecvError::Corrupt(expected)));
            }
        }
        // Also when the peer thinks better of it, as `Corrupt` promises.
        target.poke(producer_state(), 1);
        assert_consumer_is_over(&target, &mut consumer, expected);
    }
    for first in 0..2 {
        let target = Target::new("state-producer");
        let mut producer = target.ring.producer().unwrap();
        let _consumer = target.ring.consumer().unwrap();
        producer.try_send(0, &[7; 200]).unwrap();
        target.poke(consumer_state(), 77);
        let expected = expected(Role::Consumer);
        if first == 0 {
            let found = Err(TrySendError::Corrupt(expected));
            assert_eq!(producer.consumer(), found);
        } else {
            let flushed = producer.flush(DEADLINE);
            assert_eq!(flushed, Err(SendError::Corrupt(expected)));
        }
        target.poke(consumer_state(), 1);
        assert_producer_is_over(&target, &mut producer, expected);
    }
}

#[test]
fn forged_slots_and_tails_mislead_nobody_but_observers() {
    let target = Target::new("slots");
    let mut producer = target.ring.producer().unwrap();
    let mut consumer = target.ring.consumer().unwrap();
    for (tag, tail) in [0, 4, 1 << 50, u64::MAX].into_iter().enumerate() {
        producer.try_send(tag as u32, &[7; 8]).unwrap();
        target.poke(layout::TAIL, tail);
        let capacity = CAPACITY as usize;
        assert!(consumer.len().unwrap() <= capacity);
        assert!(target.ring.observer().unwrap().len() <= capacity);
        let received = consumer.try_recv(&mut [0; 8]).unwrap();
        assert_eq!(received.tag, tag as u32);
    }
    // A pid is a number to show; whether there is somebody is the kernel's to say.
    let slot = geometry().producer_slot(0);
    target.poke(slot.plus(layout::SLOT_PID), 1);
    assert_eq!(consumer.producer(), Ok(Peer::Attached { pid: 1 }));
    // "Left" while it is there: its consumer is told so, and no more.
    target.poke(slot.plus(layout::SLOT_STATE), 2);
    let received = consumer.try_recv(&mut [0; 8]);
    assert_eq!(received, Err(TryRecvError::Disconnected));
    producer.try_send(1, &[7; 8]).unwrap();
    assert_eq!(consumer.try_recv(&mut [0; 8]).unwrap().tag, 1);
}

#[test]
fn a_slot_that_never_stays_the_same_holds_nobody() {
    let Some((here, there)) = mapring_limits::two_cores().unwrap() else {
        println!("not run: on one core nothing changes between two looks");
        return;
    };
    let target = Target::new("restless");
    let mut consumer = target.ring.consumer().unwrap();
    let slot = geometry().producer_slot(0);
    // Attached, but nobody holds the lock; and another process each time that it is looked at.
    target.poke(producer_state(), 1);
    let memory = MmapRaw::map_raw(&target.file).unwrap();
    let at = memory
        .as_mut_ptr()
        .wrapping_add(slot.plus(layout::SLOT_PID).offset());
    // SAFETY: aligned, for it is a word of a page-aligned mapping, and within it; the mapping
    // outlives the scope below, and others access the word atomically.
    let pid = unsafe { AtomicU64::from_ptr(at.cast()) };
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        // On a busy machine the two might share a core for long.
        scope.spawn(|| {
            mapring_limits::pin(there).unwrap();
            while !over.load(Relaxed) {
                pid.fetch_add(1, Relaxed);
            }
        });
        // A look that goes on until the slot stays the same ends with a death, some time. One that
        // gives up says that somebody is there; on two cores that is the rule.
        let looks = scope.spawn(|| {
            mapring_limits::pin(here).unwrap();
            let end = Instant::now() + DEADLINE;
            let mut seen = consumer.producer();
            while matches!(seen, Ok(Peer::Died { .. })) && Instant::now() < end {
                seen = consumer.producer();
            }
            seen
        });
        let seen = looks.join().unwrap();
        over.store(true, Relaxed);
        assert!(
            matches!(seen, Ok(Peer::Attached { .. })),
            "every look went on to the end: {seen:?}"
        );
    });
}
