//! Processes that are killed at each single step of taking a role, of what its first use mends, and
//! of giving it back: before and behind each of their system calls, and behind each instruction
//! that changes the region.
//!
//! Where no process may trace another, a line says so.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs::File;
use std::mem;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use mapring::generic::{Consumer, Mpsc, Options, Protocol, Ring, Spsc};
use mapring::{TryRecvError, WaitStrategy};

use common::claimant::{assert_free_part_is_zero, look_alikes};
use common::deadly::die;
use common::shelf::Shelf;
use common::traced::Traced;
use common::{Child, DEADLINE, files_in, fork_and_go_on, has_died, role, say};

/// Records of a producer that died in a claim, behind them.
const BEFORE: [u32; 2] = [1, 2];
/// One of another producer behind that claim, where there can be another.
const BEHIND: u32 = 3;
/// One that shows that others go on.
const AFTER: u32 = 4;
/// Bytes of that claim.
const CLAIMED: usize = 45;

/// A kind of ring.
trait Kind: Protocol {
    /// The records in it.
    const THERE: &[u32];

    /// Options for two producers, if there can be.
    fn options() -> Options<Self>;

    /// Checks a ring that is not used just now.
    fn check(ring: &Ring<Self>);
}

impl Kind for Spsc {
    const THERE: &[u32] = &BEFORE;

    fn options() -> Options<Self> {
        Options::new()
    }

    fn check(_ring: &Ring<Self>) {}
}

impl Kind for Mpsc {
    const THERE: &[u32] = &[BEFORE[0], BEFORE[1], BEHIND];

    fn options() -> Options<Self> {
        Options::new().record_align(8).producers(2)
    }

    fn check(ring: &Ring<Self>) {
        assert_free_part_is_zero(ring);
    }
}

/// What is cut short, in a process that has opened the ring.
#[derive(Clone, Copy, Debug)]
enum Operation {
    /// A producer's role is taken and given back.
    Produce,
    /// The consumer's role is.
    Consume,
    /// The consumer receives all there is meanwhile.
    Receive,
}

impl Operation {
    const ALL: [Self; 3] = [Self::Produce, Self::Consume, Self::Receive];

    fn run<P: Kind>(self, ring: &Ring<P>) {
        match self {
            Self::Produce => drop(ring.producer().unwrap()),
            Self::Consume => drop(ring.consumer().unwrap()),
            Self::Receive => {
                let mut consumer = ring.consumer().unwrap();
                // No more calls than it takes.
                consumer.set_wait_strategy(WaitStrategy::LowCpu);
                for &tag in P::THERE {
                    assert_eq!(consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag, tag);
                }
            }
        }
    }
}

/// What is a step.
#[derive(Clone, Copy, Debug)]
enum Step {
    Call,
    Change,
}

/// Where the ring is.
struct Stage {
    directory: PathBuf,
}

impl Stage {
    fn options<P: Kind>(&self) -> Options<P> {
        let options = P::options().directory(&self.directory);
        options.capacity(4096).max_payload(64)
    }

    /// A ring with records in it, whose producer has died in a claim.
    fn ring<P: Kind>(&self) -> Ring<P> {
        let ring = self.options::<P>().create("ring").unwrap();
        let died = has_died(fork_and_go_on(|| {
            let ring = self.options::<P>().open("ring").unwrap();
            let mut producer = ring.producer().unwrap();
            for tag in BEFORE {
                producer.try_send(tag, &look_alikes(20)).unwrap();
            }
            let mut claim = producer.try_claim(CLAIMED).unwrap();
            claim.write(0, &look_alikes(CLAIMED));
            die()
        }));
        assert!(died);
        if P::THERE.contains(&BEHIND) {
            let mut other = ring.producer().unwrap();
            other.try_send(BEHIND, b"behind").unwrap();
        }
        ring
    }

    /// A process that goes so many steps into an operation, and whether it got there.
    fn start<P: Kind>(
        &self,
        operation: Operation,
        step: Step,
        steps: usize,
    ) -> Option<(Traced, bool)> {
        let open = || self.options::<P>().open("ring").unwrap();
        let mut process = Traced::start(open, |ring| operation.run(&ring))?;
        let file = File::open(self.directory.join("mapring.ring")).unwrap();
        let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        let mut now = bytes.clone();
        let got_there = (0..steps).all(|_| match step {
            Step::Call => process.go_to_next_call(),
            Step::Change => process.go_until(|| {
                file.read_exact_at(&mut now, 0).unwrap();
                mem::swap(&mut now, &mut bytes);
                now != bytes
            }),
        });
        Some((process, got_there))
    }

    /// `None` where no process may trace another.
    fn kill_at_each_step<P: Kind>(&self, operation: Operation, step: Step) -> Option<usize> {
        let mut left = Vec::new();
        for steps in 0.. {
            let ring = self.ring::<P>();
            let (process, got_there) = self.start::<P>(operation, step, steps)?;
            process.kill();
            // Others take the role, and all roles are free.
            let mut producer = ring.producer().unwrap();
            let mut consumer = ring.consumer().unwrap();
            producer.try_send(AFTER, b"after").unwrap();
            left.push(received(&mut consumer));
            P::check(&ring);
            drop((ring, producer, consumer));
            assert_eq!(files_in(&self.directory), [""; 0]);
            if !got_there {
                check_left::<P>(operation, &left);
                return Some(steps);
            }
        }
        unreachable!("an operation has an end")
    }
}

/// The tags of all that comes up to the record that shows that others go on.
fn received<P: Kind>(consumer: &mut Consumer<P>) -> Vec<u32> {
    let mut tags = Vec::new();
    while tags.last() != Some(&AFTER) {
        tags.push(consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag);
    }
    assert_eq!(consumer.try_recv(&mut Vec::new()), Err(TryRecvError::Empty));
    tags
}

/// Checks what each process left, killed ever later.
fn check_left<P: Kind>(operation: Operation, left: &[Vec<u32>]) {
    let mut all = P::THERE.to_vec();
    all.push(AFTER);
    let last = match operation {
        Operation::Produce | Operation::Consume => &all[..],
        Operation::Receive => &[AFTER],
    };
    assert_eq!(left.first().unwrap(), &all);
    assert_eq!(left.last().unwrap(), last);
    for tags in left {
        assert!(all.ends_with(tags), "{operation:?}: {tags:?}");
    }
}

/// Role: lets processes be killed at each step of each operation, in a ring of its kind. Says how
/// many steps there were.
#[test]
fn role_kill_at_each_step() {
    let Some(arguments) = role() else { return };
    let stage = Stage {
        directory: PathBuf::from(&arguments[0]),
    };
    for step in [Step::Call, Step::Change] {
        for operation in Operation::ALL {
            // Before it asks whether a producer has died, it looks so often that single instructions
            // take minutes: `mpsc_failpoints_consumer.rs` kills it before each change.
            if let (Step::Change, Operation::Receive, "many") = (step, operation, &*arguments[1]) {
                continue;
            }
            let steps = match arguments[1].as_str() {
                "one" => stage.kill_at_each_step::<Spsc>(operation, step),
                _ => stage.kill_at_each_step::<Mpsc>(operation, step),
            };
            let Some(steps) = steps else {
                return say("not traced");
            };
            say(format!("{operation:?}, each {step:?}: {steps} steps"));
        }
    }
    say("done");
}

fn run(kind: &str) {
    let shelf = Shelf::new();
    let child = Child::start("role_kill_at_each_step", &[shelf.argument(), kind]);
    loop {
        let line = child.line_within(DEADLINE * 5).expect("the child to go on");
        match line.as_str() {
            "done" => break,
            "not traced" => {
                println!("not run: no process may trace another here");
                break;
            }
            _ => println!("{line}"),
        }
    }
    child.finish();
}

#[test]
fn a_kill_at_any_step_frees_the_roles_of_a_ring_of_one_producer() {
    run("one");
}

#[test]
fn a_kill_at_any_step_frees_the_roles_of_a_ring_of_many_producers() {
    run("many");
}
