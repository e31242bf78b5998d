//! Wakeups by events of the thread library: what is wrong with those must not show.

#![cfg(feature = "event")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use mapring::generic::{Mpsc, Options, Producer, Spsc};
use mapring::layout::{DATA_ANSWERED, DATA_EVENT, DATA_PARKED, SPACE_EVENT};
use mapring::{RecvError, WaitStrategy, Wakeups, mpsc, spsc};
use memmap2::MmapRaw;
use raw_sync::Timeout;
use raw_sync::events::{Event, EventInit};

use common::gates::{Gates, Kind};
use common::{Child, DEADLINE, Name, hear, role, say};

/// Records of the longer tests.
const RECORDS: u32 = 300;

fn options<P: Kind>() -> Options<P> {
    let options = Options::new().capacity(4 << 10).max_payload(1 << 10);
    options.wakeups(Wakeups::Event)
}

fn sleepy<P: Kind>(mut producer: Producer<P>) -> Producer<P> {
    producer.set_wait_strategy(WaitStrategy::LowCpu);
    producer
}

/// Sends until the ring's file is gone, one record for each line that it hears.
#[test]
fn role_sends_when_told() {
    let Some(arguments) = role() else { return };
    let ring = options().open(&arguments[0]).unwrap();
    let mut producer: spsc::Producer = ring.producer().unwrap();
    say("ready");
    while let Some(line) = hear() {
        producer
            .send(line.parse().unwrap(), b"payload", DEADLINE)
            .unwrap();
    }
}

#[test]
fn another_process_wakes_the_consumer() {
    let name = Name::new("event-process");
    let ring = options().create(&name).unwrap();
    let mut consumer: spsc::Consumer = ring.consumer().unwrap();
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    let gates = Gates::of(ring.path());
    let mut child = Child::start("role_sends_when_told", &[&*name]);
    child.expect("ready");
    for tag in 0..20 {
        thread::scope(|scope| {
            let receiver = scope.spawn(|| consumer.recv(&mut Vec::new(), DEADLINE));
            gates.await_consumer();
            child.tell(&tag.to_string());
            assert_eq!(receiver.join().unwrap().unwrap().tag, tag);
        });
    }
    // It shows the last of them when it leaves.
    drop(consumer);
    let counters = ring.observer().unwrap().consumer_counters();
    assert!(counters.sleeps >= 20, "{counters:?}");
    assert_eq!(counters.late, 0, "{counters:?}");
}

/// Nobody is told that a sleeper looked for itself; but then it takes 25 ms.
#[test]
fn sleepers_are_woken_before_they_look_for_themselves() {
    const ROUND_TRIPS: u32 = 100;
    // Two handles of each: those of one handle need no event.
    let open = |name: &Name| {
        let here = options::<Spsc>().create(name).unwrap();
        (here, options::<Spsc>().open(name).unwrap())
    };
    let (ping_here, ping_there) = open(&Name::new("event-ping"));
    let (pong_here, pong_there) = open(&Name::new("event-pong"));
    let mut to = ping_here.producer().unwrap();
    let mut there = ping_there.consumer().unwrap();
    let mut back = pong_there.producer().unwrap();
    let mut from = pong_here.consumer().unwrap();
    there.set_wait_strategy(WaitStrategy::LowCpu);
    from.set_wait_strategy(WaitStrategy::LowCpu);
    let begin = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| {
            for tag in 0..ROUND_TRIPS {
                there.recv(&mut Vec::new(), DEADLINE).unwrap();
                back.try_send(tag, b"").unwrap();
            }
        });
        for tag in 0..ROUND_TRIPS {
            to.try_send(tag, b"").unwrap();
            from.recv(&mut Vec::new(), DEADLINE).unwrap();
        }
    });
    let unaided = ROUND_TRIPS * Duration::from_millis(25);
    assert!(begin.elapsed() < unaided / 2, "{:?}", begin.elapsed());
}

/// Both sides sleep over and over again, and all records arrive.
fn a_small_ring_is_passed_through<P: Kind>(producers: u32)
where
    Producer<P>: Send,
{
    let name = Name::new(&format!("event-small-{}", P::NAME));
    let here = options::<P>().create(&name).unwrap();
    let there = options::<P>().open(&name).unwrap();
    let mut consumer = here.consumer().unwrap();
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    let attached: Vec<_> = (0..producers).map(|_| there.producer().unwrap()).collect();
    thread::scope(|scope| {
        for (number, producer) in (0..).zip(attached) {
            scope.spawn(move || {
                let mut producer = sleepy(producer);
                for i in 0..RECORDS {
                    let tag = number * RECORDS + i;
                    producer.send(tag, &[0; 1000], DEADLINE).unwrap();
                }
            });
        }
        let mut next: Vec<u32> = (0..producers).map(|number| number * RECORDS).collect();
        for _ in 0..producers * RECORDS {
            let tag = consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag;
            let expected = &mut next[(tag / RECORDS) as usize];
            assert_eq!(tag, *expected);
            *expected += 1;
        }
    });
}

#[test]
fn a_small_ring_of_one_producer_is_passed_through() {
    a_small_ring_is_passed_through::<Spsc>(1);
}

#[test]
fn a_small_ring_of_many_producers_is_passed_through() {
    a_small_ring_is_passed_through::<Mpsc>(3);
}

/// Sends a record, drops everything, and ends the process at once.
#[test]
fn role_sends_and_exits() {
    let Some(arguments) = role() else { return };
    {
        let ring = options().open(&arguments[0]).unwrap();
        let mut producer: spsc::Producer = ring.producer().unwrap();
        producer.try_send(1, b"last words").unwrap();
    }
    process::exit(0);
}

/// Whether the event that wakes the consumer is set. If it is, it is not any more.
fn takes_the_ring(map: &MmapRaw) -> bool {
    let address = map.as_mut_ptr().wrapping_add(DATA_EVENT.offset());
    // SAFETY: whoever made the region has made an event there; the mapping outlives this one.
    let (event, _) = unsafe { Event::from_existing(address) }.unwrap();
    event.wait(Timeout::Val(Duration::from_millis(1))).is_ok()
}

/// The event itself is looked at, for a sleeper would see what was sent a little later anyway. Who
/// ends its process waits for a few milliseconds at most: on a busy machine the event may then not
/// be set yet.
#[test]
fn who_sends_and_exits_at_once_still_rings() {
    const ROUNDS: usize = 20;
    let name = Name::new("event-exits");
    let ring: spsc::Ring = options().create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let gates = Gates::of(ring.path());
    let map = MmapRaw::map_raw(gates.file()).unwrap();
    let mut rung = 0;
    for _ in 0..ROUNDS {
        // As if a consumer slept, with nobody there whom the event would wake.
        let parked = (gates.peek(DATA_PARKED) + 1).to_le_bytes();
        let at = DATA_PARKED.offset() as u64;
        gates.file().write_all_at(&parked, at).unwrap();
        Child::start("role_sends_and_exits", &[&name]).finish();
        assert_eq!(gates.peek(DATA_ANSWERED), gates.peek(DATA_PARKED));
        rung += usize::from(takes_the_ring(&map));
        consumer.try_recv(&mut Vec::new()).unwrap();
    }
    println!("{rung} of {ROUNDS}");
    assert!(rung >= ROUNDS * 3 / 4, "{rung} of {ROUNDS}");
}

/// Locks the mutex of each event, and waits to be killed.
#[test]
fn role_holds_the_events() {
    let Some(arguments) = role() else { return };
    let file = File::options().read(true).write(true).open(&arguments[0]);
    let file = file.unwrap();
    let map = MmapRaw::map_raw(file.as_raw_fd()).unwrap();
    for event in [DATA_EVENT, SPACE_EVENT] {
        let mutex = map.as_mut_ptr().wrapping_add(event.offset()).cast();
        // SAFETY: an event begins with its mutex, which whoever made the region initialised.
        assert_eq!(unsafe { libc::pthread_mutex_lock(mutex) }, 0);
    }
    say("held");
    while hear().is_some() {}
}

#[test]
fn one_that_dies_with_the_events_in_hand_makes_nobody_hang() {
    let name = Name::new("event-held");
    let here = options().create(&name).unwrap();
    let there: mpsc::Ring = options().open(&name).unwrap();
    let child = Child::start("role_holds_the_events", &[here.path().to_str().unwrap()]);
    child.expect("held");
    child.kill();
    let mut consumer: mpsc::Consumer = here.consumer().unwrap();
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    let mut producer = sleepy(there.producer().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| {
            for tag in 0..20 {
                // Some of them find the ring full, some the consumer asleep.
                producer.send(tag, &[0; 1000], DEADLINE).unwrap();
                if tag > 10 {
                    thread::sleep(Duration::from_millis(5));
                }
            }
        });
        for tag in 0..20 {
            if tag < 10 {
                thread::sleep(Duration::from_millis(5));
            }
            let record = consumer.recv(&mut Vec::new(), DEADLINE).unwrap();
            assert_eq!(record.tag, tag);
        }
    });
    let waited = consumer.recv(&mut Vec::new(), Duration::from_millis(100));
    assert_eq!(waited, Err(RecvError::TimedOut));
}

#[test]
fn no_wait_ends_before_its_deadline() {
    let name = Name::new("event-early");
    let ring = options().create(&name).unwrap();
    let _producer = ring.producer().unwrap();
    let mut consumer: spsc::Consumer = ring.consumer().unwrap();
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    let longest = Duration::from_millis(60);
    // For more than a second, so that some of them reach into the next one.
    for i in 0..40 {
        let wait = longest * (i % 4) / 3;
        let begin = Instant::now();
        let waited = consumer.recv(&mut Vec::new(), wait);
        assert_eq!(waited, Err(RecvError::TimedOut));
        assert!(begin.elapsed() >= wait, "{wait:?}");
    }
}

#[test]
fn a_region_without_events_is_another() {
    let name = Name::new("event-other");
    let asked = options::<Spsc>();
    let _ring = asked.clone().wakeups(Wakeups::Futex).create(&name).unwrap();
    let error = asked.open(&name).unwrap_err();
    assert!(error.to_string().contains("wakeups"), "{error}");
}
