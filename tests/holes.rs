//! Regions into whose file somebody punches a hole: a part of the memory is all zeros from then on.
//!
//! The table says what each participant makes of a hole in each part of the region. That is
//! `Corrupt` where it knows better than what it sees, `RegionLost` where it sleeps and the
//! identity is gone, nothing at all where zeros mean that there is nothing yet, or a payload of
//! zeros. No panic, no hang, no signal: a hole, unlike an end of the file, is memory.
//!
//! A region is a file that has a name, so that it is never a `memfd`. A file system in memory is
//! tried, and the one that holds the temporary files, if that one has holes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fmt::Debug;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use mapring::generic::{Consumer, Mpsc, Options, Producer, Ring, Spsc};
use mapring::layout::{HEADER_SIZE, PAGE, PRODUCER_SLOTS, SLOT_SIZE};
use mapring::{
    AttachError, Corrupt, OpenError, RecvError, SendError, TryRecvError, TrySendError, WaitStrategy,
};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use common::gates::{Gates, Kind};

/// A payload, of which a ring holds some twelve.
const PAYLOAD: [u8; 256] = [7; 256];
/// A deadline for what may not come about: longer than a sleep.
const A_WHILE: Duration = Duration::from_millis(130);
/// Where the cursors start: not at zero, nor in the middle of the ring.
const START: u64 = 1 << 20;
/// Where records start.
const ALIGN: usize = 64;
/// Slots of a ring of many producers, unless its creator says otherwise.
const PRODUCERS: usize = 64;
/// Records that wait in the ring.
const RECORDS: u32 = 3;

/// A part of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Identity,
    Producers,
    Consumer,
    Slots,
    /// All of the ring, and the overrun area.
    Data,
    /// The first payload, but not its header.
    Payload,
    /// The second header.
    Header,
}

const PARTS: [Part; 7] = [
    Part::Identity,
    Part::Producers,
    Part::Consumer,
    Part::Slots,
    Part::Data,
    Part::Payload,
    Part::Header,
];

fn options<P: Kind>() -> Options<P> {
    let options = Options::new().capacity(4096).max_payload(256);
    options.record_align(ALIGN as u64).start(START)
}

/// A ring with both ends, and its file.
struct Scene<P: Kind> {
    producer: Producer<P>,
    consumer: Consumer<P>,
    target: Target<P>,
}

/// A ring, and its file.
struct Target<P: Kind> {
    ring: Ring<P>,
    gates: Gates,
}

impl<P: Kind> Scene<P> {
    fn new(directory: &Path) -> Self {
        let path = directory.join("ring");
        let _ = fs::remove_file(&path);
        let ring = options::<P>().create_at(&path).unwrap();
        let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
        producer.set_wait_strategy(WaitStrategy::LowCpu);
        consumer.set_wait_strategy(WaitStrategy::LowCpu);
        let gates = Gates::of(ring.path());
        Self {
            producer,
            consumer,
            target: Target { ring, gates },
        }
    }

    fn with_records(directory: &Path) -> Self {
        let mut scene = Self::new(directory);
        for tag in 0..RECORDS {
            scene.producer.try_send(tag, &PAYLOAD).unwrap();
        }
        scene
    }

    fn full(directory: &Path) -> Self {
        let mut scene = Self::new(directory);
        while scene.producer.try_send(0, &PAYLOAD).is_ok() {}
        scene
    }
}

impl<P: Kind> Target<P> {
    fn try_punch(&self, part: Part) -> Result<(), Errno> {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let range = range(&self.ring, part);
        let (at, len) = (range.start as u64, range.len() as u64);
        fallocate(self.gates.file(), flags, at, len)?;
        // It is one.
        let mut bytes = vec![1; range.len()];
        self.gates.file().read_exact_at(&mut bytes, at).unwrap();
        assert!(bytes.iter().all(|&byte| byte == 0));
        Ok(())
    }

    fn punch(&self, part: Part) {
        self.try_punch(part).unwrap();
    }
}

/// The bytes of the region's file.
fn range<P: Kind>(ring: &Ring<P>, part: Part) -> Range<usize> {
    let producers = if P::NAME == Spsc::NAME { 1 } else { PRODUCERS };
    let slots = PRODUCER_SLOTS.offset();
    let data = (slots + producers * SLOT_SIZE).next_multiple_of(PAGE);
    // That of the first record; the second follows.
    let header = data + START as usize % ring.capacity();
    let second = header + (HEADER_SIZE + PAYLOAD.len()).next_multiple_of(ALIGN);
    match part {
        Part::Identity => 0..PAGE,
        Part::Producers => PAGE..2 * PAGE,
        Part::Consumer => 2 * PAGE..3 * PAGE,
        Part::Slots => slots..data,
        Part::Data => data..data + ring.capacity() + HEADER_SIZE + ring.max_payload(),
        Part::Payload => header + HEADER_SIZE..second,
        Part::Header => second..second + HEADER_SIZE,
    }
}

/// What is wrong, without its numbers.
fn name(corrupt: Corrupt) -> String {
    match corrupt {
        Corrupt::Cursor { cursor, .. } => format!("Corrupt {cursor}"),
        Corrupt::Unaccounted { .. } => "Corrupt, unaccounted".to_owned(),
        other => panic!("{other}"),
    }
}

fn of_try_recv(error: TryRecvError) -> String {
    match error {
        TryRecvError::Corrupt(corrupt) => name(corrupt),
        other => format!("{other:?}"),
    }
}

fn of_recv(error: RecvError) -> String {
    match error {
        RecvError::Corrupt(corrupt) => name(corrupt),
        other => format!("{other:?}"),
    }
}

fn of_send(result: Result<impl Debug, SendError>) -> String {
    match result {
        Ok(_) => "sent".to_owned(),
        Err(SendError::Corrupt(corrupt)) => name(corrupt),
        Err(other) => format!("{other:?}"),
    }
}

fn of_attach<T>(result: Result<T, AttachError>) -> String {
    match result.map(drop) {
        Ok(()) => "attached".to_owned(),
        Err(AttachError::Corrupt(corrupt)) => name(corrupt),
        Err(other) => panic!("{other}"),
    }
}

/// Receives what is there, and then waits for a while. Returns how many records, whether some were
/// of zeros, and the end.
fn receive<P: Kind>(consumer: &mut Consumer<P>) -> String {
    let (mut count, mut zeros) = (0, 0);
    let mut payload = Vec::new();
    let end = loop {
        payload.clear();
        match consumer.try_recv(&mut payload) {
            Ok(received) => {
                assert_eq!(received.len, PAYLOAD.len());
                if payload == [0; PAYLOAD.len()] {
                    zeros += 1;
                } else {
                    assert_eq!(payload, PAYLOAD);
                }
                count += 1;
            }
            Err(error) => break of_try_recv(error),
        }
    };
    let then = match consumer.recv(&mut payload, A_WHILE) {
        Ok(_) => "a record".to_owned(),
        Err(error) => of_recv(error),
    };
    let zeros = match zeros {
        0 => String::new(),
        zeros => format!("{zeros} of zeros, "),
    };
    format!("{count}, {zeros}{end}, {then}")
}

/// Sends while there is room, and then waits for a while.
fn send<P: Kind>(producer: &mut Producer<P>) -> String {
    let mut count = 0;
    let end = loop {
        match producer.try_send(9, &PAYLOAD) {
            Ok(_) => count += 1,
            Err(TrySendError::Corrupt(corrupt)) => break name(corrupt),
            Err(error) => break format!("{error:?}"),
        }
        assert!(count < 100, "more than the ring holds");
    };
    let then = of_send(producer.send(9, &PAYLOAD, A_WHILE));
    format!("{count}, {end}, {then}")
}

/// What each participant makes of a hole.
fn outcomes<P: Kind>(directory: &Path, part: Part) -> String
where
    Consumer<P>: Send,
    Producer<P>: Send,
{
    let mut scene = Scene::<P>::with_records(directory);
    scene.target.punch(part);
    let awake = receive(&mut scene.consumer);
    drop(scene);

    let mut scene = Scene::<P>::with_records(directory);
    scene.target.punch(part);
    let sending = send(&mut scene.producer);
    let behind = receive(&mut scene.consumer);
    drop(scene);

    let mut scene = Scene::<P>::new(directory);
    let sleeping = thread::scope(|scope| {
        let Scene {
            consumer, target, ..
        } = &mut scene;
        let sleeper = scope.spawn(|| consumer.recv(&mut Vec::new(), A_WHILE));
        target.gates.await_consumer();
        target.punch(part);
        of_recv(sleeper.join().unwrap().unwrap_err())
    });
    drop(scene);

    let mut scene = Scene::<P>::full(directory);
    let blocked = thread::scope(|scope| {
        let Scene {
            producer, target, ..
        } = &mut scene;
        let sleeper = scope.spawn(|| producer.send(9, &PAYLOAD, A_WHILE));
        target.gates.await_producer();
        target.punch(part);
        of_send(sleeper.join().unwrap())
    });
    drop(scene);

    let scene = Scene::<P>::with_records(directory);
    scene.target.punch(part);
    let Scene {
        producer,
        consumer,
        target: Target { ring, .. },
    } = scene;
    drop((producer, consumer));
    let successors = format!(
        "{}, {}",
        of_attach(ring.producer()),
        of_attach(ring.consumer())
    );
    let opened = match options::<P>().open_at(ring.path()) {
        Ok(_) => "opened".to_owned(),
        Err(OpenError::Layout { .. }) => "Layout".to_owned(),
        Err(other) => panic!("{other}"),
    };
    [
        awake, sending, behind, sleeping, blocked, successors, opened,
    ]
    .join(" | ")
}

/// What must come of it, in the order of [`outcomes`]:
///
/// 1. of a consumer that is awake: records received, how a call ended that does not wait, and one
///    that does;
/// 2. of a producer: records sent, the same ends;
/// 3. of the consumer behind that;
/// 4. of a consumer that was asleep at an empty ring;
/// 5. of a producer that was asleep at a full ring;
/// 6. of a producer and a consumer that come later, with the same handle;
/// 7. of somebody who opens it later.
fn expected(kind: &str, part: Part) -> &'static str {
    match (part, kind) {
        // Nobody needs it who has opened the region, but who sleeps looks whether it is the same.
        (Part::Identity, _) => {
            "3, Empty, RegionLost | 9, Full, RegionLost | 12, Empty, RegionLost \
             | RegionLost | RegionLost | attached, attached | Layout"
        }
        // A producer that is alone has a TAIL of its own. A successor finds that HEAD is far away.
        (Part::Producers, "spsc") => {
            "3, Empty, TimedOut | 9, Full, TimedOut | 12, Empty, TimedOut \
             | TimedOut | TimedOut | Corrupt HEAD, Corrupt HEAD | opened"
        }
        // The records are there; but what TAIL says is far away. A full ring stays full.
        (Part::Producers, _) => {
            "3, Empty, Corrupt TAIL | 0, Corrupt TAIL, Corrupt TAIL | 3, Empty, Corrupt TAIL \
             | Corrupt TAIL | TimedOut | Corrupt TAIL, Corrupt HEAD | opened"
        }
        // A consumer has a HEAD of its own. A producer looks at it when it thinks that the ring is
        // full, and then not before it is.
        (Part::Consumer, "spsc") => {
            "3, Empty, TimedOut | 9, Corrupt HEAD, Corrupt HEAD | 12, Empty, TimedOut \
             | TimedOut | Corrupt HEAD | Corrupt HEAD, Corrupt HEAD | opened"
        }
        (Part::Consumer, _) => {
            "3, Empty, TimedOut | 9, Corrupt HEAD, Corrupt HEAD | 12, Empty, TimedOut \
             | TimedOut | Corrupt HEAD | Corrupt TAIL, Corrupt HEAD | opened"
        }
        // As if nobody had come yet: nobody has left, and nobody has died.
        (Part::Slots, _) => {
            "3, Empty, TimedOut | 9, Full, TimedOut | 12, Empty, TimedOut \
             | TimedOut | TimedOut | attached, attached | opened"
        }
        // Nothing is there yet; so it stays, whatever is sent behind it.
        (Part::Data, "spsc") => {
            "0, Empty, TimedOut | 9, Full, TimedOut | 0, Empty, TimedOut \
             | TimedOut | TimedOut | attached, attached | opened"
        }
        // The same; but it was claimed, and nobody says so who is alive or dead.
        (Part::Data, _) => {
            "0, Empty, Corrupt, unaccounted | 9, Full, TimedOut | 0, Empty, Corrupt, unaccounted \
             | TimedOut | TimedOut | attached, attached | opened"
        }
        (Part::Payload, _) => {
            "3, 1 of zeros, Empty, TimedOut | 9, Full, TimedOut | 12, 1 of zeros, Empty, TimedOut \
             | TimedOut | TimedOut | attached, attached | opened"
        }
        // As the whole of the data, from there on.
        (Part::Header, "spsc") => {
            "1, Empty, TimedOut | 9, Full, TimedOut | 1, Empty, TimedOut \
             | TimedOut | TimedOut | attached, attached | opened"
        }
        (Part::Header, _) => {
            "1, Empty, Corrupt, unaccounted | 9, Full, TimedOut | 1, Empty, Corrupt, unaccounted \
             | TimedOut | TimedOut | attached, attached | opened"
        }
    }
}

/// Punches a hole into each part of regions in this directory.
fn check<P: Kind>(directory: &Path)
where
    Consumer<P>: Send,
    Producer<P>: Send,
{
    let scene = Scene::<P>::new(directory);
    if let Err(error) = scene.target.try_punch(Part::Data) {
        assert_eq!(error, Errno::OPNOTSUPP);
        println!("not run: there are no holes in {}", directory.display());
        return;
    }
    drop(scene);
    for part in PARTS {
        let found = outcomes::<P>(directory, part);
        assert_eq!(found, expected(P::NAME, part), "{part:?}");
    }
}

#[test]
fn holes_in_memory_under_one_producer() {
    check::<Spsc>(common::directory().path());
}

#[test]
fn holes_in_memory_under_many_producers() {
    check::<Mpsc>(common::directory().path());
}

#[test]
fn holes_on_a_disk_under_one_producer() {
    check::<Spsc>(tempfile::tempdir().unwrap().path());
}

#[test]
fn holes_on_a_disk_under_many_producers() {
    check::<Mpsc>(tempfile::tempdir().unwrap().path());
}
