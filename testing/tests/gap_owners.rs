//! Whose claim a gap is, one kind of evidence at a time: the mark, a living candidate, where the
//! claims of the dead would end, and the number of the slot.

use std::sync::atomic::Ordering::Relaxed;

use mapring::layout::{self, CONSUMER_SLOT, Geometry, Kind};
use mapring::memory::{Memory, ReadMemory};
use mapring::ring::mpsc::Consumer;
use mapring::ring::participant::Counters;
use mapring::ring::{Gap, Liveness, Position, RecordHeader, Repair, stalled};
use mapring_testing::Bytes;

use common::{STARTS, region, ring_of};

mod common;

/// Who says which producers are alive.
struct Alive(&'static [usize]);

impl Liveness for Alive {
    fn take(&mut self, index: usize) -> bool {
        !self.0.contains(&index)
    }
}

/// A ring with a gap at `start`, which is all that was ever claimed.
struct Scene {
    geometry: Geometry,
    memory: Bytes,
    start: u64,
}

impl Scene {
    fn new(producers: u64, start: u64, claimed: u64) -> Self {
        let geometry = ring_of(Kind::Mpsc, producers);
        let memory = region(geometry, start);
        memory.store(layout::TAIL, start.wrapping_add(claimed), Relaxed);
        Self {
            geometry,
            memory,
            start,
        }
    }

    fn store(&self, index: usize, field: usize, value: u64) {
        let slot = self.geometry.producer_slot(index);
        self.memory.store(slot.plus(field), value, Relaxed);
    }

    /// Slot `index` says that it is about to claim `size` bytes, so far behind the gap's start.
    fn intends(&self, index: usize, distance: u64, size: u64) -> &Self {
        let position = self.start.wrapping_add(distance);
        self.store(index, layout::SLOT_PID, 100 + index as u64);
        self.store(index, layout::SLOT_CLAIM_SIZE, size);
        self.store(index, layout::SLOT_INTENT, position | 1);
        self
    }

    /// Slot `index` says that the gap is its own.
    fn marks(&self, index: usize) -> &Self {
        self.store(index, layout::SLOT_CLAIMED, self.start | 1);
        self
    }

    /// A record that was published, so far behind the gap's start.
    fn record(&self, distance: u64) -> &Self {
        let at = Position(self.start.wrapping_add(distance)).word(&self.geometry);
        let header = RecordHeader { tag: 7, len: 8 }.to_word();
        self.memory.store(at, header, Relaxed);
        self
    }

    fn recover(&self, alive: &'static [usize]) -> Gap {
        let consumer = Consumer::attach(self.memory.clone(), self.geometry);
        let mut consumer = consumer.expect("cursors that can be");
        let gap = consumer.recover(&mut Alive(alive));
        consumer.show_counters();
        let counters = Counters::load(&self.memory, CONSUMER_SLOT);
        let was_skipped = matches!(gap, Ok(Gap::Dead(_)));
        assert_eq!(counters.repairs, was_skipped.into());
        gap.expect("nothing impossible")
    }

    fn repair(&self, index: usize, size: usize) -> Gap {
        Gap::Dead(Repair {
            index,
            pid: 100 + index as u32,
            position: self.start,
            size,
        })
    }
}

#[test]
fn the_end_of_all_claims_tells_whose_it_is() {
    for start in STARTS {
        let scene = Scene::new(3, start, 64);
        scene.intends(0, 0, 32).intends(2, 0, 64);
        assert_eq!(scene.recover(&[]), scene.repair(2, 64));
    }
}

#[test]
fn a_record_behind_it_tells_whose_it_is() {
    for start in STARTS {
        let scene = Scene::new(3, start, 96);
        scene.intends(0, 0, 48).intends(1, 0, 32).record(32);
        assert_eq!(scene.recover(&[]), scene.repair(1, 32));
    }
}

#[test]
fn a_claim_behind_it_tells_whose_it_is() {
    for start in STARTS {
        let scene = Scene::new(3, start, 96);
        scene.intends(0, 0, 48).intends(1, 0, 32).intends(2, 32, 64);
        assert_eq!(scene.recover(&[2]), scene.repair(1, 32));
    }
}

/// A shorter claim cannot have one within it that starts where the longer one would end.
#[test]
fn the_nearest_end_counts() {
    for start in STARTS {
        let scene = Scene::new(3, start, 96);
        scene.intends(0, 0, 96).intends(1, 0, 32).record(32);
        assert_eq!(scene.recover(&[]), scene.repair(1, 32));
    }
}

#[test]
fn a_mark_counts_more_than_the_nearest_end() {
    for start in STARTS {
        let scene = Scene::new(3, start, 96);
        scene.intends(0, 0, 96).intends(1, 0, 32).record(32);
        scene.marks(0);
        assert_eq!(scene.recover(&[]), scene.repair(0, 96));
    }
}

#[test]
fn a_marked_one_that_has_died_waits_for_nobody() {
    for start in STARTS {
        let scene = Scene::new(3, start, 64);
        scene.intends(0, 0, 32).intends(1, 0, 64).marks(1);
        assert_eq!(scene.recover(&[0]), scene.repair(1, 64));
    }
}

#[test]
fn an_unmarked_one_waits_for_a_living_candidate() {
    for start in STARTS {
        let scene = Scene::new(3, start, 64);
        scene.intends(0, 0, 32).intends(1, 0, 64);
        assert_eq!(scene.recover(&[0]), Gap::Alive { index: 0 });
    }
}

#[test]
fn slots_of_high_numbers_are_found() {
    for start in STARTS {
        for index in [0, 1, 63, 64, 65, 127, 128, 129] {
            let scene = Scene::new(130, start, 64);
            scene.intends(index, 0, 64).marks(index);
            assert_eq!(scene.recover(&[]), scene.repair(index, 64));
        }
        let scene = Scene::new(130, start, 64);
        scene.intends(65, 0, 64);
        assert_eq!(scene.recover(&[65]), Gap::Alive { index: 65 });
    }
}

#[test]
fn observers_see_a_claim_that_holds_things_up() {
    for start in STARTS {
        let head = Position(start);
        let nothing = Scene::new(3, start, 0);
        nothing.intends(1, 0, 64);
        assert_eq!(stalled(&nothing.memory, &nothing.geometry), None);

        // About to claim, then known to have claimed: the mark counts more.
        let scene = Scene::new(3, start, 64);
        assert_eq!(stalled(&scene.memory, &scene.geometry), None);
        scene.intends(1, 0, 48).intends(2, 0, 64);
        let stall = |pid, size| Some((pid, head, size));
        assert_eq!(stalled(&scene.memory, &scene.geometry), stall(101, 48));
        scene.marks(2);
        assert_eq!(stalled(&scene.memory, &scene.geometry), stall(102, 64));

        // In the middle of a release, and with a record there, it is no claim.
        let release_to = start.wrapping_add(64);
        scene.memory.store(layout::RELEASE_TO, release_to, Relaxed);
        assert_eq!(stalled(&scene.memory, &scene.geometry), None);
        scene.memory.store(layout::RELEASE_TO, start, Relaxed);
        scene.record(0);
        assert_eq!(stalled(&scene.memory, &scene.geometry), None);
    }
}

/// A call goes past so many claims that were given up, and no further, so that its work is bounded.
#[test]
fn a_call_goes_past_4096_claims_that_were_given_up() {
    let geometry = Geometry::new(Kind::Mpsc, 1 << 16, 8, 8, 1).expect("a shape");
    let padding = RecordHeader { tag: 0, len: 0 }.to_word() | 1 << 62;
    let most = Position(4096 * 8);
    for drained in [true, false] {
        let memory = region(geometry, 0);
        for index in (0..geometry.capacity() - 8).step_by(8) {
            memory.store(geometry.data().plus(index), padding, Relaxed);
        }
        memory.store(layout::TAIL, geometry.capacity() as u64 - 8, Relaxed);
        let mut consumer = Consumer::attach(memory, geometry).expect("good cursors");
        if drained {
            assert_eq!(consumer.drain_while(usize::MAX, usize::MAX, |_| true), 0);
        } else {
            assert_eq!(consumer.peek(), Ok(None));
        }
        assert_eq!(consumer.position(), most);
    }
}

/// What is gone past without a record is released at once, unless a record before it is not yet.
#[test]
fn a_claim_that_was_given_up_is_released_with_what_is_before_it() {
    for start in STARTS {
        for held in [false, true] {
            let scene = Scene::new(1, start, 64);
            scene.record(0);
            let at = Position(start.wrapping_add(16)).word(&scene.geometry);
            let padding = RecordHeader { tag: 0, len: 8 }.to_word() | 1 << 62;
            scene.memory.store(at, padding, Relaxed);
            let consumer = Consumer::attach(scene.memory.clone(), scene.geometry);
            let mut consumer = consumer.expect("good cursors");
            let header = consumer.peek().expect("nothing wrong");
            let header = header.expect("a record");
            consumer.advance(&header);
            if !held {
                consumer.release();
            }
            assert_eq!(consumer.peek(), Ok(None));
            assert_eq!(consumer.position(), Position(start).plus(32));
            let released = if held { 0 } else { 32 };
            let head = scene.memory.load(layout::HEAD, Relaxed);
            assert_eq!(head, start.wrapping_add(released));
            // Behind it a dead one's claim, which is skipped in the same way.
            scene.intends(0, 32, 32);
            let gap = consumer.recover(&mut Alive(&[]));
            assert!(matches!(gap, Ok(Gap::Dead(Repair { size: 32, .. }))));
            let released = if held { 0 } else { 64 };
            let head = scene.memory.load(layout::HEAD, Relaxed);
            assert_eq!(head, start.wrapping_add(released));
            consumer.release();
            let head = scene.memory.load(layout::HEAD, Relaxed);
            assert_eq!(head, start.wrapping_add(64));
        }
    }
}
