//! What producers sleep for, and who is there.

use mapring::Corrupt;
use mapring::layout::{Geometry, HEADER_SIZE};
use mapring::ring::{Liveness, Position, Produce};

/// What a producer sleeps for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal {
    /// So many bytes of room.
    Room(usize),
    /// That everything up to there is released.
    Released(Position),
}

impl Goal {
    pub(super) fn is_met<P: Produce>(self, ring: &mut P) -> Result<bool, Corrupt> {
        match self {
            Self::Room(bytes) => ring.has_room(bytes),
            Self::Released(end) => ring.is_released(end),
        }
    }

    pub(super) fn head_wanted<P: Produce>(self, ring: &P) -> Position {
        match self {
            Self::Room(bytes) => ring.head_wanted(bytes),
            Self::Released(end) => end,
        }
    }

    /// What the cursors say of it.
    pub(super) fn is_met_by(self, head: Position, tail: Position, geometry: &Geometry) -> bool {
        match self {
            Self::Room(bytes) => {
                let used = tail.distance_from(head) as usize;
                geometry.capacity() - HEADER_SIZE - used >= bytes
            }
            Self::Released(end) => !end.is_after(head),
        }
    }
}

/// Whose seats are empty. (Those who have left look dead; they have claimed nothing.)
pub(super) struct Gone(pub(super) Vec<bool>);

impl Liveness for Gone {
    fn take(&mut self, index: usize) -> bool {
        self.0[index]
    }
}
