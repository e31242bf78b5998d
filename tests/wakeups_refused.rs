//! Systems that refuse the calls by which processes sleep and wake.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::thread;
use std::time::{Duration, Instant};

use mapring::layout::{FENCES, Fences};
use mapring::spsc::Options;
use mapring::{OpenError, RecvError, WaitStrategy};

use common::gates::Gates;
use common::seccomp::refuse;
use common::{Child, DEADLINE, Name, hear, role, say};

/// Much longer than the bound of a sleep, for slow machines.
const LONG: Duration = Duration::from_secs(10);

fn options() -> Options {
    Options::new().capacity(4096).max_payload(256)
}

/// Lets every such call of this thread fail.
fn refuse_all(call: libc::c_long) {
    refuse(call as u32, 0, 0, libc::ENOSYS as u32);
}

/// Role: creates a region where there is no `membarrier`, and answers what it receives in another
/// one.
#[test]
fn role_create_without_membarrier() {
    let Some(arguments) = role() else { return };
    refuse_all(libc::SYS_membarrier);
    let there = options().create(&arguments[0]).unwrap();
    let back = options().create(&arguments[1]).unwrap();
    let mut consumer = there.consumer().unwrap();
    let mut producer = back.producer().unwrap();
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    say("created");
    for tag in 0..ROUNDS {
        let received = consumer.recv(&mut Vec::new(), DEADLINE).unwrap();
        assert_eq!(received.tag, tag);
        producer.send(tag, b"back", DEADLINE).unwrap();
    }
    drop(consumer);
    let counters = there.observer().unwrap().consumer_counters();
    say(format!(
        "slept {} late {}",
        counters.sleeps.min(1),
        counters.late
    ));
    // The other one has read all of it by then.
    hear();
}

/// How often a record goes there and back.
const ROUNDS: u32 = 2000;

#[test]
fn a_region_created_without_membarrier_has_symmetric_fences_and_works() {
    let (there, back) = (Name::new("fences-there"), Name::new("fences-back"));
    let child = Child::start("role_create_without_membarrier", &[&there, &back]);
    child.expect("created");
    for name in [&there, &back] {
        let fences = Gates::of(&name.path()).peek(FENCES);
        assert_eq!(fences, Fences::Symmetric as u64);
    }
    // This process may make the call, and does as the region says.
    let there = options().open(&there).unwrap();
    let back = options().open(&back).unwrap();
    let mut producer = there.producer().unwrap();
    let mut consumer = back.consumer().unwrap();
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    for tag in 0..ROUNDS {
        producer.send(tag, b"there", DEADLINE).unwrap();
        assert_eq!(consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag, tag);
    }
    drop(consumer);
    child.expect("slept 1 late 0");
    let counters = back.observer().unwrap().consumer_counters();
    assert!(counters.sleeps > 0, "it did not sleep");
    assert_eq!(counters.late, 0);
    child.finish_listening();
}

/// Role: opens a region that relies on `membarrier`, where there is none.
#[test]
fn role_open_without_membarrier() {
    let Some(arguments) = role() else { return };
    refuse_all(libc::SYS_membarrier);
    let error = options().open(&arguments[0]).unwrap_err();
    let text = error.to_string();
    let OpenError::Fences { path, source } = error else {
        panic!("{error}");
    };
    assert_eq!(source.raw_os_error(), Some(libc::ENOSYS));
    let path = path.to_str().unwrap();
    assert!(text.contains(path) && text.contains("membarrier"), "{text}");
    say("refused");
}

#[test]
fn a_region_that_relies_on_membarrier_is_not_opened_without() {
    let name = Name::new("fences-refused");
    let ring = options().create(&name).unwrap();
    let fences = Gates::of(ring.path()).peek(FENCES);
    if fences != Fences::Membarrier as u64 {
        println!("this system has no membarrier: there is nothing to refuse");
        return;
    }
    let child = Child::start("role_open_without_membarrier", &[&name]);
    child.expect("refused");
    child.finish();
}

/// Role: waits where there is no `futex`.
#[test]
fn role_wait_without_futex() {
    let Some(arguments) = role() else { return };
    let ring = options().open(&arguments[0]).unwrap();
    let mut consumer = ring.consumer().unwrap();
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    refuse_all(libc::SYS_futex);
    let time = Duration::from_millis(250);
    let begin = Instant::now();
    let received = consumer.recv(&mut Vec::new(), time);
    assert_eq!(received, Err(RecvError::TimedOut));
    let took = begin.elapsed();
    assert!(took >= time && took < time + LONG, "{took:?}");
    say("timed out");
    let received = consumer.recv(&mut Vec::new(), DEADLINE).unwrap();
    say(received.tag);
}

#[test]
fn waits_end_where_there_is_no_futex() {
    let name = Name::new("no-futex");
    let ring = options().create(&name).unwrap();
    let mut producer = ring.producer().unwrap();
    let child = Child::start("role_wait_without_futex", &[&name]);
    child.expect("timed out");
    // It waits for some time.
    thread::sleep(Duration::from_millis(150));
    producer.try_send(7, b"payload").unwrap();
    child.expect("7");
    // Its threads cannot wake each other either, so that it would not end by itself.
    child.kill();
}
