//! Who waits sleeps, as it was asked to.

use std::fs;
use std::thread;
use std::time::Duration;

use mapring::spsc::{Observer, Options};
use mapring::{Counters, Peer, Wakeups};

use crate::tool::{Name, Tool, eventually};

/// How long a side that sleeps is watched.
const WHILE: Duration = Duration::from_secs(1);
/// What it may use meanwhile: much more than it needs, much less than who does not sleep uses.
const ENOUGH: Duration = Duration::from_millis(200);

/// Looks at the ring `name` once it is there.
fn observe(name: &str) -> Observer {
    let mut observer = None;
    eventually("a ring", || {
        let ring = Options::new().open(name);
        observer = ring.ok().and_then(|ring| ring.observer().ok());
        observer.is_some()
    });
    observer.expect("it was there")
}

fn is_attached(peer: Result<Peer, mapring::Corrupt>) -> bool {
    matches!(peer, Ok(Peer::Attached { .. }))
}

/// The time for which its only thread has run.
fn processor_time(tool: &Tool) -> Duration {
    let path = format!("/proc/{}/schedstat", tool.pid());
    let text = fs::read_to_string(path).expect("it is there");
    let nanoseconds = text.split(' ').next().expect("three numbers");
    Duration::from_nanos(nanoseconds.parse().expect("a number"))
}

/// Lets a receiver wait for a sender, and checks that it uses next to no processor. Returns what
/// it has counted then.
#[track_caller]
fn receiver_sleeps(test: &str, options: &[&str]) -> Counters {
    let name = Name::new(test);
    let receiver = Tool::start(&[&["recv", &name], options].concat(), b"");
    let observer = observe(&name);
    eventually("the receiver", || observer.consumer_counters().waits > 0);
    let before = processor_time(&receiver);
    thread::sleep(WHILE);
    let used = processor_time(&receiver) - before;
    assert!(used < ENOUGH, "it used {used:?} of {WHILE:?}");
    let counters = observer.consumer_counters();
    let sender = Tool::start(&["send", &name], b"late");
    sender.finish().expect_code(0);
    assert_eq!(receiver.finish().expect_code(0).stdout, b"late");
    counters
}

#[test]
fn a_receiver_sleeps_until_a_late_sender_comes() {
    let counters = receiver_sleeps("sleeps-low-cpu", &["--wait", "low-cpu"]);
    // No wait of the tool, and no sleep of the library, is longer than a tenth of a second.
    assert!(counters.sleeps > 2, "{counters:?}");
    let counters = receiver_sleeps("sleeps-balanced", &[]);
    assert!(counters.sleeps > 2, "{counters:?}");
}

#[test]
fn a_receiver_sleeps_where_nobody_wakes_it() {
    let options = ["--wait", "low-cpu", "--wakeups", "none"];
    let counters = receiver_sleeps("naps", &options);
    // These are not counted: there is nothing to be late for.
    assert_eq!(counters.sleeps, 0);
}

#[test]
fn a_receiver_that_is_to_spin_does() {
    let name = Name::new("spins");
    let receiver = Tool::start(&["recv", &name, "--wait", "busy-spin"], b"");
    let observer = observe(&name);
    eventually("the receiver", || observer.consumer_counters().waits > 0);
    let before = processor_time(&receiver);
    eventually("what a sleeper does not use", || {
        processor_time(&receiver) - before > ENOUGH
    });
    assert_eq!(observer.consumer_counters().sleeps, 0);
    let sender = Tool::start(&["send", &name, "--wait", "busy-spin"], b"late");
    sender.finish().expect_code(0);
    assert_eq!(receiver.finish().expect_code(0).stdout, b"late");
}

#[test]
fn a_sender_sleeps_until_there_is_room() {
    let name = Name::new("room");
    let input = [7; 10_000];
    let arguments = ["send", &name, "--capacity", "4K", "--wait", "low-cpu"];
    let sender = Tool::start(&arguments, &input);
    let observer = observe(&name);
    eventually("a full ring", || observer.producer_counters().waits > 0);
    let before = processor_time(&sender);
    thread::sleep(WHILE);
    let used = processor_time(&sender) - before;
    assert!(used < ENOUGH, "it used {used:?} of {WHILE:?}");
    assert!(observer.producer_counters().sleeps > 2);
    let received = Tool::start(&["recv", &name], b"").finish().expect_code(0);
    sender.finish().expect_code(0);
    assert!(received.stdout == input, "the bytes differ");
}

#[test]
fn a_sender_that_is_to_spin_does() {
    let name = Name::new("room-spins");
    let input = [7; 10_000];
    let arguments = ["send", &name, "--capacity", "4K", "--wait", "busy-spin"];
    let sender = Tool::start(&arguments, &input);
    let observer = observe(&name);
    eventually("a full ring", || observer.producer_counters().waits > 0);
    let before = processor_time(&sender);
    eventually("what a sleeper does not use", || {
        processor_time(&sender) - before > ENOUGH
    });
    assert_eq!(observer.producer_counters().sleeps, 0);
    let received = Tool::start(&["recv", &name], b"").finish().expect_code(0);
    sender.finish().expect_code(0);
    assert!(received.stdout == input, "the bytes differ");
}

#[test]
fn senders_of_many_wait_as_they_are_asked_to() {
    for how in ["busy-spin", "balanced", "low-cpu"] {
        let name = Name::new(&format!("mpsc-{how}"));
        let options = ["--mpsc", "--wait", how, "--capacity", "4K"];
        let input = [7; 50_000];
        let sender = Tool::start(&[&["send", &name][..], &options].concat(), &input);
        name.wait_for_ring();
        let receiver = Tool::start(&[&["recv", &name][..], &options].concat(), b"");
        sender.finish().expect_code(0);
        assert!(receiver.finish().expect_code(0).stdout == input, "{how}");
    }
}

#[test]
fn the_creator_says_who_wakes() {
    for (words, wakeups) in [
        (&["--wakeups", "none"][..], Wakeups::None),
        (&["--wakeups", "futex"], Wakeups::Futex),
        (&[], Wakeups::Futex),
    ] {
        let name = Name::new(&format!("creator-{}", words.concat()));
        let mut receiver = Tool::start(&[&["recv", &name], words].concat(), b"");
        let observer = observe(&name);
        eventually("the receiver", || is_attached(observer.consumer()));
        let ring = Options::new().wakeups(wakeups).open(&name);
        assert!(ring.is_ok(), "{words:?}: {ring:?}");
        receiver.kill();
        receiver.finish();
    }
}

#[test]
fn who_wants_others_to_wake_is_told() {
    let name = Name::new("other-wakeups");
    let mut receiver = Tool::start(&["recv", &name, "--wakeups", "none"], b"");
    let observer = observe(&name);
    eventually("the receiver", || is_attached(observer.consumer()));
    let sender = Tool::start(&["send", &name, "--wakeups", "futex"], b"").finish();
    // Who asks for nothing takes what there is.
    let silent = Tool::start(&["send", &name], b"something").finish();
    assert_eq!(silent.expect_code(0).stderr, "");
    assert!(!receiver.is_running() || receiver.finish().code == Some(0));
    let stderr = sender.expect_code(1).stderr;
    assert!(
        stderr.contains("created with other --wakeups") && stderr.contains("wakeups of 0"),
        "{stderr}"
    );
}
