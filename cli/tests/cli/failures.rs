//! What goes wrong is said, and nobody takes a part for the whole.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::process::{Command, Stdio};

use crate::tool::{Name, Tool, eventually};

#[test]
fn a_killed_sender_ends_the_receiver_with_3() {
    let name = Name::new("killed-sender");
    let output = tempfile::NamedTempFile::new().unwrap();
    let path = output.path().to_str().unwrap();
    let receiver = Tool::start(&["recv", &name, "--output", path], b"");
    let (mut sender, mut stdin) = Tool::start_open(&["send", &name, "--lines"]);
    stdin.write_all(b"committed\n").unwrap();
    eventually("the first line's arrival", || {
        std::fs::read(path).unwrap() == b"committed\n"
    });
    sender.kill();
    let stderr = receiver.finish().expect_code(3).stderr;
    assert!(stderr.contains("has died"), "{stderr}");
    assert!(!name.is_left_over());
}

#[test]
fn a_killed_receiver_ends_the_sender_with_3() {
    let name = Name::new("killed-receiver");
    let mut receiver = Tool::start(&["recv", &name], b"");
    let (sender, mut stdin) = Tool::start_open(&["send", &name, "--lines"]);
    stdin.write_all(b"one\n").unwrap();
    let ring = open(&name);
    let observer = ring.observer().unwrap();
    eventually("the first line's arrival", || {
        observer.tail() > 0 && observer.is_empty()
    });
    receiver.kill();
    receiver.finish();
    // The sender notices when it cannot be rid of what follows.
    stdin.write_all(b"two\n").unwrap();
    drop(stdin);
    let stderr = sender.finish().expect_code(3).stderr;
    assert!(stderr.contains("has died"), "{stderr}");
    drop((observer, ring));
    assert!(!name.is_left_over());
}

/// Opens the ring `name` once it is there.
fn open(name: &str) -> mapring::spsc::Ring {
    let mut ring = None;
    eventually("a ring", || {
        ring = mapring::spsc::Options::new().open(name).ok();
        ring.is_some()
    });
    ring.expect("it was there")
}

#[test]
fn a_line_that_is_too_long_fails_on_both_sides() {
    let name = Name::new("long-line");
    let receiver = Tool::start(&["recv", &name, "--max-payload", "10"], b"");
    name.wait_for_ring();
    let input = b"short\n0123456789\nlast\n";
    let sender = Tool::start(&["send", &name, "--lines"], input);
    let stderr = sender.finish().expect_code(1).stderr;
    assert!(
        stderr.contains("line 2 has 11 bytes") && stderr.contains("is 10"),
        "{stderr}"
    );
    let received = receiver.finish().expect_code(3);
    assert_eq!(received.stdout, b"short\n");
    assert!(!name.is_left_over());
}

#[test]
fn a_failed_sender_without_receiver_leaves_nothing() {
    let name = Name::new("long-alone");
    let sender = Tool::start(
        &["send", &name, "--lines", "--max-payload", "3"],
        b"ab\n0123",
    );
    let stderr = sender.finish().expect_code(1).stderr;
    assert!(stderr.contains("line 2 has 4 bytes"), "{stderr}");
    assert!(!name.is_left_over());
}

#[test]
fn a_receiver_that_cannot_write_fails_on_both_sides() {
    let name = Name::new("full-output");
    let receiver = Tool::start(&["recv", &name, "--output", "/dev/full"], b"");
    let sender = Tool::start(&["send", &name], b"nobody can write this");
    let stderr = receiver.finish().expect_code(1).stderr;
    assert!(stderr.contains("cannot write the output"), "{stderr}");
    sender.finish().expect_code(3);
    assert!(!name.is_left_over());
}

#[test]
fn a_closed_pipe_is_an_error_without_panic() {
    let name = Name::new("closed-pipe");
    let mut receiver = Command::new(env!("CARGO_BIN_EXE_mapring"))
        .args(["recv", &name])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(receiver.stdout.take());
    let sender = Tool::start(&["send", &name], b"nobody reads this");
    sender.finish().expect_code(3);
    let output = receiver.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("roken pipe") && !stderr.contains("panicked"),
        "{stderr}"
    );
}

#[test]
fn nobody_there_ends_both_sides_with_4() {
    let name = Name::new("timeout-recv");
    let receiver = Tool::start(&["recv", &name, "--timeout", "0.05"], b"");
    receiver.finish().expect_code(4);
    assert!(!name.is_left_over());

    let name = Name::new("timeout-send");
    let sender = Tool::start(&["send", &name, "--timeout", "0.05"], b"something");
    sender.finish().expect_code(4);
    assert!(!name.is_left_over());
}

#[test]
fn a_corrupt_ring_ends_the_receiver_with_5() {
    let name = Name::new("corrupt");
    let receiver = Tool::start(&["recv", &name], b"");
    name.wait_for_ring();
    // The first header: a committed record of 2^30 - 1 bytes, longer than any this ring takes.
    let header = 1_u64 << 63 | ((1 << 30) - 1) << 32;
    let mut file = OpenOptions::new().write(true).open(name.file()).unwrap();
    file.seek(SeekFrom::Start(4 * 4096)).unwrap();
    file.write_all(&header.to_le_bytes()).unwrap();
    let stderr = receiver.finish().expect_code(5).stderr;
    assert!(stderr.contains("corrupt"), "{stderr}");
    assert!(!name.is_left_over());
}

#[test]
fn a_second_sender_is_told_who_has_the_role() {
    let name = Name::new("second-sender");
    let (mut first, _stdin) = Tool::start_open(&["send", &name]);
    let ring = open(&name);
    let observer = ring.observer().unwrap();
    eventually("the first sender", || {
        matches!(observer.producer(), Ok(mapring::Peer::Attached { .. }))
    });
    let second = Tool::start(&["send", &name], b"").finish();
    first.kill();
    first.finish();
    drop((observer, ring));
    assert!(!name.is_left_over());
    let stderr = second.expect_code(1).stderr;
    assert!(stderr.contains("held already"), "{stderr}");
}

#[test]
fn two_sides_that_want_different_rings_are_told() {
    let name = Name::new("mismatch");
    let mut receiver = Tool::start(&["recv", &name, "--capacity", "64K"], b"");
    let ring = open(&name);
    let sender = Tool::start(&["send", &name, "--capacity", "128K"], b"").finish();
    receiver.kill();
    receiver.finish();
    drop(ring);
    assert!(!name.is_left_over());
    let stderr = sender.expect_code(1).stderr;
    assert!(
        stderr.contains("capacity of 65536, not of 131072"),
        "{stderr}"
    );
}
