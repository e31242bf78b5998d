//! Rings of many senders.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::mem;
use std::time::Duration;

use mapring::Peer;
use mapring::generic::Stalled;
use mapring::mpsc::{Observer, Options};
use rustix::process::Signal;

use crate::tool::{Name, Tool, eventually};

/// Looks at the ring `name` once it is there.
pub(crate) fn observe(name: &str) -> Observer {
    let mut observer = None;
    eventually("a ring", || {
        let ring = Options::new().open(name);
        observer = ring.ok().and_then(|ring| ring.observer().ok());
        observer.is_some()
    });
    observer.expect("it was there")
}

/// Waits until so many senders are there.
#[track_caller]
pub(crate) fn wait_for_senders(observer: &Observer, count: usize) {
    eventually("the senders", || {
        let senders = observer.producers().expect("a ring as it should be");
        let there = |(peer, _): &&(Peer, _)| matches!(peer, Peer::Attached { .. });
        senders.iter().filter(there).count() == count
    });
}

/// So many lines, each with the sender's letter and a number.
pub(crate) fn lines(letter: char, count: u32) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        writeln!(text, "{letter}{number}").expect("a string takes everything");
        text
    })
}

/// The lines of one sender, in the order in which they are in `text`.
pub(crate) fn of(letter: char, text: &str) -> String {
    let lines = text.lines().filter(|line| line.starts_with(letter));
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn lines_of_several_senders_arrive_whole_and_in_order() {
    const SENDERS: [char; 4] = ['a', 'b', 'c', 'd'];
    let name = Name::new("several");
    // Less room than each of them needs, so that all of them have to wait in between.
    let options = ["--mpsc", "--capacity", "64K", "--lines"];
    let senders = SENDERS.map(|letter| {
        let input = lines(letter, 20_000);
        Tool::start(&[&["send", &name], &options[..]].concat(), input.as_bytes())
    });
    let observer = observe(&name);
    wait_for_senders(&observer, SENDERS.len());
    drop(observer);
    let received = Tool::start(&["recv", &name, "--mpsc"], b"").finish();
    for sender in senders {
        sender.finish().expect_code(0);
    }
    let text = String::from_utf8(received.expect_code(0).stdout).unwrap();
    for letter in SENDERS {
        assert!(of(letter, &text) == lines(letter, 20_000), "{letter}");
    }
    assert_eq!(text.lines().count(), 80_000);
    assert!(!name.is_left_over());
}

#[test]
fn a_receiver_waits_for_the_first_sender_and_ends_with_the_last() {
    let name = Name::new("first-and-last");
    let mut receiver = Tool::start(&["recv", &name, "--mpsc", "--producers", "3"], b"");
    let observer = observe(&name);
    assert_eq!(observer.producers().unwrap().len(), 3);
    let (last, mut last_input) = Tool::start_open(&["send", &name, "--mpsc", "--lines"]);
    wait_for_senders(&observer, 1);
    let first = Tool::start(&["send", &name, "--mpsc"], b"first ");
    first.finish().expect_code(0);
    assert!(receiver.is_running());
    last_input.write_all(b"last").unwrap();
    drop((last_input, observer));
    last.finish().expect_code(0);
    assert_eq!(receiver.finish().expect_code(0).stdout, b"first last");
    assert!(!name.is_left_over());
}

#[test]
fn a_killed_sender_does_not_stop_the_others_but_is_told() {
    let name = Name::new("killed-among-others");
    let output = tempfile::NamedTempFile::new().unwrap();
    let path = output.path().to_str().unwrap();
    let mut receiver = Tool::start(&["recv", &name, "--mpsc", "--output", path], b"");
    let (mut killed, mut input) = Tool::start_open(&["send", &name, "--mpsc", "--lines"]);
    let (living, mut living_input) = Tool::start_open(&["send", &name, "--mpsc", "--lines"]);
    let observer = observe(&name);
    wait_for_senders(&observer, 2);
    input.write_all(b"committed\n").unwrap();
    eventually("the first line's arrival", || {
        fs::read(path).unwrap() == b"committed\n"
    });
    let pid = killed.pid();
    killed.kill();
    killed.finish();
    living_input
        .write_all(lines('b', 10_000).as_bytes())
        .unwrap();
    drop((living_input, observer));
    assert!(receiver.is_running());
    living.finish().expect_code(0);
    let stderr = receiver.finish().expect_code(3).stderr;
    assert!(
        stderr.contains(&format!("process {pid}, has died")),
        "{stderr}"
    );
    let expected = "committed\n".to_owned() + &lines('b', 10_000);
    assert!(fs::read(path).unwrap() == expected.as_bytes());
    assert!(!name.is_left_over());
}

/// Stops a producer that is in the middle of a record, and returns what it has claimed.
fn stop_in_mid_claim(producer: &Tool, observer: &Observer) -> Stalled {
    loop {
        producer.signal(Signal::STOP);
        // A signal is on its way for a moment; after that, nothing changes.
        eventually("its stop", || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", producer.pid()));
            stat.expect("it is there").contains(") T ")
        });
        // What was sent before is received first.
        let tail = observer.tail();
        eventually("the head of the ring, or a claim there", || {
            observer.head() == tail || observer.stalled().is_some()
        });
        match observer.stalled() {
            Some(claim) => return claim,
            None => producer.signal(Signal::CONT),
        }
    }
}

#[test]
fn what_a_dead_sender_had_claimed_is_skipped_and_told() {
    let name = Name::new("skipped");
    let output = tempfile::NamedTempFile::new().unwrap();
    let path = output.path().to_str().unwrap();
    let receiver = Tool::start(&["recv", &name, "--mpsc", "--output", path], b"");
    let observer = observe(&name);
    // The demo's producers take their time for each record.
    let arguments = ["demo-producer", &name, "--number=0", "--seconds=60"];
    let (mut killed, mut go) = Tool::start_open(&arguments);
    go.write_all(b"g").unwrap();
    eventually("some records", || observer.head() > 10_000);
    let claim = stop_in_mid_claim(&killed, &observer);
    assert_eq!(claim.pid, killed.pid());

    let living = Tool::start(&["send", &name, "--mpsc"], b"behind it");
    eventually("a record behind it", || {
        observer.tail() > claim.position + claim.size as u64
    });
    // It may only be slow, as far as the receiver knows.
    assert_eq!(observer.stalled(), Some(claim));
    drop(observer);
    killed.kill();
    killed.finish();
    living.finish().expect_code(0);
    let stderr = receiver.finish().expect_code(3).stderr;
    let Stalled {
        pid,
        position,
        size,
    } = claim;
    let skipped = format!("process {pid} died with {size} bytes claimed at position {position},");
    assert!(stderr.contains(&skipped), "{stderr}");
    assert!(fs::read(path).unwrap().ends_with(b"behind it"));
    assert!(!name.is_left_over());
}

#[test]
fn a_skipped_claim_is_told_though_somebody_has_the_slot_since() {
    let name = Name::new("slot-taken");
    let recv = ["recv", &name, "--mpsc", "--producers", "2"];
    let receiver = Tool::start(&[&recv[..], &["--output", "/dev/null"]].concat(), b"");
    let observer = observe(&name);
    let (living, input) = Tool::start_open(&["send", &name, "--mpsc"]);
    wait_for_senders(&observer, 1);
    let arguments = ["demo-producer", &name, "--number=0", "--seconds=60"];
    let (mut killed, mut go) = Tool::start_open(&arguments);
    go.write_all(b"g").unwrap();
    eventually("some records", || observer.head() > 10_000);
    stop_in_mid_claim(&killed, &observer);
    killed.kill();
    killed.finish();
    // Only one slot is free.
    let successor = Tool::start(&["send", &name, "--mpsc"], b"complete");
    successor.finish().expect_code(0);
    let is_dead = |(peer, _): &(Peer, _)| matches!(peer, Peer::Died { .. });
    assert!(!observer.producers().unwrap().iter().any(is_dead));
    drop((input, observer));
    living.finish().expect_code(0);
    receiver.finish().expect_code(3);
    assert!(!name.is_left_over());
}

#[test]
fn who_holds_everybody_up_is_named_at_a_timeout() {
    let name = Name::new("held-up");
    let ring = Options::new().create(&name).unwrap();
    let mut producer = ring.producer().unwrap();
    mem::forget(producer.try_claim(1000).unwrap());
    let receiver = Tool::start(&["recv", &name, "--mpsc", "--timeout", "0.2"], b"");
    let stderr = receiver.finish().expect_code(4).stderr;
    let named = format!("process {} has not finished", std::process::id());
    assert!(stderr.contains(&named), "{stderr}");
}

#[test]
fn a_sender_waits_on_as_long_as_others_are_read() {
    let name = Name::new("others-are-read");
    let ring = Options::new().capacity(4096).create(&name).unwrap();
    let (mut other, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    while other.try_send(0, &[0; 56]).is_ok() {}
    let mut payload = Vec::new();
    let mut sender = Tool::start(&["send", &name, "--mpsc", "--timeout", "1.5"], b"patient");
    let observer = ring.observer().unwrap();
    wait_for_senders(&observer, 2);
    // As full as before after each step, and longer than the sender waits for nothing.
    for _ in 0..10 {
        consumer.recv(&mut payload, Duration::ZERO).unwrap();
        while other.try_send(0, &[0; 56]).is_ok() {}
        std::thread::sleep(Duration::from_millis(200));
        assert!(sender.is_running());
    }
    while consumer.recv(&mut payload, Duration::from_secs(10)).is_ok() && payload != b"patient" {}
    drop(other);
    eventually("the end", || {
        consumer.drain(10, |_| ()) == Err(mapring::TryRecvError::Disconnected)
    });
    drop(consumer);
    sender.finish().expect_code(0);
}

#[test]
fn an_interrupted_sender_among_many_is_not_complete() {
    let name = Name::new("mpsc-interrupted");
    let receiver = Tool::start(&["recv", &name, "--mpsc", "--output", "/dev/null"], b"");
    let interrupted = Tool::start(&["send", &name, "--mpsc", "/dev/zero"], b"");
    let (living, input) = Tool::start_open(&["send", &name, "--mpsc"]);
    let observer = observe(&name);
    wait_for_senders(&observer, 2);
    eventually("a few records", || observer.tail() > 1 << 20);
    interrupted.signal(Signal::INT);
    interrupted.finish().expect_code(130);
    drop((input, observer));
    living.finish().expect_code(0);
    receiver.finish().expect_code(3);
    assert!(!name.is_left_over());
}

#[test]
fn the_other_kind_of_ring_is_refused_with_a_hint() {
    for (own, other, hint) in [
        (None, Some("--mpsc"), "do not give --mpsc"),
        (Some("--mpsc"), None, "many senders, give --mpsc"),
    ] {
        let name = Name::new(&format!("kind-{}", own.is_some()));
        let receiver = ["recv", &name].into_iter().chain(own);
        let mut receiver = Tool::start(&receiver.collect::<Vec<_>>(), b"");
        name.wait_for_ring();
        let sender = ["send", &name].into_iter().chain(other);
        let sender = Tool::start(&sender.collect::<Vec<_>>(), b"").finish();
        receiver.kill();
        receiver.finish();
        let stderr = sender.expect_code(1).stderr;
        assert!(stderr.contains(hint) && stderr.contains("SPSC"), "{stderr}");
    }
}

#[test]
fn a_sender_too_many_is_told() {
    let name = Name::new("too-many");
    let (mut first, _input) = Tool::start_open(&["send", &name, "--mpsc", "--producers", "1"]);
    let observer = observe(&name);
    wait_for_senders(&observer, 1);
    let second = Tool::start(&["send", &name, "--mpsc"], b"").finish();
    first.kill();
    first.finish();
    let stderr = second.expect_code(1).stderr;
    assert!(stderr.contains("all 1 producer slots"), "{stderr}");
}

#[test]
fn an_earlier_transfer_s_death_is_not_this_one_s() {
    let directory = tempfile::tempdir().unwrap();
    let ring = directory.path().join("ring");
    let at = ["--mpsc", "--at", ring.to_str().unwrap()];
    let receiver = Tool::start(&[&["recv"], &at[..]].concat(), b"");
    let mut observer = None;
    eventually("a ring", || {
        let opened = Options::new().open_at(&ring);
        observer = opened.ok().and_then(|ring| ring.observer().ok());
        observer.is_some()
    });
    let observer = observer.unwrap();
    let (mut killed, input) = Tool::start_open(&[&["send"], &at[..]].concat());
    wait_for_senders(&observer, 1);
    killed.kill();
    killed.finish();
    drop(input);
    receiver.finish().expect_code(3);

    // The dead one's slot is as it was, and nobody needs it.
    let receiver = Tool::start(&[&["recv"], &at[..]].concat(), b"");
    eventually("the receiver", || {
        matches!(observer.consumer(), Ok(Peer::Attached { .. }))
    });
    let sender = Tool::start(&[&["send"], &at[..]].concat(), b"complete");
    sender.finish().expect_code(0);
    assert_eq!(receiver.finish().expect_code(0).stdout, b"complete");
}
