//! A look at a ring.

use std::mem;
use std::process;
use std::time::Duration;

use mapring::{RecvError, WaitStrategy, Wakeups, mpsc, spsc};

use crate::tool::{Name, Tool};

/// What is printed of a ring that is there.
#[track_caller]
fn stat(arguments: &[&str]) -> String {
    let finished = Tool::start(&[&["stat"], arguments].concat(), b"").finish();
    let stdout = String::from_utf8(finished.expect_code(0).stdout).expect("text");
    for line in stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    stdout
}

/// The words behind the one that a line starts with.
#[track_caller]
fn line<'a>(stdout: &'a str, first: &str) -> Vec<&'a str> {
    let mut lines = stdout.lines().map(|line| line.split_whitespace());
    let found = lines.find_map(|mut words| (words.next() == Some(first)).then_some(words));
    found
        .unwrap_or_else(|| panic!("no {first} in {stdout}"))
        .collect()
}

/// The line below the one that starts with `title`.
#[track_caller]
fn below<'a>(stdout: &'a str, title: &str) -> Vec<&'a str> {
    let mut lines = stdout.lines().skip_while(|line| !line.starts_with(title));
    lines
        .nth(1)
        .unwrap_or_else(|| panic!("nothing below {title} in {stdout}"))
        .split_whitespace()
        .collect()
}

#[test]
fn a_ring_of_one_sender() {
    let name = Name::new("stat-spsc");
    let ring = spsc::Options::new()
        .capacity(4096)
        .max_payload(100)
        .create(&name)
        .unwrap();
    let mut producer = ring.producer().unwrap();
    for _ in 0..3 {
        producer.try_send(0, &[7; 56]).unwrap();
    }
    let mut consumer = ring.consumer().unwrap();
    consumer.try_recv(&mut [0; 56]).unwrap();
    // Whoever leaves shows its counters.
    drop((producer, consumer));

    let stdout = stat(&[&name]);
    assert_eq!(line(&stdout, "ring"), [name.file().to_str().unwrap()]);
    assert_eq!(line(&stdout, "kind"), ["SPSC"]);
    assert_eq!(line(&stdout, "capacity"), ["4,096", "bytes"]);
    assert_eq!(line(&stdout, "max"), ["payload", "100", "bytes"]);
    assert_eq!(line(&stdout, "alignment"), ["8", "bytes"]);
    assert_eq!(line(&stdout, "used"), ["128", "bytes"]);
    assert_eq!(line(&stdout, "head"), ["64"]);
    assert_eq!(line(&stdout, "tail"), ["192"]);
    assert_eq!(
        below(&stdout, "producer")[..5],
        ["0", "left", "-", "3", "192"]
    );
    assert_eq!(below(&stdout, "consumer")[..4], ["left", "-", "1", "64"]);
    assert!(!stdout.contains("Stalled"), "{stdout}");
    assert_eq!(below(&stdout, "slept"), ["consumer", "0", "0"]);
    // It has changed nothing, and is not there any more.
    assert_eq!(ring.observer().unwrap().len(), 128);
    drop(ring);
    assert!(!name.is_left_over());
}

#[test]
fn a_ring_of_many_senders() {
    let name = Name::new("stat-mpsc");
    let ring = mpsc::Options::new().producers(8).create(&name).unwrap();
    let mut there = ring.producer().unwrap();
    let left = ring.producer().unwrap();
    ring.producer().unwrap().abandon();
    drop(left);
    there.try_send(0, b"something").unwrap();
    let _consumer = ring.consumer().unwrap();

    let stdout = stat(&[&name]);
    let pid = process::id().to_string();
    assert_eq!(line(&stdout, "kind"), ["MPSC"]);
    assert_eq!(line(&stdout, "repairs"), ["0"]);
    assert_eq!(line(&stdout, "0")[..2], ["attached", &pid]);
    assert_eq!(line(&stdout, "1")[..2], ["left", "-"]);
    assert_eq!(line(&stdout, "2")[..2], ["died", &pid]);
    assert_eq!(below(&stdout, "consumer")[..2], ["attached", &pid]);
    assert_eq!(line(&stdout, "of"), ["8", "slots"]);
    assert!(!stdout.contains("\n       3 "), "{stdout}");
}

#[test]
fn who_slept_and_how_often() {
    let name = Name::new("stat-slept");
    let ring = mpsc::Options::new().producers(8).create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    let _first = ring.producer().unwrap();
    let _second = ring.producer().unwrap();
    let soon = Duration::from_millis(1);
    for _ in 0..3 {
        assert_eq!(consumer.wait(soon), Err(RecvError::TimedOut));
    }
    // Whoever leaves shows its counters.
    drop(consumer);

    let stdout = stat(&[&name]);
    let slept = &stdout[stdout.find("\nslept").expect("a table")..];
    let rows: Vec<_> = slept.lines().skip(2).collect();
    assert!(rows.iter().all(|row| row.ends_with(" 0")), "{stdout}");
    let rows: Vec<Vec<_>> = rows
        .iter()
        .map(|row| row.split_whitespace().collect())
        .collect();
    let [of_consumer, of_first, of_second] = rows.as_slice() else {
        panic!("not three rows: {stdout}");
    };
    // It may wake up a moment before the time is over, and sleep again.
    assert!(of_consumer[0] == "consumer" && of_consumer[1].parse::<u64>().unwrap() >= 3);
    assert_eq!(of_first[..], ["producer", "0", "0", "0"]);
    assert_eq!(of_second[..], ["producer", "1", "0", "0"]);
}

#[test]
fn how_who_sleeps_is_woken() {
    for (wakeups, name_of) in [(Wakeups::None, "none"), (Wakeups::Futex, "futex")] {
        let name = Name::new(&format!("stat-{name_of}"));
        let options = spsc::Options::new().wakeups(wakeups);
        let ring = options.create(&name).unwrap();
        let stdout = stat(&[&name]);
        assert_eq!(line(&stdout, "wakeups"), [name_of]);
        assert_eq!(line(&stdout, "fences"), [ring.fences().name()]);
    }
}

#[test]
fn it_takes_no_role() {
    let name = Name::new("stat-roles");
    let ring = mpsc::Options::new().producers(1).create(&name).unwrap();
    let stdout = stat(&[&name]);
    assert_eq!(below(&stdout, "consumer")[..2], ["none", "yet"]);
    assert_eq!(below(&stdout, "producer"), ["none", "yet"]);
    let observer = ring.observer().unwrap();
    assert_eq!(observer.consumer(), Ok(mapring::Peer::Absent));
    assert_eq!(observer.producers().unwrap()[0].0, mapring::Peer::Absent);
}

#[test]
fn a_leaked_claim_is_named_as_stalled_until_it_is_not() {
    let name = Name::new("stat-stalled");
    let ring = mpsc::Options::new().create(&name).unwrap();
    let (mut leaking, mut other) = (ring.producer().unwrap(), ring.producer().unwrap());
    other.try_send(0, b"received").unwrap();
    ring.consumer().unwrap().try_recv(&mut [0; 8]).unwrap();
    let position = other.position();
    mem::forget(leaking.try_claim(1000).unwrap());
    other.try_send(0, b"behind it").unwrap();

    let stdout = stat(&[&name]);
    let stalled = format!(
        "Stalled: process {} has not finished a record of {} bytes at position {position}.",
        process::id(),
        // Above 999 there is a comma.
        format_args!("1,{:03}", leaking.record_size(1000) - 1000),
    );
    assert!(stdout.contains(&stalled), "{stdout}");
    // Its next call gives the claim up.
    leaking.try_send(0, b"going on").unwrap();
    let stdout = stat(&[&name]);
    assert!(!stdout.contains("Stalled"), "{stdout}");
}

#[test]
fn a_ring_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ring");
    let ring = spsc::Options::new().create_at(&path).unwrap();
    ring.producer().unwrap().try_send(0, b"kept").unwrap();
    drop(ring);
    let stdout = stat(&["--at", path.to_str().unwrap()]);
    assert_eq!(line(&stdout, "used"), ["16", "bytes"]);
    assert!(path.exists());
}

#[test]
fn a_ring_that_is_not_there_is_not_created() {
    let name = Name::new("stat-nothing");
    let stderr = Tool::start(&["stat", &name], b"")
        .finish()
        .expect_code(1)
        .stderr;
    assert!(stderr.contains("no region"), "{stderr}");
    assert!(!name.is_left_over());
}
