//! Two builds of the tool use one ring: this one, and the one that `MAPRING_OTHER_BUILD` names
//! (a command, which may have arguments: `qemu-aarch64 target/…/mapring`), for another
//! architecture or of another day. Without it, the other one is this one too.

use std::env;
use std::io::Write as _;
use std::process::{ChildStdin, Command};

use crate::mpsc::{lines, observe, of, wait_for_senders};
use crate::tool::{Name, Tool, eventually, feed};

/// Who runs one side of a transfer.
#[derive(Debug, Clone, Copy)]
enum Build {
    This,
    Other,
}

use Build::{Other, This};

impl Build {
    fn start_open(self, arguments: &[&str]) -> (Tool, ChildStdin) {
        let other = env::var("MAPRING_OTHER_BUILD");
        match (self, other) {
            (Other, Ok(other)) => {
                let mut words = other.split_whitespace();
                let program = words.next().expect("MAPRING_OTHER_BUILD is empty");
                let mut command = Command::new(program);
                command.args(words).args(arguments);
                Tool::spawn(command)
            }
            _ => Tool::start_open(arguments),
        }
    }

    fn start(self, arguments: &[&str], input: &str) -> Tool {
        let (tool, stdin) = self.start_open(arguments);
        feed(stdin, input.as_bytes());
        tool
    }
}

/// Sends lines from one build to the other, through less room than they need.
#[track_caller]
fn transfer(test: &str, creator: Build, sender: Build, receiver: Build) {
    let name = Name::new(test);
    let sent = lines('a', 50_000);
    let send = ["send", &name, "--lines", "--capacity", "64K"];
    let receive = ["recv", &name, "--capacity", "64K"];
    // Who is first creates the region.
    let creates = |build: Build| matches!((build, creator), (This, This) | (Other, Other));
    let (sender, receiver) = if creates(sender) {
        let sender = sender.start(&send, &sent);
        name.wait_for_ring();
        (sender, receiver.start(&receive, ""))
    } else {
        let receiver = receiver.start(&receive, "");
        name.wait_for_ring();
        (sender.start(&send, &sent), receiver)
    };
    sender.finish().expect_code(0);
    let received = receiver.finish().expect_code(0).stdout;
    assert!(received == sent.as_bytes(), "{} bytes", received.len());
    assert!(!name.is_left_over());
}

#[test]
fn the_other_sends_through_its_own_ring() {
    transfer("other-sends-its-own", Other, Other, This);
}

#[test]
fn the_other_sends_through_our_ring() {
    transfer("other-sends-ours", This, Other, This);
}

#[test]
fn the_other_receives_through_its_own_ring() {
    transfer("other-receives-its-own", Other, This, Other);
}

#[test]
fn the_other_receives_through_our_ring() {
    transfer("other-receives-ours", This, This, Other);
}

#[test]
fn both_send_into_one_ring_and_either_receives() {
    for (test, receiver) in [("many-ours", This), ("many-others", Other)] {
        let name = Name::new(test);
        let send = ["send", &name, "--mpsc", "--lines", "--capacity", "64K"];
        let senders = [(This, 'a'), (Other, 'b'), (This, 'c'), (Other, 'd')]
            .map(|(build, letter)| build.start(&send, &lines(letter, 10_000)));
        let observer = observe(&name);
        wait_for_senders(&observer, senders.len());
        drop(observer);
        let received = receiver.start(&["recv", &name, "--mpsc"], "").finish();
        for sender in senders {
            sender.finish().expect_code(0);
        }
        let text = String::from_utf8(received.expect_code(0).stdout).unwrap();
        for letter in ['a', 'b', 'c', 'd'] {
            assert!(of(letter, &text) == lines(letter, 10_000), "{letter}");
        }
        assert!(!name.is_left_over());
    }
}

#[test]
fn each_finds_the_other_dead() {
    for (test, sender, receiver) in [("dead-ours", This, Other), ("dead-others", Other, This)] {
        let name = Name::new(test);
        let output = tempfile::NamedTempFile::new().unwrap();
        let path = output.path().to_str().unwrap();
        let receiver = receiver.start(&["recv", &name, "--output", path], "");
        let (mut sender, mut stdin) = sender.start_open(&["send", &name, "--lines"]);
        stdin.write_all(b"committed\n").unwrap();
        eventually("the first line's arrival", || {
            std::fs::read(path).unwrap() == b"committed\n"
        });
        sender.kill();
        let stderr = receiver.finish().expect_code(3).stderr;
        assert!(stderr.contains("has died"), "{stderr}");
        assert!(!name.is_left_over());
    }
}

#[test]
fn each_shows_the_same_of_a_ring() {
    let name = Name::new("stat");
    let sender = This.start(&["send", &name, "--lines"], "one\ntwo\n");
    let observer = || mapring::spsc::Options::new().open(&name);
    eventually("two lines", || {
        let tail = observer()
            .and_then(|ring| ring.observer())
            .map(|ring| ring.tail());
        tail.is_ok_and(|tail| tail >= 2 * 16)
    });
    let shown = [This, Other].map(|build| {
        let stat = build.start(&["stat", &name], "").finish();
        let text = String::from_utf8(stat.expect_code(0).stdout).unwrap();
        assert!(text.contains("attached"), "{text}");
        // The shape and the cursors; what the sender has counted meanwhile may have changed.
        let (ring, _) = text.split_once("\n\n").expect("participants, too");
        ring.to_owned()
    });
    assert!(shown[0].contains("used"), "{}", shown[0]);
    assert_eq!(shown[0], shown[1]);
    drop(sender);
    let _ = std::fs::remove_file(name.file());
}
