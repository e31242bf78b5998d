//! When waits end though nobody wakes, and what they cost: deadlines, signals, strategies, and
//! regions without wakeups.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(
    clippy::disallowed_types,
    reason = "a flag between two threads of a test"
)]

mod common;

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use mapring::layout::{DATA_ANSWERED, DATA_PARKED, SPACE_ANSWERED, SPACE_PARKED, SPACE_WANTED};
use mapring::spsc::{Consumer, Options, Producer, Ring};
use mapring::{Counters, Deadline, OpenError, RecvError, SendError, WaitStrategy, Wakeups};

use common::gates::Gates;
use common::{DEADLINE, Name, wait_until};

/// Much more than any of the waits here takes, even on a slow machine.
const LONG: Duration = Duration::from_secs(10);
/// A payload, of which a ring holds some fifteen.
const PAYLOAD: [u8; 256] = [7; 256];

fn options() -> Options {
    Options::new().capacity(4096).max_payload(256)
}

/// A ring with both of its ends.
fn ends(name: &str, options: &Options) -> (Ring, Producer, Consumer) {
    let ring = options.create(name).unwrap();
    let (producer, consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    (ring, producer, consumer)
}

/// Checks that a wait of so long, which nothing happens in, ends when it should.
#[track_caller]
fn assert_times_out<E: PartialEq + std::fmt::Debug>(
    time: Duration,
    timed_out: E,
    wait: impl FnOnce(Duration) -> Result<(), E>,
) {
    let begin = Instant::now();
    assert_eq!(wait(time), Err(timed_out), "{time:?}");
    let took = begin.elapsed();
    assert!(took >= time && took < time + LONG, "{took:?} for {time:?}");
}

#[test]
fn waits_end_at_their_deadline() {
    let times = [0, 1, 50, 999, 1500, 20_000, 99_999, 150_000, 250_000].map(Duration::from_micros);
    let strategies = [
        WaitStrategy::BusySpin,
        WaitStrategy::Balanced,
        WaitStrategy::LowCpu,
    ];
    for (round, strategy) in strategies.into_iter().enumerate() {
        let name = Name::new(&format!("deadlines-{round}"));
        let (_ring, mut producer, mut consumer) = ends(&name, &options());
        producer.set_wait_strategy(strategy);
        consumer.set_wait_strategy(strategy);
        for time in times {
            assert_times_out(time, RecvError::TimedOut, |time| {
                consumer.recv(&mut Vec::new(), time).map(drop)
            });
        }
        while producer.try_send(1, &PAYLOAD).is_ok() {}
        for time in times {
            assert_times_out(time, SendError::TimedOut, |time| {
                producer.send(1, &PAYLOAD, time).map(drop)
            });
            assert_times_out(time, SendError::TimedOut, |time| producer.flush(time));
        }
    }
}

#[test]
fn a_deadline_that_has_passed_does_not_sleep() {
    let name = Name::new("zero");
    let (ring, mut producer, mut consumer) = ends(&name, &options());
    producer.set_wait_strategy(WaitStrategy::LowCpu);
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    let gates = Gates::of(ring.path());
    let received = consumer.recv(&mut Vec::new(), Duration::ZERO);
    assert_eq!(received, Err(RecvError::TimedOut));
    let received = consumer.recv(&mut Vec::new(), Instant::now());
    assert_eq!(received, Err(RecvError::TimedOut));
    while producer.try_send(1, &PAYLOAD).is_ok() {}
    let sent = producer.send(1, &PAYLOAD, Duration::ZERO);
    assert_eq!(sent, Err(SendError::TimedOut));
    assert_eq!((gates.peek(DATA_PARKED), gates.peek(SPACE_PARKED)), (0, 0));
    // What is there is received all the same.
    let received = consumer.recv(&mut Vec::new(), Duration::ZERO);
    assert_eq!(received.unwrap().tag, 1);
    // And these would: the test can fail.
    while consumer.try_recv(&mut Vec::new()).is_ok() {}
    let received = consumer.recv(&mut Vec::new(), Duration::from_millis(5));
    assert_eq!(received, Err(RecvError::TimedOut));
    assert!(gates.peek(DATA_PARKED) > 0);
}

#[test]
fn a_deadline_that_never_comes_waits() {
    for (round, deadline) in [Deadline::NEVER, Duration::MAX.into()]
        .into_iter()
        .enumerate()
    {
        let name = Name::new(&format!("never-{round}"));
        let (ring, mut producer, mut consumer) = ends(&name, &options());
        let gates = Gates::of(ring.path());
        thread::scope(|scope| {
            let receiver = scope.spawn(move || consumer.recv(&mut Vec::new(), deadline));
            gates.await_consumer();
            // Longer than a sleep.
            thread::sleep(Duration::from_millis(120));
            gates.await_consumer();
            producer.try_send(7, b"at last").unwrap();
            assert_eq!(receiver.join().unwrap().unwrap().tag, 7);
        });
    }
}

/// Lets records come when they are waited for (asleep, if `sleeps`), and room when that is. Returns
/// what the consumer and the producer have counted, and what stands in the words of the gates.
fn exchange(
    test: &str,
    options: &Options,
    strategy: WaitStrategy,
    sleeps: bool,
) -> ([Counters; 2], [u64; 5]) {
    const RECORDS: u32 = 20;
    let name = Name::new(test);
    let (ring, mut producer, mut consumer) = ends(&name, options);
    producer.set_wait_strategy(strategy);
    consumer.set_wait_strategy(strategy);
    let observer = ring.observer().unwrap();
    let gates = Gates::of(ring.path());
    thread::scope(|scope| {
        let (observer, gates) = (&observer, &gates);
        scope.spawn(|| {
            for tag in 0..RECORDS {
                let received = consumer.recv(&mut Vec::new(), DEADLINE);
                assert_eq!(received.unwrap().tag, tag);
            }
            for tag in RECORDS..2 * RECORDS {
                let waits = u64::from(tag - RECORDS);
                wait_until(|| match sleeps {
                    true => gates.producer_sleeps(),
                    false => observer.producer_counters().waits > waits,
                });
                let received = consumer.recv(&mut Vec::new(), DEADLINE);
                assert_eq!(received.unwrap().tag, tag);
            }
            drop(consumer);
        });
        for tag in 0..RECORDS {
            wait_until(|| match sleeps {
                true => gates.consumer_sleeps(),
                false => observer.consumer_counters().waits > u64::from(tag),
            });
            producer.send(tag, &PAYLOAD, DEADLINE).unwrap();
        }
        for tag in RECORDS..2 * RECORDS {
            producer.send_sync(tag, &PAYLOAD, DEADLINE).unwrap();
        }
        drop(producer);
    });
    let words = [
        DATA_PARKED,
        DATA_ANSWERED,
        SPACE_PARKED,
        SPACE_ANSWERED,
        SPACE_WANTED,
    ];
    (
        [observer.consumer_counters(), observer.producer_counters()],
        words.map(|word| gates.peek(word)),
    )
}

#[test]
fn every_strategy_gets_on() {
    let (spun, _) = exchange("busy-spin", &options(), WaitStrategy::BusySpin, false);
    assert_eq!(spun.map(|counters| counters.sleeps), [0, 0]);
    for (name, strategy) in [
        ("balanced", WaitStrategy::Balanced),
        ("low-cpu", WaitStrategy::LowCpu),
    ] {
        let (slept, _) = exchange(name, &options(), strategy, true);
        assert!(
            slept.iter().all(|counters| counters.sleeps > 0),
            "{name}: {slept:?}"
        );
        assert!(
            slept.iter().all(|counters| counters.late == 0),
            "{name}: {slept:?}"
        );
    }
}

#[test]
fn a_region_without_wakeups_gets_on_without() {
    let options = options().wakeups(Wakeups::None);
    for (name, strategy) in [
        ("none-balanced", WaitStrategy::Balanced),
        ("none-low-cpu", WaitStrategy::LowCpu),
    ] {
        let (counted, words) = exchange(name, &options, strategy, false);
        assert!(
            counted.iter().all(|counters| counters.waits > 0),
            "{counted:?}"
        );
        assert_eq!(counted.map(|counters| counters.sleeps), [0, 0]);
        assert_eq!(words, [0; 5], "nobody needs these");
    }
}

#[test]
fn other_wakeups_than_those_of_the_region_are_a_mismatch() {
    for (of_region, asked_for) in [
        (Wakeups::None, Wakeups::Futex),
        (Wakeups::Futex, Wakeups::None),
    ] {
        let name = Name::new(&format!("mismatch-{}", of_region as u64));
        let _ring = options().wakeups(of_region).create(&name).unwrap();
        let error = options().wakeups(asked_for).open(&name).unwrap_err();
        let OpenError::Mismatch {
            field,
            found,
            expected,
            ..
        } = error
        else {
            panic!("{error}");
        };
        let values = (of_region as u64, asked_for as u64);
        assert_eq!((field, (found, expected)), ("wakeups", values));
        // Who asks for nothing, or for what there is, gets it.
        options().open(&name).unwrap();
        options().wakeups(of_region).open(&name).unwrap();
    }
}

/// How often this thread has given its core away of its own accord.
fn voluntary_switches() -> libc::c_long {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the call writes to this one place, which is as long as it has to be.
    let result = unsafe { libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) };
    assert_eq!(result, 0);
    // SAFETY: it succeeded, so it wrote all of it.
    unsafe { usage.assume_init() }.ru_nvcsw
}

#[test]
fn who_waits_for_long_is_hardly_ever_awake() {
    let name = Name::new("idle");
    let (_ring, mut producer, mut consumer) = ends(&name, &options());
    let time = Duration::from_secs(1);
    // The bound of a sleep lets it look ten times in that time.
    let before = voluntary_switches();
    let received = consumer.recv(&mut Vec::new(), time);
    assert_eq!(received, Err(RecvError::TimedOut));
    let switches = voluntary_switches() - before;
    // At least some: it slept. Those of its yields are not counted, unless another thread ran.
    assert!((5..40).contains(&switches), "{switches}");

    while producer.try_send(1, &PAYLOAD).is_ok() {}
    let before = voluntary_switches();
    let sent = producer.send(1, &PAYLOAD, time);
    assert_eq!(sent, Err(SendError::TimedOut));
    let switches = voluntary_switches() - before;
    assert!((5..40).contains(&switches), "{switches}");
}

/// Signals that were handled.
static HANDLED: AtomicU64 = AtomicU64::new(0);

extern "C" fn handle(_signal: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// Lets `SIGUSR1` be handled, and interrupt system calls.
fn handle_signals() {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all zero is a value of each of its fields: no flags, no handler, an empty mask.
    let action = unsafe { action.assume_init_mut() };
    action.sa_sigaction = handle as extern "C" fn(libc::c_int) as usize;
    // SAFETY: the handler only adds to an atomic counter, which any handler may do.
    let result = unsafe { libc::sigaction(libc::SIGUSR1, action, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}

/// Floods a thread with signals while it does `work`.
fn flooded<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let (say_who, who) = mpsc::channel();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let is_over = &is_over;
        let worker = scope.spawn(move || {
            // SAFETY: it takes nothing and cannot fail.
            say_who.send(unsafe { libc::pthread_self() }).unwrap();
            let result = work();
            is_over.store(true, Ordering::Release);
            result
        });
        let who = who.recv().unwrap();
        while !is_over.load(Ordering::Acquire) {
            // SAFETY: the thread has not been joined yet, so that its handle is valid.
            unsafe { libc::pthread_kill(who, libc::SIGUSR1) };
            thread::sleep(Duration::from_micros(50));
        }
        worker.join().unwrap()
    })
}

#[test]
fn signals_neither_end_nor_prolong_a_wait() {
    handle_signals();
    let name = Name::new("signals");
    let (ring, mut producer, mut consumer) = ends(&name, &options());
    producer.set_wait_strategy(WaitStrategy::LowCpu);
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    let time = Duration::from_millis(330);
    flooded(|| {
        assert_times_out(time, RecvError::TimedOut, |time| {
            consumer.recv(&mut Vec::new(), time).map(drop)
        });
    });
    let handled = HANDLED.load(Ordering::Relaxed);
    assert!(handled > 10, "only {handled} signals came");

    while producer.try_send(1, &PAYLOAD).is_ok() {}
    flooded(|| {
        assert_times_out(time, SendError::TimedOut, |time| {
            producer.send(1, &PAYLOAD, time).map(drop)
        });
    });

    // Nor do they keep a wake from coming.
    while consumer.try_recv(&mut Vec::new()).is_ok() {}
    let gates = Gates::of(ring.path());
    let consumer = &mut consumer;
    thread::scope(|scope| {
        let receiver = scope.spawn(|| flooded(|| consumer.recv(&mut Vec::new(), DEADLINE)));
        gates.await_consumer();
        producer.try_send(7, b"payload").unwrap();
        assert_eq!(receiver.join().unwrap().unwrap().tag, 7);
    });
    let counters = ring.observer().unwrap().consumer_counters();
    assert_eq!(counters.late, 0);
}
