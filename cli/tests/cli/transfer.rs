//! Everything arrives, whoever starts first.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::tool::{Name, Tool, eventually};

/// The output of `seq 1 200000`.
fn lines() -> Vec<u8> {
    let mut text = String::new();
    for number in 1..=200_000 {
        writeln!(text, "{number}").expect("a string takes everything");
    }
    text.into_bytes()
}

/// Bytes without a pattern that a ring could have.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut byte = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    (0..len).map(|_| byte()).collect()
}

/// Sends `input` to a receiver that started before.
#[track_caller]
fn receiver_first(test: &str, input: &[u8], options: &[&str]) {
    let name = Name::new(test);
    let receiver = Tool::start(&["recv", &name], b"");
    name.wait_for_ring();
    let sender = Tool::start(&[&["send", &name], options].concat(), input);
    sender.finish().expect_code(0);
    let received = receiver.finish().expect_code(0);
    assert!(received.stdout == input, "the bytes differ");
    assert!(!name.is_left_over());
}

/// Sends `input` to a receiver that starts later.
#[track_caller]
fn sender_first(test: &str, input: &[u8], options: &[&str]) {
    let name = Name::new(test);
    let mut sender = Tool::start(&[&["send", &name], options].concat(), input);
    name.wait_for_ring();
    assert!(sender.is_running(), "nobody has received anything yet");
    let received = Tool::start(&["recv", &name], b"").finish().expect_code(0);
    sender.finish().expect_code(0);
    assert!(received.stdout == input, "the bytes differ");
    assert!(!name.is_left_over());
}

#[test]
fn lines_with_the_receiver_first() {
    receiver_first("lines-receiver", &lines(), &["--lines"]);
}

#[test]
fn lines_with_the_sender_first() {
    sender_first("lines-sender", &lines(), &["--lines"]);
}

#[test]
fn chunks_with_the_receiver_first() {
    receiver_first("chunks-receiver", &noise(3_000_001), &[]);
}

#[test]
fn chunks_with_the_sender_first() {
    sender_first("chunks-sender", &noise(3_000_001), &["--chunk", "999"]);
}

#[test]
fn a_last_line_without_newline() {
    sender_first("no-newline", b"one\ntwo\n\nlast", &["--lines"]);
}

#[test]
fn nothing_at_all() {
    receiver_first("empty-receiver", b"", &["--lines"]);
    sender_first("empty-sender", b"", &[]);
}

#[test]
fn a_ring_smaller_than_a_default_chunk() {
    sender_first("small", &noise(100_000), &["--capacity", "4K"]);
}

#[test]
fn each_line_is_a_record_with_its_tag() {
    let name = Name::new("tag");
    let ring = mapring::spsc::Options::new().create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let sender = Tool::start(&["send", &name, "--lines", "--tag", "77"], b"a\nbc\n");
    let mut records = Vec::new();
    loop {
        let mut payload = Vec::new();
        match consumer.recv(&mut payload, Duration::from_secs(60)) {
            Ok(received) => records.push((received.tag, payload)),
            Err(mapring::RecvError::Disconnected) => break,
            Err(error) => panic!("{error}"),
        }
    }
    sender.finish().expect_code(0);
    // The empty record asks the receiver to write out what it has.
    let expected = [&b"a\n"[..], b"bc\n", b""].map(|payload| (77, payload.to_vec()));
    assert_eq!(records, expected);
}

#[test]
fn chunks_have_the_length_asked_for() {
    let name = Name::new("chunk-length");
    let ring = mapring::spsc::Options::new().create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let sender = Tool::start(&["send", &name, "--chunk", "1K"], &noise(2500));
    let mut lengths = Vec::new();
    eventually("the end", || {
        let drained = consumer.drain(10, |record| lengths.push(record.len()));
        drained == Err(mapring::TryRecvError::Disconnected)
    });
    sender.finish().expect_code(0);
    assert_eq!(lengths, [1024, 1024, 452, 0]);
}

#[test]
fn a_library_producer_that_leaves_ends_the_receiver() {
    let name = Name::new("library-producer");
    let receiver = Tool::start(&["recv", &name], b"");
    name.wait_for_ring();
    let ring = mapring::spsc::Options::new().create_or_open(&name).unwrap();
    let mut producer = ring.producer().unwrap();
    producer.try_send(1, b"some ").unwrap();
    producer.try_send(2, b"").unwrap();
    producer.try_send(3, b"bytes").unwrap();
    drop((producer, ring));
    assert_eq!(receiver.finish().expect_code(0).stdout, b"some bytes");
}

#[test]
fn from_file_to_file() {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (directory.path().join("from"), directory.path().join("to"));
    fs::write(&from, noise(50_000)).unwrap();
    let name = Name::new("files");
    let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
    let sender = Tool::start(&["send", &name, from], b"");
    let receiver = Tool::start(&["recv", &name, "--output", to], b"");
    sender.finish().expect_code(0);
    assert_eq!(receiver.finish().expect_code(0).stdout, b"");
    assert!(fs::read(to).unwrap() == noise(50_000));
}

#[test]
fn transfers_in_a_row_do_not_merge() {
    in_a_row("row", &[]);
}

#[test]
fn transfers_in_a_row_by_a_ring_of_many_do_not_merge() {
    in_a_row("row-mpsc", &["--mpsc"]);
}

/// Starts one sender after the other, and one receiver after the other.
#[track_caller]
fn in_a_row(test: &str, options: &[&str]) {
    const TRANSFERS: usize = 20;
    let name = Name::new(test);
    // A shell, because it starts the next sender as soon as it can. With a timeout, because it
    // is left to itself when this test fails.
    let script = r#"count=$1 mapring=$2; shift 2
        for number in $(seq $count); do echo "$number" | "$mapring" send --timeout 10 "$@" || exit; done"#;
    let mut senders = Command::new("sh")
        .args(["-c", script, "sh", &TRANSFERS.to_string()])
        .args([env!("CARGO_BIN_EXE_mapring"), &name])
        .args(options)
        .spawn()
        .expect("a shell");
    for number in 1..=TRANSFERS {
        let receiver = Tool::start(&[&["recv", &name], options].concat(), b"");
        let received = receiver.finish().expect_code(0);
        let received = String::from_utf8(received.stdout).expect("text");
        assert_eq!(received, format!("{number}\n"));
    }
    assert!(senders.wait().expect("a child").success());
    assert!(!name.is_left_over());
}

#[test]
fn a_sender_waits_for_the_receiver_to_leave_but_not_without_end() {
    let name = Name::new("stays");
    let ring = mapring::spsc::Options::new().create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let start = Instant::now();
    let sender = Tool::start(&["send", &name], b"something");
    eventually("the end", || {
        consumer.drain(10, |_| ()) == Err(mapring::TryRecvError::Disconnected)
    });
    sender.finish().expect_code(0);
    assert!(start.elapsed() >= Duration::from_secs(1));
}

/// A side that took its predecessor's end for the end of this transfer would be gone by then.
const LONG_ENOUGH_TO_GIVE_UP: Duration = Duration::from_millis(200);

fn observe(path: &str) -> mapring::spsc::Observer {
    let ring = mapring::spsc::Options::new()
        .open_at(path)
        .expect("the ring is there");
    ring.observer().expect("it can be looked at")
}

fn is_attached(peer: Result<mapring::Peer, mapring::Corrupt>) -> bool {
    matches!(peer, Ok(mapring::Peer::Attached { .. }))
}

#[test]
fn a_file_backed_ring_serves_again_and_again() {
    let directory = tempfile::tempdir().unwrap();
    let ring = directory.path().join("ring");
    let ring = ring.to_str().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, b"from a file").unwrap();

    let sender = Tool::start(&["send", "--at", ring], b"first");
    let receiver = Tool::start(&["recv", "--at", ring], b"");
    sender.finish().expect_code(0);
    assert_eq!(receiver.finish().expect_code(0).stdout, b"first");

    // The ring remembers that both have left; neither may take that for the end of this transfer.
    let observer = observe(ring);
    let mut receiver = Tool::start(&["recv", "--at", ring], b"");
    eventually("the receiver", || is_attached(observer.consumer()));
    thread::sleep(LONG_ENOUGH_TO_GIVE_UP);
    assert!(receiver.is_running());
    let sender = Tool::start(&["send", file.to_str().unwrap(), "--at", ring], b"");
    sender.finish().expect_code(0);
    assert_eq!(receiver.finish().expect_code(0).stdout, b"from a file");

    let long = noise(3_000_000);
    let mut sender = Tool::start(&["send", "--at", ring], &long);
    eventually("the sender", || is_attached(observer.producer()));
    thread::sleep(LONG_ENOUGH_TO_GIVE_UP);
    assert!(sender.is_running());
    let receiver = Tool::start(&["recv", "--at", ring], b"");
    sender.finish().expect_code(0);
    assert!(receiver.finish().expect_code(0).stdout == long);
}
