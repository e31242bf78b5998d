//! Schedules of several producers and a consumer, in which every access is a step of its own.

use arbitrary::{Arbitrary, Unstructured};
use mapring::layout::{Geometry, Kind};
use mapring::ring::Position;
use mapring_testing::schedule::{self, Turn};

/// Enough for every kind of thing to happen after every other.
const MOST_TURNS: usize = 96;

/// A ring, and what is done to it. Every number is taken modulo what makes sense.
#[derive(Debug, Arbitrary)]
struct Plan {
    capacity: u8,
    record_align: u8,
    producers: u8,
    max_payload: u16,
    start: u64,
    turns: Vec<Turn>,
}

/// Runs the plan that `data` spells.
///
/// # Panics
/// When the ring does what it must not do.
pub fn run(data: &[u8]) {
    let Ok(plan) = Plan::arbitrary_take_rest(Unstructured::new(data)) else {
        return;
    };
    let Some(geometry) = plan.geometry() else {
        return;
    };
    let align = geometry.record_align() as u64;
    let start = Position(plan.start / align * align);
    let count = plan.turns.len().min(MOST_TURNS);
    schedule::run(&plan.turns[..count], geometry, start);
}

impl Plan {
    /// 64 to 1024 bytes, with every alignment, for up to four producers.
    fn geometry(&self) -> Option<Geometry> {
        let capacity = 1_u64 << (6 + self.capacity % 5);
        let align = 1_u64 << (3 + self.record_align % 5);
        let longest = Geometry::largest_payload(Kind::Mpsc, capacity, align);
        let max_payload = u64::from(self.max_payload) % (longest + 1);
        let producers = 1 + u64::from(self.producers % 4);
        Geometry::of_any_capacity(Kind::Mpsc, capacity, max_payload, align, producers).ok()
    }
}
