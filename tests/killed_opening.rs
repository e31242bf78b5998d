//! Processes that are killed at each single step of creating, opening, closing or deleting a
//! region: before and behind each of their system calls.
//!
//! Between two calls such a process changes nothing that another can see: until a region has its
//! name it is nobody else's, and from then on it stays as it is until somebody takes a role.
//!
//! Where no process may trace another, a line says so.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fmt;
use std::fs;
use std::path::PathBuf;

use mapring::layout;
use mapring::spsc::{Options, Ring};
use mapring::{OpenError, Origin, TryRecvError};

use common::deadly::die;
use common::seccomp::{refuse_renames, refuse_unnamed_files};
use common::shelf::{Shelf, User};
use common::traced::Traced;
use common::{Child, DEADLINE, files_in, fork_and_go_on, has_died, role, say};

/// The record that stands in a region before the operation that is cut short.
const BEFORE: u32 = 1;
/// The one that shows that others go on.
const AFTER: u32 = 2;

/// What is cut short, and what there is before.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Operation {
    /// There is nothing.
    Create,
    /// There is a region that nobody uses, for its user was killed.
    TakeOver,
    /// There is a region in use.
    Join,
    /// Others use it, too.
    Close,
    /// Nobody else uses it.
    CloseLast,
    /// Nobody uses it.
    Remove,
}

impl Operation {
    const ALL: [Self; 6] = [
        Self::Create,
        Self::TakeOver,
        Self::Join,
        Self::Close,
        Self::CloseLast,
        Self::Remove,
    ];
}

/// The place of a region, in a directory of its own.
struct Place {
    directory: PathBuf,
    /// Or it is at a path.
    is_named: bool,
}

impl Place {
    /// The one that the arguments of a role give: a directory, by name or at a path, with files that
    /// have no name, or have one and are renamed, or have one and get another.
    fn of(arguments: &[String]) -> Self {
        if arguments[2] != "unnamed" {
            refuse_unnamed_files();
        }
        if arguments[2] == "linked" {
            refuse_renames();
        }
        Self {
            directory: PathBuf::from(&arguments[0]),
            is_named: arguments[1] == "name",
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.join(self.file())
    }

    fn file(&self) -> &'static str {
        if self.is_named {
            "mapring.ring"
        } else {
            "ring"
        }
    }

    fn options(&self) -> Options {
        let options = Options::new().directory(&self.directory);
        options.capacity(4096).max_payload(64)
    }

    fn create_or_open(&self) -> Ring {
        let options = self.options();
        let ring = if self.is_named {
            options.create_or_open("ring")
        } else {
            options.create_or_open_at(self.path())
        };
        ring.unwrap()
    }

    fn open(&self) -> Result<Ring, OpenError> {
        if self.is_named {
            self.options().open("ring")
        } else {
            self.options().open_at(self.path())
        }
    }

    fn remove(&self) -> bool {
        let removed = if self.is_named {
            self.options().remove("ring")
        } else {
            self.options().remove_at(self.path())
        };
        removed.unwrap()
    }

    /// The region with one record in it.
    fn with_record(&self) -> Ring {
        let ring = self.create_or_open();
        ring.producer()
            .unwrap()
            .try_send(BEFORE, b"before")
            .unwrap();
        ring
    }

    /// Leaves a region with one record in it that nobody uses any more.
    fn leave_region(&self) {
        let died = has_died(fork_and_go_on(|| {
            let _ring = self.with_record();
            die()
        }));
        assert!(died);
    }

    /// By which number the region that is there tells itself from others.
    fn generation(&self) -> Option<u64> {
        let bytes = fs::read(self.path()).ok()?;
        let word = &bytes[layout::GENERATION.offset()..][..8];
        Some(u64::from_le_bytes(word.try_into().unwrap()))
    }
}

/// What has become of a region.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Left {
    /// None is there.
    None,
    /// The one that was there before.
    Old,
    /// Another.
    New,
}

/// How often a killed process left what.
#[derive(Debug, Default)]
struct Tally([u32; 3]);

impl Tally {
    fn add(&mut self, left: Left) {
        self.0[left as usize] += 1;
    }

    fn has(&self, left: Left) -> bool {
        self.0[left as usize] > 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [none, old, new] = self.0;
        let steps = none + old + new;
        write!(f, "{steps} steps: none {none}, the old {old}, a new {new}")
    }
}

/// Role: lets a process be killed at each step of each operation, in a place. Says for each what was
/// left how often.
#[test]
fn role_kill_at_each_step() {
    let Some(arguments) = role() else { return };
    let place = Place::of(&arguments);
    let has_unnamed_files = arguments[2] == "unnamed";
    for operation in Operation::ALL {
        let creates = matches!(operation, Operation::Create | Operation::TakeOver);
        if !has_unnamed_files && !creates {
            continue;
        }
        let Some(tally) = kill_at_each_step(&place, operation) else {
            return say("not traced");
        };
        check_tally(&place, operation, &tally);
        say(format!("{operation:?}: {tally}"));
    }
    say("done");
}

/// What can be left of an operation that is cut short, each at some step.
fn check_tally(place: &Place, operation: Operation, tally: &Tally) {
    let expected: &[Left] = match operation {
        Operation::Create => &[Left::None, Left::New],
        Operation::TakeOver if place.is_named => &[Left::None, Left::Old, Left::New],
        Operation::CloseLast if place.is_named => &[Left::None, Left::Old],
        Operation::Remove => &[Left::None, Left::Old],
        Operation::TakeOver | Operation::CloseLast | Operation::Join | Operation::Close => {
            &[Left::Old]
        }
    };
    for left in [Left::None, Left::Old, Left::New] {
        let is_expected = expected.contains(&left);
        assert_eq!(tally.has(left), is_expected, "{operation:?}: {tally}");
    }
}

/// `None` where no process may trace another.
fn kill_at_each_step(place: &Place, operation: Operation) -> Option<Tally> {
    let mut tally = Tally::default();
    for steps in 0.. {
        let user = match operation {
            Operation::Create | Operation::CloseLast => None,
            Operation::TakeOver | Operation::Remove => {
                place.leave_region();
                None
            }
            Operation::Join | Operation::Close => Some(place.with_record()),
        };
        let mut process = start(place, operation)?;
        let before = place.generation();
        let got_there = (0..steps).all(|_| process.go_to_next_call());
        process.kill();

        let after = place.generation();
        tally.add(match after {
            None => Left::None,
            _ if after == before => Left::Old,
            _ => Left::New,
        });
        if let Some(ring) = user {
            // Of somebody whom the death of another does not touch.
            assert_eq!(files_in(&place.directory), [place.file()]);
            assert_goes_on(&ring, true);
        } else if after.is_some() {
            assert_is_whole(place, after == before);
        }
        assert_is_cleaned_up(place, operation, steps);
        if !got_there {
            return Some(tally);
        }
    }
    unreachable!("an operation has an end")
}

/// A process that is about to do it.
fn start(place: &Place, operation: Operation) -> Option<Traced> {
    let prepare = || match operation {
        Operation::Close => Some(place.create_or_open()),
        Operation::CloseLast => Some(place.with_record()),
        _ => None,
    };
    Traced::start(prepare, |ring| match operation {
        Operation::Close | Operation::CloseLast => {
            drop(ring);
            None
        }
        Operation::Remove => {
            place.remove();
            None
        }
        _ => Some(place.create_or_open()),
    })
}

/// Checks that the region that is there, and that nobody uses, is a whole one: one that can be used.
fn assert_is_whole(place: &Place, has_record: bool) {
    // Nobody deletes it while this one says that it uses it.
    let _user = User::of(&place.path());
    let ring = place.open().unwrap();
    assert_eq!(ring.origin(), Origin::Opened);
    assert_goes_on(&ring, has_record);
    drop(ring);
    assert!(place.path().exists(), "it was deleted under its user");
}

/// Checks that both roles of a region are free, and that records go through it.
#[track_caller]
fn assert_goes_on(ring: &Ring, has_record: bool) {
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut bytes = Vec::new();
    if has_record {
        let received = consumer.try_recv(&mut bytes).unwrap();
        assert_eq!((received.tag, bytes.as_slice()), (BEFORE, &b"before"[..]));
    }
    let nothing = consumer.try_recv(&mut bytes);
    assert_eq!(nothing, Err(TryRecvError::Empty));
    producer.try_send(AFTER, b"after").unwrap();
    assert_eq!(consumer.try_recv(&mut bytes).unwrap().tag, AFTER);
}

/// Checks that the next one who opens it leaves nothing.
fn assert_is_cleaned_up(place: &Place, operation: Operation, steps: usize) {
    let was_there = place.path().exists();
    let ring = place.create_or_open();
    let resumed = was_there && !place.is_named;
    let expected = if resumed {
        Origin::Resumed
    } else {
        Origin::Created
    };
    assert_eq!(ring.origin(), expected);
    assert_goes_on(&ring, false);
    let files = files_in(&place.directory);
    let at = format!("after {steps} steps of {operation:?}");
    assert_eq!(files, [place.file()], "{at}");
    drop(ring);
    if !place.is_named {
        assert!(place.remove());
    }
    assert_eq!(files_in(&place.directory), [""; 0], "{at}");
}

/// Role: comes to a place while another process stands at each step of creating a region there.
#[test]
fn role_meet_at_each_step() {
    let Some(arguments) = role() else { return };
    let place = Place::of(&arguments);
    for steps in 0.. {
        let both = |()| {
            let ring = place.create_or_open();
            ring.producer().unwrap().try_send(AFTER, b"after").unwrap();
            ring
        };
        let Some(mut other) = Traced::start(|| (), both) else {
            return say("not traced");
        };
        if !(0..steps).all(|_| other.go_to_next_call()) {
            say(format!("met at each of {steps} steps"));
            return say("done");
        }
        let ring = place.create_or_open();
        while other.go_to_next_call() {}
        let received = ring.consumer().unwrap().try_recv(&mut Vec::new());
        assert_eq!(received.unwrap().tag, AFTER, "met after {steps} steps");
        assert_eq!(files_in(&place.directory), [place.file()]);
        drop(ring);
        if !place.is_named {
            assert!(place.remove());
        }
    }
}

fn run(role: &str, place: &str, files: &str) {
    let shelf = Shelf::new();
    let child = Child::start(role, &[shelf.argument(), place, files]);
    loop {
        let line = child.line_within(DEADLINE * 5).expect("the child to go on");
        match line.as_str() {
            "done" => break,
            "not traced" => {
                println!("not run: no process may trace another here");
                break;
            }
            _ => println!("{place}, {files}: {line}"),
        }
    }
    child.finish();
}

#[test]
fn a_kill_at_any_step_leaves_no_region_or_a_whole_one() {
    run("role_kill_at_each_step", "name", "unnamed");
}

#[test]
fn a_kill_at_any_step_leaves_no_region_at_a_path_or_a_whole_one() {
    run("role_kill_at_each_step", "path", "unnamed");
}

#[test]
fn a_kill_at_any_step_leaves_nothing_where_every_file_has_a_name() {
    run("role_kill_at_each_step", "name", "named");
    run("role_kill_at_each_step", "path", "named");
}

#[test]
fn a_kill_at_any_step_leaves_nothing_where_no_file_is_renamed() {
    run("role_kill_at_each_step", "name", "linked");
    run("role_kill_at_each_step", "path", "linked");
}

#[test]
fn who_comes_at_any_step_of_a_creator_gets_the_same_region() {
    run("role_meet_at_each_step", "name", "unnamed");
    run("role_meet_at_each_step", "path", "unnamed");
}

#[test]
fn who_comes_at_any_step_of_a_creator_gets_the_same_region_where_every_file_has_a_name() {
    run("role_meet_at_each_step", "name", "named");
    run("role_meet_at_each_step", "path", "named");
}

#[test]
fn who_comes_at_any_step_of_a_creator_gets_the_same_region_where_no_file_is_renamed() {
    run("role_meet_at_each_step", "name", "linked");
    run("role_meet_at_each_step", "path", "linked");
}
