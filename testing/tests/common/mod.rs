//! Rings for hostile peers to write into.

use mapring::layout::{Fences, Geometry, Kind, Wakeups};
use mapring::ring::Position;
use mapring::ring::attach::{self, Identity};
use mapring_testing::Bytes;

/// Starts in the middle of the range, and shortly before it wraps around.
pub(crate) const STARTS: [u64; 2] = [1 << 20, 0_u64.wrapping_sub(512)];

/// A ring of 16 places for headers.
pub(crate) fn ring_of(kind: Kind, producers: u64) -> Geometry {
    Geometry::of_any_capacity(kind, 256, 40, 16, producers).expect("a good shape")
}

/// A new region whose cursors stand at `start`.
pub(crate) fn region(geometry: Geometry, start: u64) -> Bytes {
    let memory = Bytes::zeroed(geometry.total_size());
    let identity = Identity {
        geometry,
        persistent: false,
        generation: 1,
        wakeups: Wakeups::None,
        fences: Fences::Symmetric,
    };
    attach::initialise(&memory, &identity, Position(start));
    memory
}
