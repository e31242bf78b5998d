//! Operations on a ring, compared with an oracle after each.

use arbitrary::{Arbitrary, Unstructured};
use mapring::layout::{Geometry, Kind};
use mapring::ring::Position;
use mapring_testing::Bytes;
use mapring_testing::operations::{self, Operation};

/// Enough for every kind of thing to happen after every other.
const MOST_OPERATIONS: usize = 64;

/// A ring, and what is done to it. Every number is taken modulo what makes sense.
#[derive(Debug, Arbitrary)]
struct Plan {
    capacity: u8,
    record_align: u8,
    max_payload: u16,
    start: u64,
    operations: Vec<Operation>,
}

/// Runs the plan that `data` spells.
///
/// # Panics
/// When the ring does anything else than the oracle.
pub fn run(data: &[u8]) {
    let Ok(plan) = Plan::arbitrary_take_rest(Unstructured::new(data)) else {
        return;
    };
    let Some(geometry) = plan.geometry() else {
        return;
    };
    let align = geometry.record_align() as u64;
    let start = Position(plan.start / align * align);
    let count = plan.operations.len().min(MOST_OPERATIONS);
    let memory = Bytes::zeroed(geometry.total_size());
    operations::run(&plan.operations[..count], geometry, start, &memory);
}

impl Plan {
    /// 64 to 4096 bytes, with every alignment.
    fn geometry(&self) -> Option<Geometry> {
        let capacity = 1_u64 << (6 + self.capacity % 7);
        let align = 1_u64 << (3 + self.record_align % 5);
        let longest = Geometry::largest_payload(Kind::Spsc, capacity, align);
        let max_payload = u64::from(self.max_payload) % (longest + 1);
        Geometry::of_any_capacity(Kind::Spsc, capacity, max_payload, align, 1).ok()
    }
}
