//! Signals that ask for an end leave nothing behind.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use mapring::Peer;
use mapring::spsc::{Observer, Options};
use rustix::process::Signal;

use crate::tool::{Name, Tool, eventually};

/// What Ctrl-C, a plain `kill` and a closed terminal send.
const SIGNALS: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];

fn is_attached(peer: Result<Peer, mapring::Corrupt>) -> bool {
    matches!(peer, Ok(Peer::Attached { .. }))
}

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

#[test]
fn a_lone_receiver_leaves_nothing() {
    for signal in SIGNALS {
        let name = Name::new(&format!("lone-receiver-{}", signal.as_raw()));
        let receiver = Tool::start(&["recv", &name], b"");
        let observer = observe(&name);
        eventually("the receiver", || is_attached(observer.consumer()));
        drop(observer);
        receiver.signal(signal);
        let stderr = receiver.finish().expect_code(130).stderr;
        assert!(stderr.contains("interrupted"), "{stderr}");
        assert!(!name.is_left_over());
    }
}

#[test]
fn a_sender_that_waits_for_input_leaves_nothing() {
    for signal in SIGNALS {
        let name = Name::new(&format!("lone-sender-{}", signal.as_raw()));
        let (sender, _stdin) = Tool::start_open(&["send", &name]);
        let observer = observe(&name);
        eventually("the sender", || is_attached(observer.producer()));
        drop(observer);
        sender.signal(signal);
        sender.finish().expect_code(130);
        assert!(!name.is_left_over());
    }
}

#[test]
fn a_sender_that_waits_for_room_leaves_nothing() {
    let name = Name::new("no-room");
    let sender = Tool::start(&["send", &name, "--capacity", "4K"], &[7; 10_000]);
    let observer = observe(&name);
    eventually("a full ring", || observer.len() > 2000);
    drop(observer);
    sender.signal(Signal::INT);
    sender.finish().expect_code(130);
    assert!(!name.is_left_over());
}

#[test]
fn a_sender_that_waits_for_the_end_leaves_nothing() {
    let name = Name::new("no-end");
    let sender = Tool::start(&["send", &name], b"");
    let observer = observe(&name);
    eventually("the last record", || !observer.is_empty());
    drop(observer);
    sender.signal(Signal::INT);
    sender.finish().expect_code(130);
    assert!(!name.is_left_over());
}

#[test]
fn an_interrupted_sender_ends_the_receiver_with_3() {
    let name = Name::new("interrupted-sender");
    let output = tempfile::NamedTempFile::new().unwrap();
    let path = output.path().to_str().unwrap();
    let receiver = Tool::start(&["recv", &name, "--output", path], b"");
    let (sender, mut stdin) = Tool::start_open(&["send", &name, "--lines"]);
    stdin.write_all(b"one\n").unwrap();
    eventually("the first line's arrival", || {
        fs::read(path).unwrap() == b"one\n"
    });
    sender.signal(Signal::INT);
    sender.finish().expect_code(130);
    receiver.finish().expect_code(3);
    assert_eq!(fs::read(path).unwrap(), b"one\n");
    assert!(!name.is_left_over());
}

#[test]
fn a_sender_is_interrupted_while_there_is_always_more() {
    let name = Name::new("endless");
    let receiver = Tool::start(&["recv", &name, "--output", "/dev/null"], b"");
    let sender = Tool::start(&["send", &name, "/dev/zero"], b"");
    let observer = observe(&name);
    eventually("a few records", || observer.tail() > 1 << 20);
    drop(observer);
    sender.signal(Signal::INT);
    sender.finish().expect_code(130);
    receiver.finish().expect_code(3);
    assert!(!name.is_left_over());
}

#[test]
fn an_interrupted_receiver_ends_the_sender_with_3() {
    let name = Name::new("interrupted-receiver");
    let receiver = Tool::start(&["recv", &name, "--output", "/dev/null"], b"");
    let sender = Tool::start(&["send", &name, "/dev/zero"], b"");
    let observer = observe(&name);
    eventually("a few records", || observer.tail() > 1 << 20);
    drop(observer);
    receiver.signal(Signal::INT);
    receiver.finish().expect_code(130);
    sender.finish().expect_code(3);
    assert!(!name.is_left_over());
}

#[test]
fn a_second_signal_ends_a_receiver_that_is_stuck() {
    let name = Name::new("stuck");
    // Nobody reads its output.
    let mut receiver = Command::new(env!("CARGO_BIN_EXE_mapring"))
        .args(["recv", &name])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let _sender = Tool::start(&["send", &name, "/dev/zero"], b"");
    let pid = rustix::process::Pid::from_child(&receiver);
    let observer = observe(&name);
    // More than a pipe takes, so it does not come to look for a signal any more.
    eventually("a full pipe", || observer.head() > 1 << 17);
    eventually("its end", || {
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
        receiver.try_wait().unwrap().is_some()
    });
    let status = receiver.wait().unwrap();
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()));
}

#[test]
fn a_signal_that_was_to_be_ignored_still_is() {
    let name = Name::new("ignored");
    let script = "trap '' HUP; exec \"$0\" recv \"$1\"";
    let mut receiver = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_mapring"), &name])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let observer = observe(&name);
    eventually("the receiver", || is_attached(observer.consumer()));
    let pid = rustix::process::Pid::from_child(&receiver);
    rustix::process::kill_process(pid, Signal::HUP).unwrap();
    let sender = Tool::start(&["send", &name], b"all the same");
    sender.finish().expect_code(0);
    assert!(receiver.wait().unwrap().success());
}
