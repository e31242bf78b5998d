//! What wakes a producer that sleeps in a blocking call: for room, or until what it
//! sent was consumed.
//!
//! That it was woken, and did not find out by itself when its sleep was over, it tells by its
//! counter of late wakes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(
    clippy::disallowed_types,
    reason = "a flag between two threads of a test"
)]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mapring::generic::{Consumer, Mpsc, Options, Producer, Ring, Spsc};
use mapring::{RecvError, SendError, WaitStrategy, mpsc, spsc};

use common::gates::{Gates, Kind};
use common::{Child, DEADLINE, Name, hear, role, say, wait_until};

/// A sleep takes a tenth of a second at most. This is that, with much to spare for slow machines.
const BOUND: Duration = Duration::from_secs(10);
/// A deadline for what must not come about before.
const A_WHILE: Duration = Duration::from_millis(150);
/// A payload, of which a ring holds some fifteen.
const PAYLOAD: [u8; 256] = [7; 256];

/// A ring with a producer that sleeps at once when it has to wait.
struct Stage<P: Kind> {
    gates: Gates,
    producer: Producer<P>,
    ring: Ring<P>,
    name: Name,
}

impl<P: Kind> Stage<P> {
    fn new(test: &str) -> Self {
        let name = Name::new(&format!("space-{}-{test}", P::NAME));
        let options = Options::<P>::new().capacity(4096).max_payload(256);
        let ring = options.create(&name).unwrap();
        let mut producer = ring.producer().unwrap();
        producer.set_wait_strategy(WaitStrategy::LowCpu);
        Self {
            gates: Gates::of(ring.path()),
            producer,
            ring,
            name,
        }
    }

    fn full(test: &str) -> Self {
        let mut stage = Self::new(test);
        while stage.producer.try_send(1, &PAYLOAD).is_ok() {}
        stage
    }

    /// Lets the producer `wait`, and somebody `act` when it sleeps. Returns what came of it, and
    /// how long
    /// that took from when `act` began. The producer has left then.
    fn wait<T: Send>(
        self,
        wait: impl FnOnce(&mut Producer<P>) -> T + Send,
        act: impl FnOnce(),
    ) -> (T, Duration, Ring<P>, Name)
    where
        Producer<P>: Send,
    {
        let Self {
            gates,
            mut producer,
            ring,
            name,
        } = self;
        thread::scope(|scope| {
            let waiter = scope.spawn(move || (wait(&mut producer), Instant::now()));
            gates.await_producer();
            let begin = Instant::now();
            act();
            let (result, end) = waiter.join().unwrap();
            let took = end.saturating_duration_since(begin);
            (result, took, ring, name)
        })
    }

    /// As [`Stage::wait`]; the wait must end well, and by a wake.
    fn wait_until_woken(
        self,
        wait: impl FnOnce(&mut Producer<P>) -> Result<(), SendError> + Send,
        act: impl FnOnce(),
    ) where
        Producer<P>: Send,
    {
        let (result, _, ring, _name) = self.wait(wait, act);
        assert_eq!(result, Ok(()));
        let counters = P::producer_counters(&ring.observer().unwrap())[0];
        assert!(counters.sleeps > 0, "it did not sleep");
        assert_eq!(counters.late, 0, "it was not woken");
    }
}

fn send<P: Kind>(producer: &mut Producer<P>) -> Result<(), SendError> {
    producer.send(2, &PAYLOAD, DEADLINE).map(drop)
}

fn room_wakes<P: Kind>()
where
    Producer<P>: Send,
{
    let stage = Stage::<P>::full("try-recv");
    let mut consumer = stage.ring.consumer().unwrap();
    stage.wait_until_woken(send, || {
        consumer.try_recv(&mut Vec::new()).unwrap();
    });

    let stage = Stage::<P>::full("recv");
    let mut consumer = stage.ring.consumer().unwrap();
    stage.wait_until_woken(send, || {
        consumer.recv(&mut Vec::new(), DEADLINE).unwrap();
    });

    let stage = Stage::<P>::full("drain");
    let mut consumer = stage.ring.consumer().unwrap();
    stage.wait_until_woken(send, || {
        assert_eq!(consumer.drain(3, |_| {}), Ok(3));
    });

    let stage = Stage::<P>::full("claim");
    let mut consumer = stage.ring.consumer().unwrap();
    let claim = |producer: &mut Producer<P>| {
        let claim = producer.claim(PAYLOAD.len(), DEADLINE)?;
        claim.commit(2);
        Ok(())
    };
    stage.wait_until_woken(claim, || {
        consumer.try_recv(&mut Vec::new()).unwrap();
    });
}

#[test]
fn room_wakes_a_producer() {
    room_wakes::<Spsc>();
    room_wakes::<Mpsc>();
}

fn a_long_drain_wakes_in_its_middle<P: Kind>()
where
    Producer<P>: Send,
{
    let stage = Stage::<P>::full("long-drain");
    let mut consumer = stage.ring.consumer().unwrap();
    let has_sent = AtomicBool::new(false);
    let wait = |producer: &mut Producer<P>| {
        let sent = send(producer);
        has_sent.store(true, Ordering::Release);
        sent
    };
    stage.wait_until_woken(wait, || {
        let mut count = 0;
        let drained = consumer.drain(usize::MAX, |_| {
            count += 1;
            // Far behind the first eighth of the ring, which was given back.
            if count == 8 {
                wait_until(|| has_sent.load(Ordering::Acquire));
            }
        });
        assert!(drained.unwrap() > 8);
    });
}

#[test]
fn a_long_drain_wakes_a_producer_in_its_middle() {
    a_long_drain_wakes_in_its_middle::<Spsc>();
    a_long_drain_wakes_in_its_middle::<Mpsc>();
}

#[test]
fn what_is_skipped_wakes_a_producer() {
    let mut stage = Stage::<Mpsc>::new("skipped");
    // All the room there is, claimed in pieces that are given up.
    while let Ok(claim) = stage.producer.try_claim(PAYLOAD.len()) {
        drop(claim);
    }
    let mut consumer = stage.ring.consumer().unwrap();
    let ring = stage.ring.clone();
    // The other one keeps the ring from being at its end.
    let _other = ring.producer().unwrap();
    stage.wait_until_woken(send, || {
        assert_eq!(consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag, 2);
    });
}

fn consumption_wakes<P: Kind>()
where
    Producer<P>: Send,
{
    let mut stage = Stage::<P>::new("flush");
    stage.producer.try_send(1, &PAYLOAD).unwrap();
    let mut consumer = stage.ring.consumer().unwrap();
    stage.wait_until_woken(
        |producer| producer.flush(DEADLINE),
        || {
            consumer.try_recv(&mut Vec::new()).unwrap();
        },
    );

    let stage = Stage::<P>::new("send-sync");
    let mut consumer = stage.ring.consumer().unwrap();
    stage.wait_until_woken(
        |producer| producer.send_sync(1, &PAYLOAD, DEADLINE),
        || {
            consumer.try_recv(&mut Vec::new()).unwrap();
        },
    );

    let stage = Stage::<P>::new("wait-consumed");
    let mut consumer = stage.ring.consumer().unwrap();
    stage.wait_until_woken(
        |producer| {
            let first = producer.try_send(1, &PAYLOAD).unwrap();
            let second = producer.try_send(2, &PAYLOAD).unwrap();
            producer.try_send(3, &PAYLOAD).unwrap();
            assert_eq!(producer.is_consumed(first), Ok(false));
            producer.wait_consumed(second, DEADLINE)?;
            assert_eq!(producer.is_consumed(first), Ok(true));
            assert_eq!(producer.is_consumed(second), Ok(true));
            // At once, for it was.
            producer.wait_consumed(first, Duration::ZERO)
        },
        || {
            assert_eq!(consumer.drain(2, |_| {}), Ok(2));
        },
    );
}

#[test]
fn consumption_wakes_a_producer() {
    consumption_wakes::<Spsc>();
    consumption_wakes::<Mpsc>();
}

fn nothing_consumed_is_a_timeout<P: Kind>() {
    let mut stage = Stage::<P>::new("timeout");
    let mut consumer = stage.ring.consumer().unwrap();
    let begin = Instant::now();
    let sent = stage.producer.send_sync(7, &PAYLOAD, A_WHILE);
    assert_eq!(sent, Err(SendError::TimedOut));
    assert!(begin.elapsed() >= A_WHILE);
    let receipt = stage.producer.try_send(8, &PAYLOAD).unwrap();
    let consumed = stage.producer.wait_consumed(receipt, A_WHILE);
    assert_eq!(consumed, Err(SendError::TimedOut));
    let flushed = stage.producer.flush(Duration::ZERO);
    assert_eq!(flushed, Err(SendError::TimedOut));
    // It was sent all the same.
    let mut tags = [0; 2].map(|_| consumer.try_recv(&mut Vec::new()).unwrap().tag);
    tags.sort_unstable();
    assert_eq!(tags, [7, 8]);
    assert_eq!(stage.producer.is_consumed(receipt), Ok(true));
    drop(consumer);
    // Nor does it matter that the consumer left since.
    let consumed = stage.producer.wait_consumed(receipt, DEADLINE);
    assert_eq!(consumed, Ok(()));
}

#[test]
fn what_is_not_consumed_until_the_deadline_is_a_timeout() {
    nothing_consumed_is_a_timeout::<Spsc>();
    nothing_consumed_is_a_timeout::<Mpsc>();
}

/// Role: takes the consumer's place, and stays until it is told to leave.
#[test]
fn role_consume_nothing() {
    let Some(arguments) = role() else { return };
    if arguments[0] == Spsc::NAME {
        let ring = spsc::Options::new().open(&arguments[1]).unwrap();
        let _consumer = ring.consumer().unwrap();
        say("attached");
        hear();
    } else {
        let ring = mpsc::Options::new().open(&arguments[1]).unwrap();
        let _consumer = ring.consumer().unwrap();
        say("attached");
        hear();
    }
}

fn finds_its_consumer_dead<P: Kind>()
where
    Producer<P>: Send,
{
    for waits_for in ["room", "consumption"] {
        let test = format!("dies-{waits_for}");
        let stage = if waits_for == "room" {
            Stage::<P>::full(&test)
        } else {
            Stage::<P>::new(&test)
        };
        let child = Child::start("role_consume_nothing", &[P::NAME, &stage.name]);
        child.expect("attached");
        let pid = child.pid();
        let (result, took, ..) = stage.wait(
            |producer| producer.send_sync(2, &PAYLOAD, DEADLINE),
            || child.kill(),
        );
        assert_eq!(result, Err(SendError::PeerDied { pid }), "{waits_for}");
        assert!(took < BOUND, "{took:?}");
    }
}

#[test]
fn a_sleeping_producer_finds_its_consumer_dead() {
    finds_its_consumer_dead::<Spsc>();
    finds_its_consumer_dead::<Mpsc>();
}

/// How long it takes a sleeping producer to say `Disconnected` when the consumer has left.
fn time_to_disconnect<P: Kind>(test: &str, is_full: bool) -> Duration
where
    Producer<P>: Send,
{
    let stage = if is_full {
        Stage::<P>::full(test)
    } else {
        Stage::<P>::new(test)
    };
    let consumer: Consumer<P> = stage.ring.consumer().unwrap();
    let (result, took, ..) = stage.wait(
        |producer| producer.send_sync(2, &PAYLOAD, DEADLINE),
        || drop(consumer),
    );
    assert_eq!(result, Err(SendError::Disconnected));
    took
}

fn leaving_wakes<P: Kind>()
where
    Producer<P>: Send,
{
    // Nobody counts these wakes. Of several, at least one came long before the sleep was over.
    for is_full in [true, false] {
        let rounds = (0..10).map(|round| format!("leaves-{is_full}-{round}"));
        let least = rounds.map(|test| time_to_disconnect::<P>(&test, is_full));
        let least = least.min().unwrap();
        assert!(least < Duration::from_millis(50), "{least:?}");
    }
}

#[test]
fn the_consumer_that_leaves_wakes_a_producer() {
    leaving_wakes::<Spsc>();
    leaving_wakes::<Mpsc>();
}

#[test]
fn room_wakes_several_producers() {
    let Stage {
        producer,
        ring,
        gates,
        name: _name,
    } = Stage::<Mpsc>::full("several");
    let mut consumer = ring.consumer().unwrap();
    let mut producers = vec![producer];
    for _ in 0..2 {
        let mut producer = ring.producer().unwrap();
        producer.set_wait_strategy(WaitStrategy::LowCpu);
        producers.push(producer);
    }
    thread::scope(|scope| {
        for (tag, mut producer) in (10..).zip(producers) {
            scope.spawn(move || producer.send(tag, &PAYLOAD, DEADLINE).unwrap());
        }
        gates.await_producer();
        let mut tags = Vec::new();
        let end = loop {
            match consumer.recv(&mut Vec::new(), DEADLINE) {
                Ok(received) => tags.push(received.tag),
                Err(error) => break error,
            }
        };
        assert_eq!(end, RecvError::Disconnected);
        tags.retain(|&tag| tag != 1);
        tags.sort_unstable();
        assert_eq!(tags, [10, 11, 12]);
    });
    let counters = Mpsc::producer_counters(&ring.observer().unwrap());
    assert!(counters.iter().any(|counters| counters.sleeps > 0));
    let late: Vec<_> = counters.iter().map(|counters| counters.late).collect();
    assert!(late.iter().all(|&late| late == 0), "{late:?}");
}
