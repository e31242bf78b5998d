//! For rings of many producers: one in another process that stays in the middle of a claim, and
//! what such a ring must look like when everybody has gone.

use std::fs;

use mapring::layout::{Geometry, Kind};
use mapring::mpsc::{Options, Ring};
use mapring::ring::Position;
use rustix::process::Signal;

use super::{Child, hear, say, wait_until};

/// Payload in which each word looks like the header of a committed record without payload.
pub(crate) fn look_alikes(len: usize) -> Vec<u8> {
    let header = 1_u64 << 63 | 0xbad;
    header.to_le_bytes().into_iter().cycle().take(len).collect()
}

/// What the test `role_claim` of each file does: it claims room for a payload, writes half of it,
/// and says so. When told to it commits, and when told again it leaves.
pub(crate) fn play(arguments: &[String]) {
    let ring = Options::new().open(&arguments[0]).expect("a ring");
    let len: usize = arguments[1].parse().expect("a length");
    let tag = arguments[2].parse().expect("a tag");
    let mut producer = ring.producer().expect("a slot");
    let payload = look_alikes(len);
    let (first, rest) = payload.split_at(len / 2);
    let mut claim = producer.try_claim(len).expect("room");
    claim.write(0, first);
    say("claimed");
    if hear().is_some() {
        claim.write(first.len(), rest);
        claim.commit(tag);
        say("committed");
        hear();
    }
}

/// A process that plays this role, and has claimed.
#[derive(Debug)]
pub(crate) struct Claimant(Child);

impl Claimant {
    pub(crate) fn start(name: &str, len: usize, tag: u32) -> Self {
        let arguments = [name, &len.to_string(), &tag.to_string()];
        let child = Child::start("role_claim", &arguments);
        child.expect("claimed");
        Self(child)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.pid()
    }

    /// Stops it, and waits until it has stopped.
    pub(crate) fn stop(&self) {
        self.0.signal(Signal::STOP);
        let path = format!("/proc/{}/stat", self.pid());
        wait_until(|| {
            let stat = fs::read_to_string(&path).expect("a process");
            // The state stands behind the name, which is in parentheses.
            stat.rsplit_once(") ")
                .is_some_and(|(_, rest)| rest.starts_with('T'))
        });
    }

    pub(crate) fn go_on(&self) {
        self.0.signal(Signal::CONT);
    }

    /// Lets it commit.
    pub(crate) fn commit(&mut self) {
        self.0.tell("commit");
        self.0.expect("committed");
    }

    /// Lets it leave in good order.
    pub(crate) fn leave(mut self) {
        self.0.tell("leave");
        self.0.finish();
    }

    /// Kills it; returns its pid.
    pub(crate) fn die(self) -> u32 {
        let pid = self.pid();
        self.0.kill();
        pid
    }
}

/// Leaves a claim for `len` bytes of a process that has died; returns its pid.
pub(crate) fn dead_claim(name: &str, len: usize) -> u32 {
    Claimant::start(name, len, 0).die()
}

/// The shape of a ring.
pub(crate) fn geometry(ring: &Ring) -> Geometry {
    let (capacity, max_payload) = (ring.capacity() as u64, ring.max_payload() as u64);
    let (align, producers) = (ring.record_align() as u64, ring.producers() as u64);
    Geometry::new(Kind::Mpsc, capacity, max_payload, align, producers).expect("that of a ring")
}

/// Checks that each word of the free part at which a record may start is zero. Nobody sends or receives meanwhile.
#[track_caller]
pub(crate) fn assert_free_part_is_zero(ring: &Ring) {
    let geometry = geometry(ring);
    let observer = ring.observer().expect("an observer");
    let bytes = fs::read(ring.path()).expect("the region's file");
    let end = Position(observer.head()).plus(ring.capacity());
    let mut at = Position(observer.tail());
    while at != end {
        let offset = at.word(&geometry).offset();
        assert_eq!(&bytes[offset..][..8], [0; 8], "the word at {at:?}");
        at = at.plus(ring.record_align());
    }
}
