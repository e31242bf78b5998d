//! Peers of a ring of many producers that write what they like through the region's file, and lock
//! what they like.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use mapring::layout::{self, Geometry, Word};
use mapring::mpsc::{Consumer, Options, Producer, Ring};
use mapring::ring::Position;
use mapring::{AttachError, Corrupt, Peer, RecvError, SendError, TryRecvError, TrySendError, spsc};

use common::claimant::{self, Claimant, assert_free_part_is_zero, dead_claim, geometry};
use common::{Child, DEADLINE, Name, hear, role, say};

/// Long enough to look a few times; no result depends on how long it really is.
const A_WHILE: Duration = Duration::from_millis(50);

/// Role: see [`claimant::play`].
#[test]
fn role_claim() {
    let Some(arguments) = role() else { return };
    claimant::play(&arguments);
}

/// A ring, and its file in the hands of a hostile peer.
struct Target {
    ring: Ring,
    file: File,
    geometry: Geometry,
    // Last, so that the region is closed before what is left of it is deleted.
    name: Name,
}

impl Target {
    fn new(test: &str) -> Self {
        let name = Name::new(&format!("mpsc-hostile-{test}"));
        let options = Options::new().capacity(4096).max_payload(1024);
        let ring = options.producers(3).create(&name).unwrap();
        let file = File::options().read(true).write(true).open(ring.path());
        Self {
            file: file.unwrap(),
            geometry: geometry(&ring),
            ring,
            name,
        }
    }

    fn poke(&self, word: Word, value: u64) {
        let bytes = value.to_le_bytes();
        self.file
            .write_all_at(&bytes, word.offset() as u64)
            .unwrap();
    }

    fn peek(&self, word: Word) -> u64 {
        let mut bytes = [0; 8];
        self.file
            .read_exact_at(&mut bytes, word.offset() as u64)
            .unwrap();
        u64::from_le_bytes(bytes)
    }

    /// The word at `offset` in the slot that process `pid` has taken.
    fn slot_of(&self, pid: u32, offset: usize) -> Word {
        let slots = (0..3).map(|index| self.geometry.producer_slot(index));
        let of_pid = |slot: &Word| self.peek(slot.plus(layout::SLOT_PID)) == u64::from(pid);
        slots.rev().find(of_pid).unwrap().plus(offset)
    }
}

/// Role: holds the write lock of a byte of a file until told.
#[test]
fn role_lock_byte() {
    let Some(arguments) = role() else { return };
    let file = File::options().write(true).open(&arguments[0]).unwrap();
    let lock = libc::flock {
        l_type: libc::F_WRLCK as _,
        l_whence: libc::SEEK_SET as _,
        l_start: arguments[1].parse().unwrap(),
        l_len: 1,
        l_pid: 0,
    };
    // SAFETY: the descriptor is open, and `lock` is what this command reads.
    let set = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) };
    assert_eq!(set, 0, "{}", io::Error::last_os_error());
    say("locked");
    hear();
}

fn lock_slot(target: &Target, index: u64) -> Child {
    lock_byte(target.ring.path(), layout::FIRST_PRODUCER_LOCK + index)
}

fn lock_byte(path: &Path, byte: u64) -> Child {
    let path = path.to_str().unwrap();
    let child = Child::start("role_lock_byte", &[path, &byte.to_string()]);
    child.expect("locked");
    child
}

#[track_caller]
fn assert_waits(consumer: &mut Consumer) {
    let received = consumer.recv(&mut Vec::new(), A_WHILE);
    assert_eq!(received, Err(RecvError::TimedOut));
    assert_eq!(consumer.repairs().count(), 0);
}

#[test]
fn a_slot_whose_lock_a_stranger_holds_is_taken() {
    let target = Target::new("lock");
    let ring = &target.ring;
    let stranger = lock_slot(&target, 1);
    let mut producers = [ring.producer().unwrap(), ring.producer().unwrap()];
    let third = ring.producer();
    let too_many = matches!(third, Err(AttachError::TooManyProducers { limit: 3 }));
    assert!(too_many, "{third:?}");
    // It has never said that it is there.
    let mut consumer = ring.consumer().unwrap();
    assert_eq!(consumer.producers().unwrap()[1], Peer::Absent);
    for (tag, producer) in (0..).zip(&mut producers) {
        producer.try_send(tag, b"goes on").unwrap();
        assert_eq!(consumer.try_recv(&mut Vec::new()).unwrap().tag, tag);
    }
    drop(producers);
    let end = consumer.recv(&mut Vec::new(), DEADLINE);
    assert_eq!(end, Err(RecvError::Disconnected));
    stranger.kill();
    let all = [0; 3].map(|_| ring.producer().unwrap());
    drop(all);
}

#[test]
fn a_role_whose_lock_a_stranger_holds_is_busy() {
    let target = Target::new("lock-consumer");
    let stranger = lock_byte(target.ring.path(), layout::CONSUMER_LOCK);
    let refused = target.ring.consumer();
    assert!(
        matches!(refused, Err(AttachError::Busy { .. })),
        "{refused:?}"
    );
    stranger.kill();
    target.ring.consumer().unwrap();

    let name = Name::new("lock-spsc");
    let ring = spsc::Options::new().capacity(4096).create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let stranger = lock_byte(ring.path(), layout::FIRST_PRODUCER_LOCK);
    let refused = ring.producer();
    assert!(
        matches!(refused, Err(AttachError::Busy { .. })),
        "{refused:?}"
    );
    stranger.kill();
    ring.producer().unwrap().try_send(1, b"goes on").unwrap();
    assert_eq!(consumer.try_recv(&mut Vec::new()).unwrap().tag, 1);
}

#[test]
fn a_dead_producer_whose_lock_a_stranger_holds_counts_as_alive() {
    let target = Target::new("lock-dead");
    let mut other = target.ring.producer().unwrap();
    let mut consumer = target.ring.consumer().unwrap();
    let pid = dead_claim(&target.name, 100);
    other.try_send(1, b"behind").unwrap();
    let stranger = lock_slot(&target, 1);
    assert_waits(&mut consumer);
    assert_eq!(consumer.producers().unwrap()[1], Peer::Attached { pid });
    other.try_send(2, b"goes on").unwrap();
    assert_waits(&mut consumer);
    stranger.kill();
    for tag in [1, 2] {
        assert_eq!(consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag, tag);
    }
    assert_eq!(consumer.repairs().map(|r| r.pid).collect::<Vec<_>>(), [pid]);
    assert_free_part_is_zero(&target.ring);
}

#[test]
fn a_pid_in_a_slot_says_nothing_about_life() {
    let target = Target::new("pid");
    let mut other = target.ring.producer().unwrap();
    let mut consumer = target.ring.consumer().unwrap();
    // A pid that nobody has, in the slot of one who is alive.
    let nobody = i32::MAX as u32;
    let mut living = Claimant::start(&target.name, 100, 1);
    target.poke(
        target.slot_of(living.pid(), layout::SLOT_PID),
        nobody.into(),
    );
    other.try_send(2, b"behind").unwrap();
    assert_waits(&mut consumer);
    let peers = consumer.producers().unwrap();
    assert_eq!(peers[1], Peer::Attached { pid: nobody });
    living.commit();
    for tag in [1, 2] {
        assert_eq!(consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag, tag);
    }
    living.leave();

    // The pid of a living process, as after reuse, in the slot of one who has died.
    let alive = std::process::id();
    let dead = Claimant::start(&target.name, 100, 3);
    target.poke(target.slot_of(dead.pid(), layout::SLOT_PID), alive.into());
    dead.die();
    other.try_send(4, b"behind").unwrap();
    assert_eq!(consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag, 4);
    let repairs: Vec<_> = consumer.repairs().map(|r| (r.pid, r.size)).collect();
    assert_eq!(repairs, [(alive, 128)]);
}

/// Checks that every call of the consumer fails with this, now and for ever.
#[track_caller]
fn assert_consumer_is_over(consumer: &mut Consumer, expected: impl Fn(&Corrupt) -> bool) {
    let received = consumer.recv(&mut Vec::new(), DEADLINE);
    let Err(RecvError::Corrupt(corrupt)) = received else {
        panic!("{received:?}")
    };
    assert!(expected(&corrupt), "{corrupt:?}");
    let again = TryRecvError::Corrupt(corrupt);
    assert_eq!(consumer.try_recv(&mut Vec::new()), Err(again));
    assert_eq!(consumer.drain(1, |_| panic!("a record")), Err(again));
    let waited = consumer.wait(DEADLINE);
    assert_eq!(waited, Err(RecvError::Corrupt(corrupt)));
    assert_eq!(consumer.repairs().count(), 0);
}

/// Checks that every call of the producer fails with this, now and for ever.
#[track_caller]
fn assert_producer_is_over(producer: &mut Producer, expected: impl Fn(&Corrupt) -> bool) {
    let sent = producer.send(1, &[7; 1000], DEADLINE);
    let Err(SendError::Corrupt(corrupt)) = sent else {
        panic!("{sent:?}")
    };
    assert!(expected(&corrupt), "{corrupt:?}");
    let again = TrySendError::Corrupt(corrupt);
    assert_eq!(producer.try_send(1, b""), Err(again));
    assert_eq!(producer.try_claim(1).map(drop), Err(again));
    assert_eq!(producer.try_batch(64).map(drop), Err(again));
    assert_eq!(producer.free(), Err(again));
}

fn is_cursor(corrupt: &Corrupt, name: &str) -> bool {
    matches!(corrupt, Corrupt::Cursor { cursor, .. } if *cursor == name)
}

#[test]
fn a_tail_that_cannot_be_is_corrupt() {
    for tail in [8, 4096 + 64, 1 << 40] {
        let target = Target::new("tail");
        let mut producer = target.ring.producer().unwrap();
        let mut consumer = target.ring.consumer().unwrap();
        target.poke(layout::TAIL, tail);
        assert_consumer_is_over(&mut consumer, |corrupt| is_cursor(corrupt, "TAIL"));
        assert_producer_is_over(&mut producer, |corrupt| {
            is_cursor(corrupt, "TAIL") || is_cursor(corrupt, "HEAD")
        });
    }
}

#[test]
fn a_tail_moved_back_behind_head_is_corrupt() {
    for back in [64, 1024, 1 << 40] {
        let target = Target::new("tail-back");
        let mut producer = target.ring.producer().unwrap();
        let mut consumer = target.ring.consumer().unwrap();
        target.poke(layout::TAIL, 0_u64.wrapping_sub(back));
        assert_consumer_is_over(&mut consumer, |corrupt| is_cursor(corrupt, "TAIL"));
        assert_producer_is_over(&mut producer, |corrupt| {
            is_cursor(corrupt, "TAIL") || is_cursor(corrupt, "HEAD")
        });
    }
}

#[test]
fn a_head_that_cannot_be_ends_the_producer() {
    for head in [8, 64 * 3, 1 << 40, 0_u64.wrapping_sub(64)] {
        let target = Target::new("head");
        let mut producer = target.ring.producer().unwrap();
        producer.try_send(0, b"up to 64").unwrap();
        producer.try_send(0, b"up to 128").unwrap();
        target.poke(layout::HEAD, head);
        let is_known = |corrupt: &Corrupt| is_cursor(corrupt, "HEAD") || is_cursor(corrupt, "TAIL");
        let freed = producer.free();
        let Err(TrySendError::Corrupt(corrupt)) = freed else {
            panic!("{freed:?}")
        };
        assert!(is_known(&corrupt), "{corrupt:?}");
        assert_producer_is_over(&mut producer, is_known);
    }
}

#[test]
fn a_release_that_cannot_be_is_not_finished() {
    for release_to in [8, 128, 1 << 40, 0_u64.wrapping_sub(64)] {
        let target = Target::new("release");
        let mut producer = target.ring.producer().unwrap();
        producer.try_send(0, b"up to 64").unwrap();
        target.poke(layout::RELEASE_TO, release_to);
        let taken = target.ring.consumer();
        let corrupt = matches!(&taken, Err(AttachError::Corrupt(corrupt)) if is_cursor(corrupt, "release_to"));
        assert!(corrupt, "{taken:?}");
    }
}

#[test]
fn a_claim_that_nobody_accounts_for_is_corrupt() {
    let target = Target::new("unaccounted");
    let _producer = target.ring.producer().unwrap();
    let mut consumer = target.ring.consumer().unwrap();
    target.poke(layout::TAIL, 128);
    let expected = Corrupt::Unaccounted {
        position: 0,
        tail: 128,
    };
    assert_consumer_is_over(&mut consumer, |corrupt| *corrupt == expected);
}

#[test]
fn a_dead_producers_size_that_cannot_be_is_corrupt() {
    for size in [0, 8, 65, 192, 4096, u64::MAX, 0_u64.wrapping_sub(64)] {
        let target = Target::new("size");
        let _producer = target.ring.producer().unwrap();
        let mut consumer = target.ring.consumer().unwrap();
        let dead = Claimant::start(&target.name, 100, 1);
        target.poke(target.slot_of(dead.pid(), layout::SLOT_CLAIM_SIZE), size);
        dead.die();
        let expected = Corrupt::Claim {
            position: 0,
            size,
            limit: 128,
        };
        assert_consumer_is_over(&mut consumer, |corrupt| *corrupt == expected);
    }
}

#[test]
fn a_ring_full_of_padding_is_gone_past_in_bounded_calls() {
    let padding = 3 << 62 | 56 << 32;
    let target = Target::new("padding");
    let _producer = target.ring.producer().unwrap();
    let mut consumer = target.ring.consumer().unwrap();
    // A peer that fills the ring with claims given up as fast as they are gone past.
    let refill = |from: u64| {
        for position in (from..from + 4096).step_by(64) {
            target.poke(Position(position).word(&target.geometry), padding);
        }
    };
    refill(0);
    for _ in 0..20 {
        let before = consumer.position();
        assert_eq!(consumer.try_recv(&mut Vec::new()), Err(TryRecvError::Empty));
        let drained = consumer.drain(5, |_| panic!("a record"));
        assert_eq!(drained, Err(TryRecvError::Empty));
        assert!(consumer.position() - before <= 3 * 4096);
        refill(consumer.position());
    }
    // Padding that is longer than a claim can be, cut, or none.
    for word in [
        3 << 62 | 4096 << 32,
        3 << 62 | 57 << 32,
        1 << 62,
        padding | 1,
    ] {
        let target = Target::new("bad-padding");
        let _producer = target.ring.producer().unwrap();
        let mut consumer = target.ring.consumer().unwrap();
        target.poke(Position(0).word(&target.geometry), word);
        assert_consumer_is_over(&mut consumer, |corrupt| {
            matches!(corrupt, Corrupt::Header { .. } | Corrupt::Length { .. })
        });
    }
}
