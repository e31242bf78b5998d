//! Processes that the kernel kills because their control group has no memory left, and what those
//! outside of it make of that.
//!
//! Where this user may make no such group, a line says that they are passed over.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::hint::black_box;
use std::ops::Range;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use mapring::generic::{Consumer, Mpsc, Options, Producer, Ring, Spsc};
use mapring::{RecvError, SendError};
use rustix::process::Signal;

use common::gates::Kind;
use common::memory_group::MemoryGroup;
use common::shelf::Shelf;
use common::{Child, DEADLINE, files_in, hear, role};

/// What such a group may have: many times what a test program needs.
const LIMIT: usize = 64 << 20;
/// Records that are committed before the end.
const COMMITTED: u32 = 10;
const PAYLOAD: [u8; 100] = [7; 100];

fn options<P: Kind>(directory: &Path) -> Options<P> {
    Options::new().directory(directory).capacity(4096)
}

/// Takes more memory than there is.
fn take_memory() -> ! {
    let mut taken = Vec::new();
    while taken.len() * (1 << 20) < 4 * LIMIT {
        // Not zeros: these need no memory until they are touched.
        taken.push(black_box(vec![1_u8; 1 << 20]));
    }
    panic!("nothing limits what this process may have");
}

/// Role: takes part in a ring of its kind, until it is killed for want of memory.
#[test]
fn role_take_part() {
    let Some(arguments) = role() else { return };
    let directory = Path::new(&arguments[0]);
    hear();
    match arguments[1].as_str() {
        Spsc::NAME => take_part::<Spsc>(directory, &arguments[2]),
        _ => take_part::<Mpsc>(directory, &arguments[2]),
    }
}

fn take_part<P: Kind>(directory: &Path, part: &str) {
    let open = || options::<P>(directory).open("ring").unwrap();
    match part {
        "producer" => {
            let mut producer = open().producer().unwrap();
            for tag in 0..COMMITTED {
                producer.try_send(tag, &PAYLOAD).unwrap();
            }
            let mut claim = producer.try_claim(PAYLOAD.len()).unwrap();
            claim.write(0, &PAYLOAD);
            take_memory();
        }
        "consumer" => {
            let mut consumer = open().consumer().unwrap();
            consumer.try_recv(&mut Vec::new()).unwrap();
            // It dies before it releases the second one.
            consumer.drain(1, |_| take_memory()).unwrap();
        }
        "creator" => {
            let ring = options::<P>(directory).capacity(4 * LIMIT as u64);
            panic!(
                "nothing limits the space of a region: {:?}",
                ring.create("ring")
            );
        }
        other => panic!("{other:?}"),
    }
}

/// Lets a process take a part in a group of its own, and die of it; returns its pid.
fn kill<P: Kind>(group: &MemoryGroup, shelf: &Shelf, part: &str) -> u32 {
    let arguments = [shelf.argument(), P::NAME, part];
    let mut child = Child::start("role_take_part", &arguments);
    let (pid, killed) = (child.pid(), group.killed());
    group.add(pid);
    child.tell("go");
    let status = child.status();
    assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "{status}");
    assert!(group.killed() > killed, "something else has killed it");
    pid
}

fn die_for_memory<P: Kind>() {
    let Some(group) = MemoryGroup::new(P::NAME, LIMIT) else {
        println!("not run: no control group for memory here, or not for this user");
        return;
    };
    let shelf = Shelf::new();

    // Who creates a region leaves nothing.
    kill::<P>(&group, &shelf, "creator");
    assert_eq!(files_in(shelf.directory()), [""; 0]);

    let ring = options::<P>(shelf.directory()).create("ring").unwrap();
    let pid = kill::<P>(&group, &shelf, "producer");
    assert_survives_producer(&ring, pid);

    let mut producer = ring.producer().unwrap();
    for tag in 0..COMMITTED {
        producer.try_send(tag, &PAYLOAD).unwrap();
    }
    let pid = kill::<P>(&group, &shelf, "consumer");
    assert_survives_consumer(&ring, producer, pid);
    drop(ring);
    assert_eq!(files_in(shelf.directory()), [""; 0]);
    println!("{}: {} processes killed", P::NAME, group.killed());
}

/// What a producer had committed is there, and what it had claimed is nothing.
fn assert_survives_producer<P: Kind>(ring: &Ring<P>, pid: u32) {
    let mut consumer = ring.consumer().unwrap();
    receive(&mut consumer, 0..COMMITTED);
    let nothing = consumer.recv(&mut Vec::new(), DEADLINE);
    assert_eq!(nothing, Err(RecvError::PeerDied { pid }));
    let mut successor = ring.producer().unwrap();
    successor.try_send(COMMITTED, &PAYLOAD).unwrap();
    receive(&mut consumer, COMMITTED..COMMITTED + 1);
}

/// What a consumer had received is not there again, but what it had not released.
fn assert_survives_consumer<P: Kind>(ring: &Ring<P>, mut producer: Producer<P>, pid: u32) {
    let mut tag = COMMITTED;
    let full = loop {
        match producer.send(tag, &PAYLOAD, DEADLINE) {
            Ok(_) => tag += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(full, SendError::PeerDied { pid });
    let mut successor = ring.consumer().unwrap();
    receive(&mut successor, 1..tag);
    producer.send(tag, &PAYLOAD, DEADLINE).unwrap();
    receive(&mut successor, tag..tag + 1);
}

#[track_caller]
fn receive<P: Kind>(consumer: &mut Consumer<P>, tags: Range<u32>) {
    for tag in tags {
        let mut payload = Vec::new();
        let received = consumer.recv(&mut payload, DEADLINE).unwrap();
        assert_eq!((received.tag, payload.as_slice()), (tag, &PAYLOAD[..]));
    }
}

#[test]
fn others_go_on_when_one_of_a_ring_of_one_producer_is_killed_for_memory() {
    die_for_memory::<Spsc>();
}

#[test]
fn others_go_on_when_one_of_a_ring_of_many_producers_is_killed_for_memory() {
    die_for_memory::<Mpsc>();
}
