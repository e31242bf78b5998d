//! Calls that do not get what they want, but do something that others sleep for: those are woken.
//!
//! A call that fails may first abort a claim that was leaked, behind which records of others wait;
//! one that receives nothing may first go past claims that were given up, and so make room.
//!
//! That somebody was woken, and did not find out by itself when its sleep was over, it tells by its
//! counter of late wakes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::mem;
use std::thread;
use std::time::Duration;

use mapring::layout::{PRESENCE, PRODUCER_SLOTS, SLOT_INTENT, SLOT_STATE, TAIL, Word};
use mapring::mpsc::{Consumer, Producer};
use mapring::{RecvError, SendError, TryRecvError, TrySendError};
use rustix::time::{ClockId, Timespec, clock_gettime};

use common::DEADLINE;
use common::gates::Gates;
use common::sleepy::{Sleepy, fill};

/// A deadline that passes in the middle of the consumer's sleep, if nobody wakes it.
const SOON: Duration = Duration::from_millis(10);

/// What a producer does at a ring that is full for it.
type Attempt = fn(&mut Producer);

/// Leaks a claim, and lets another producer fill the ring behind it; the consumer sleeps, for the
/// claim stands at the head. Then the first producer makes an attempt, which wakes it.
fn wakes_behind_a_leaked_claim(how: &str, attempt: impl FnOnce(Producer) -> Option<Producer>) {
    let sleepy = Sleepy::new(&format!("leaked-{how}"));
    let mut producers = sleepy.producers(2);
    let (mut other, mut leaking) = (producers.pop().unwrap(), producers.pop().unwrap());
    mem::forget(leaking.try_claim(8).unwrap());
    fill(&mut other);
    let mut consumer = sleepy.consumer();
    thread::scope(|scope| {
        let receiver = scope.spawn(move || {
            let received = consumer.recv(&mut Vec::new(), DEADLINE);
            assert_eq!(received.unwrap().tag, 1, "{how}");
            consumer
        });
        sleepy.gates.await_consumer();
        let kept = attempt(leaking);
        // What the attempt keeps has not left, which would wake the consumer as well.
        let consumer = receiver.join().unwrap();
        drop((kept, consumer));
    });
    sleepy.assert_consumer_was_woken(1);
}

#[test]
fn an_attempt_that_fails_wakes_the_consumer_behind_a_leaked_claim() {
    let attempts: [(&str, Attempt); 6] = [
        ("try-send", |producer| {
            let sent = producer.try_send(2, &[0; 2000]);
            assert_eq!(sent, Err(TrySendError::Full));
        }),
        ("try-claim", |producer| {
            let claimed = producer.try_claim(2000).map(drop);
            assert_eq!(claimed, Err(TrySendError::Full));
        }),
        ("try-batch", |producer| {
            let batch = producer.try_batch(2000).map(drop);
            assert_eq!(batch, Err(TrySendError::Full));
        }),
        ("send", |producer| {
            let sent = producer.send(2, &[0; 2000], SOON);
            assert_eq!(sent, Err(SendError::TimedOut));
        }),
        ("claim", |producer| {
            let claimed = producer.claim(2000, SOON).map(drop);
            assert_eq!(claimed, Err(SendError::TimedOut));
        }),
        ("batch", |producer| {
            let batch = producer.batch(2000, SOON).map(drop);
            assert_eq!(batch, Err(SendError::TimedOut));
        }),
    ];
    for (how, attempt) in attempts {
        wakes_behind_a_leaked_claim(how, |mut producer| {
            attempt(&mut producer);
            Some(producer)
        });
    }
}

#[test]
fn a_producer_that_comes_to_trust_its_peers_wakes_the_consumer_behind_a_leaked_claim() {
    let mut trusting = None;
    wakes_behind_a_leaked_claim("trust", |producer| {
        // SAFETY: the only peers are those of this test, which touch no claim of another.
        trusting = Some(unsafe { producer.trust_peers() });
        None
    });
    drop(trusting);
}

#[test]
fn a_producer_that_leaves_wakes_the_consumer_behind_a_leaked_claim() {
    wakes_behind_a_leaked_claim("leave", |producer| {
        drop(producer);
        None
    });
}

/// Lets a producer sleep for room in a ring that holds claims that were given up, and behind them
/// what `prepare` sends; then the consumer makes an attempt that receives nothing.
fn skipping_wakes(
    how: &str,
    prepare: impl FnOnce(&mut Producer),
    attempt: impl FnOnce(&mut Consumer),
) {
    let sleepy = Sleepy::new(&format!("skipping-{how}"));
    let mut producers = sleepy.producers(2);
    let (mut other, mut sleeper) = (producers.pop().unwrap(), producers.pop().unwrap());
    drop(other.try_claim(1500).unwrap());
    prepare(&mut other);
    let mut consumer = sleepy.consumer();
    thread::scope(|scope| {
        let sender = scope.spawn(move || {
            let sent = sleeper.send(2, &[0; 1000], DEADLINE);
            assert!(sent.is_ok(), "{how}: {sent:?}");
        });
        sleepy.gates.await_producer();
        attempt(&mut consumer);
        // Dropping the consumer would wake it as well.
        sender.join().unwrap();
    });
    drop((consumer, other));
    sleepy.assert_producers_were_woken(1);
}

/// Sends records of 1000 bytes until the ring is full for another.
fn send_large(producer: &mut Producer) {
    while producer.try_send(1, &[0; 1000]).is_ok() {}
}

#[test]
fn a_consumer_whose_buffer_is_too_small_wakes_producers_for_what_it_skipped() {
    skipping_wakes("too-small", send_large, |consumer| {
        let received = consumer.try_recv(&mut [0; 4][..]);
        let expected = TryRecvError::TooSmall {
            needed: 1000,
            given: 4,
        };
        assert_eq!(received, Err(expected));
    });
}

#[test]
fn a_consumer_that_looks_without_waiting_wakes_producers_for_what_it_skipped() {
    skipping_wakes("wait", send_large, |consumer| {
        assert_eq!(consumer.wait(Duration::ZERO), Ok(()));
    });
    let give_up = |producer: &mut Producer| drop(producer.try_claim(1500).unwrap());
    skipping_wakes("wait-for-nothing", give_up, |consumer| {
        // It sees that there is nothing before the producer, woken, has sent; or just after.
        let waited = consumer.wait(Duration::ZERO);
        assert!(matches!(waited, Ok(()) | Err(RecvError::TimedOut)));
    });
    skipping_wakes("drain", give_up, |consumer| {
        let drained = consumer.drain_while(1, |_| false);
        assert!(matches!(drained, Ok(0) | Err(TryRecvError::Empty)));
    });
}

/// The processor time that the calling thread has used.
fn own_time() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(tv_sec as u64, tv_nsec as u32)
}

/// Writes a word of the region as a hostile peer would.
fn poke(gates: &Gates, word: Word, value: u64) {
    use std::os::unix::fs::FileExt;
    let written = gates
        .file()
        .write_all_at(&value.to_le_bytes(), word.offset() as u64);
    written.unwrap();
}

#[test]
fn a_consumer_sleeps_though_all_say_that_they_have_left_and_tail_is_ahead() {
    /// So long it waits for what a living producer has claimed, as the words have it.
    const WAIT: Duration = Duration::from_secs(1);
    let sleepy = Sleepy::new("left-behind");
    // It lives, whatever its slot says; so what it has claimed is not skipped.
    let producer = sleepy.producers(1).pop().unwrap();
    let mut consumer = sleepy.consumer();
    for (word, value) in [
        (TAIL, 64),
        (PRODUCER_SLOTS.plus(SLOT_INTENT), 1),
        // It has left.
        (PRODUCER_SLOTS.plus(SLOT_STATE), 2),
        (PRESENCE, sleepy.gates.peek(PRESENCE) + 1),
    ] {
        poke(&sleepy.gates, word, value);
    }
    let before = own_time();
    let waited = consumer.recv(&mut Vec::new(), WAIT);
    let used = own_time() - before;
    assert_eq!(waited, Err(RecvError::TimedOut));
    assert!(used < WAIT / 2, "{used:?} of {WAIT:?}");
    drop(consumer);
    let counters = sleepy.ring.observer().unwrap().consumer_counters();
    assert!(counters.sleeps > 0, "{counters:?}");
    drop(producer);
}
