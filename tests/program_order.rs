//! Stores that a death must find in program order, watched behind each single instruction of who
//! makes them. To the processor a kill is an interrupt, so what is seen there is what a kill leaves;
//! only the compiler can have put them in another order. So this says most in a release build
//! (`cargo test --release --test program_order`). One without the fences passes as well, for Rust 1.95
//! does not change the order of these stores; but it may.
//!
//! Each `compiler_fence` of `src/ring` has its test here; `docs/orderings.md` lists them.
//!
//! Where no process may trace another, a line says so.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs::File;
use std::os::unix::fs::FileExt;

use mapring::generic::{Options, Ring};
use mapring::layout::{self, Geometry, Word};
use mapring::ring::{Position, Protocol, RecordHeader, mpsc, spsc};

use common::shelf::Shelf;
use common::traced::Traced;
use common::{Child, DEADLINE, role, say};

/// Lengths of payloads that are copied in different ways.
const LENGTHS: [usize; 4] = [5, 64, 300, 0];
/// The room of a batch, of which some is left over.
const ROOM: usize = 200;

fn options<P: Protocol>(directory: &str) -> Options<P> {
    let options = Options::new().directory(directory);
    options.capacity(4096).max_payload(300).record_align(8)
}

/// No byte of it is zero.
fn payload(len: usize) -> Vec<u8> {
    vec![0xff; len]
}

/// What stands in a region.
#[derive(Clone)]
struct Snapshot {
    bytes: Vec<u8>,
    geometry: Geometry,
}

impl Snapshot {
    fn word(&self, at: Word) -> u64 {
        let bytes = &self.bytes[at.offset()..][..layout::WORD];
        u64::from_le_bytes(bytes.try_into().unwrap())
    }

    /// The word of the ring at a position.
    fn at(&self, position: u64) -> u64 {
        self.word(self.geometry.word_at(position))
    }

    /// A word of the first producer's slot.
    fn of_producer(&self, field: usize) -> u64 {
        self.word(layout::PRODUCER_SLOTS.plus(field))
    }

    /// Whether anything stands in the ring from one position to another.
    fn has_bytes(&self, from: u64, to: u64) -> bool {
        (from..to).step_by(layout::WORD).any(|at| self.at(at) != 0)
    }
}

/// A ring of which everything can be seen.
struct Stage<P: Protocol> {
    directory: String,
    ring: Ring<P>,
    file: File,
    now: Snapshot,
}

impl<P: Protocol> Stage<P> {
    fn new(directory: &str) -> Self {
        let ring = options::<P>(directory).create("ring").unwrap();
        let [capacity, longest, align, producers] = [
            ring.capacity(),
            ring.max_payload(),
            ring.record_align(),
            ring.producers(),
        ]
        .map(|number| number as u64);
        let geometry = Geometry::new(P::KIND, capacity, longest, align, producers).unwrap();
        let file = File::open(ring.path()).unwrap();
        let bytes = vec![0; geometry.total_size()];
        Self {
            directory: directory.to_owned(),
            ring,
            file,
            now: Snapshot { bytes, geometry },
        }
    }

    fn look(&mut self) -> &Snapshot {
        self.file.read_exact_at(&mut self.now.bytes, 0).unwrap();
        &self.now
    }

    /// Where each record starts that goes into the empty ring, and where the last one ends.
    fn starts(&self, sizes: impl IntoIterator<Item = usize>) -> Vec<u64> {
        let mut starts = vec![0];
        for size in sizes {
            starts.push(starts.last().unwrap() + size as u64);
        }
        starts
    }

    fn record_size(&self, len: usize) -> usize {
        self.now.geometry.record_size(len)
    }

    /// Lets another process, in which the ring is open, do something, and looks at the region behind
    /// each of its instructions. Returns how many these are, and how the region is left; `None`
    /// where no process may trace another.
    fn watch<T, R>(
        &mut self,
        take_role: impl FnOnce(&Ring<P>) -> T,
        run: impl FnOnce(&mut T) -> R,
        mut check: impl FnMut(&Snapshot),
    ) -> Option<(usize, Snapshot)> {
        let directory = self.directory.clone();
        let prepare = || {
            let ring = options::<P>(&directory).open("ring").unwrap();
            let endpoint = take_role(&ring);
            (ring, endpoint)
        };
        let mut process = Traced::start(prepare, |(ring, mut endpoint)| {
            run(&mut endpoint);
            (ring, endpoint)
        })?;
        let mut steps = 0;
        let mut before = Vec::new();
        let is_stopped = process.go_until(|| {
            steps += 1;
            // Most change nothing.
            if self.look().bytes != before {
                before.clone_from(&self.now.bytes);
                check(&self.now);
            }
            false
        });
        assert!(!is_stopped);
        Some((steps, self.look().clone()))
    }
}

/// Role: one producer sends, by each of the ways there are.
#[test]
fn role_publish() {
    let Some(arguments) = role() else { return };
    let mut stage = Stage::<spsc::Spsc>::new(&arguments[0]);
    let run = |producer: &mut mapring::spsc::Producer| {
        for len in LENGTHS {
            producer.try_send(1, &payload(len)).unwrap();
        }
        let mut claim = producer.try_claim(20).unwrap();
        claim.write(0, &payload(20));
        claim.commit(2);
        let mut batch = producer.batch().unwrap();
        batch.push(3, &payload(20)).unwrap();
        batch.push(4, &payload(20)).unwrap();
        batch.publish();
    };
    let mut tails = vec![0];
    let take = |ring: &Ring<_>| ring.producer().unwrap();
    let watched = stage.watch(take, run, |now| {
        let tail = now.word(layout::TAIL);
        if tails.last() != Some(&tail) {
            tails.push(tail);
        }
        // I6: it stands where a record starts, or behind the last.
        let mut at = 0;
        while at != tail {
            assert_ne!(
                now.at(at),
                0,
                "TAIL is {tail}, and there is no header at {at}"
            );
            let header = RecordHeader::parse(now.at(at), Position(at), &now.geometry);
            at += now.geometry.record_size(header.unwrap().len) as u64;
        }
    });
    let Some((steps, _)) = watched else {
        return say("not traced");
    };
    let sizes = LENGTHS
        .iter()
        .chain(&[20])
        .map(|len| stage.record_size(*len));
    let both = 2 * stage.record_size(20);
    assert_eq!(tails, stage.starts(sizes.chain([both])));
    say(format!("{steps} instructions"));
}

/// Role: one of many producers claims, by each of the ways there are.
#[test]
fn role_claim() {
    let Some(arguments) = role() else { return };
    let mut stage = Stage::<mpsc::Mpsc>::new(&arguments[0]);
    let run = |producer: &mut mapring::mpsc::Producer| {
        for len in LENGTHS {
            producer.try_send(1, &payload(len)).unwrap();
        }
        let mut claim = producer.try_claim(20).unwrap();
        claim.write(0, &payload(20));
        claim.commit(2);
        drop(producer.try_claim(20).unwrap());
        let mut batch = producer.try_batch(ROOM).unwrap();
        batch.push(3, &payload(20)).unwrap();
        batch.push(4, &payload(20)).unwrap();
        batch.publish();
    };
    let sizes = LENGTHS
        .iter()
        .chain(&[20, 20])
        .map(|len| stage.record_size(*len));
    let starts = stage.starts(sizes.chain([ROOM]));
    let mut written = 0;
    let take = |ring: &Ring<_>| ring.producer().unwrap();
    let watched = stage.watch(take, run, |now| {
        let [size, intent, claimed] = [
            layout::SLOT_CLAIM_SIZE,
            layout::SLOT_INTENT,
            layout::SLOT_CLAIMED,
        ]
        .map(|field| now.of_producer(field));
        // M3: the size, the intent, TAIL, the mark, and then bytes. What is said of a claim may be
        // said of a later one already.
        let tail = now.word(layout::TAIL);
        for span in starts.windows(2) {
            let (start, end) = (span[0], span[1]);
            let is_marked = claimed > start;
            if tail >= end {
                assert!(intent > start, "{start} is claimed without intent");
                assert!(
                    is_marked || size == end - start,
                    "{start}: the size is {size}"
                );
            }
            if now.has_bytes(start, end) {
                assert!(is_marked, "{start} is written to, and not marked");
                written = written.max(end);
            }
        }
    });
    let Some((steps, now)) = watched else {
        return say("not traced");
    };
    assert_eq!(Some(&now.word(layout::TAIL)), starts.last());
    assert_eq!(Some(&written), starts.last());
    say(format!("{steps} instructions"));
}

/// Role: the consumer of many producers releases: records, batches, and what was given up.
#[test]
fn role_release() {
    let Some(arguments) = role() else { return };
    let mut stage = Stage::<mpsc::Mpsc>::new(&arguments[0]);
    let mut producer = stage.ring.producer().unwrap();
    for len in LENGTHS {
        producer.try_send(1, &payload(len)).unwrap();
        drop(producer.try_claim(len).unwrap());
    }
    for _ in 0..4 {
        producer.try_send(2, &payload(20)).unwrap();
    }
    let run = |consumer: &mut mapring::mpsc::Consumer| {
        for _ in LENGTHS {
            consumer.try_recv(&mut [0; 300]).unwrap();
        }
        assert_eq!(consumer.drain(usize::MAX, |_| ()).unwrap(), 4);
    };
    let before = stage.look().clone();
    let tail = before.word(layout::TAIL);
    let mut heads = 0;
    let mut last = 0;
    let take = |ring: &Ring<_>| ring.consumer().unwrap();
    let watched = stage.watch(take, run, |now| {
        let (head, until) = (now.word(layout::HEAD), now.word(layout::RELEASE_TO));
        heads += u32::from(head != last);
        last = head;
        assert!(head <= until && until <= tail);
        for at in (0..tail).step_by(layout::WORD) {
            // M1, and M6: what is cleared is about to be released, as was said before.
            if at < head {
                assert_eq!(now.at(at), 0, "HEAD is {head}, and {at} is not cleared");
            } else if now.at(at) != before.at(at) {
                assert!(at < until, "{at} is cleared, and RELEASE_TO is {until}");
            }
        }
    });
    let Some((steps, now)) = watched else {
        return say("not traced");
    };
    assert_eq!(now.word(layout::HEAD), tail);
    assert!(heads > 4, "it released {heads} times");
    say(format!("{steps} instructions"));
}

fn run(role: &str) {
    let shelf = Shelf::new();
    let child = Child::start(role, &[shelf.argument()]);
    let line = child.line_within(DEADLINE * 5).expect("what it saw");
    println!("{line}");
    child.finish();
}

#[test]
fn a_record_has_its_header_before_tail_is_behind_it() {
    run("role_publish");
}

#[test]
fn a_claim_is_marked_before_anything_is_written_to_it() {
    run("role_claim");
}

#[test]
fn a_release_is_announced_before_anything_is_cleared() {
    run("role_release");
}
