//! How much room there is, as one of several producers knows it.

use core::sync::atomic::Ordering::{Acquire, Relaxed};

use crate::error::Corrupt;
use crate::layout::{self, Geometry, HEADER_SIZE};
use crate::memory::Memory;
use crate::ring::Position;

/// How often the two cursors are looked at, if both move on by a lap between two loads.
const LOOKS: u32 = 16;

/// What a producer knows of the free part of the ring.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// The last HEAD seen, checked; the real one may have moved on, up to TAIL.
    head: Position,
    /// A record ends less than so many bytes behind `head` (I1): the capacity, for all is counted in
    /// words. 0 once the ring was found corrupt, so that every call comes by here.
    lap: u64,
    /// Bytes that were free when `head` was loaded; there may be less by now, but not more.
    free: u64,
    /// Set once, for ever.
    corrupt: Option<Corrupt>,
}

impl Room {
    /// What can be known before the first look.
    pub(super) fn unknown<M: Memory>(memory: &M, geometry: &Geometry) -> Self {
        Self {
            // Not checked against the one before, for there is none.
            head: Position(memory.load(layout::HEAD, Relaxed)),
            lap: geometry.capacity() as u64,
            free: 0,
            corrupt: None,
        }
    }

    /// Whether `size` bytes can be claimed at `start`, as far as is known; later there may be more
    /// room. A `start` before HEAD shows as one far behind it.
    #[inline(always)]
    pub(super) fn has(&self, start: Position, size: usize) -> bool {
        start.distance_from(self.head) < self.lap.saturating_sub(size as u64)
    }

    /// The last HEAD seen.
    pub(super) fn head(&self) -> Position {
        self.head
    }

    /// Bytes that were free at the last look.
    pub(super) fn free(&self) -> u64 {
        self.free
    }

    /// Whether the consumer has released nothing since the last look. Then there is no more room
    /// than at that, and no need to look at TAIL, to which other producers store.
    pub(super) fn is_unchanged<M: Memory>(&self, memory: &M) -> bool {
        self.corrupt.is_none() && memory.load(layout::HEAD, Relaxed) == self.head.0
    }

    /// Looks at HEAD and then at TAIL, which is returned. HEAD lets producers overwrite what was
    /// released, so it must lie between the last one seen and TAIL.
    ///
    /// # Errors
    /// [`Corrupt`], now or before.
    pub(super) fn look<M: Memory>(
        &mut self,
        memory: &M,
        geometry: &Geometry,
    ) -> Result<Position, Corrupt> {
        if let Some(corrupt) = self.corrupt {
            return Err(corrupt);
        }
        // P2: pairs with the Release store in `Consumer::release`. Whoever released up to here had
        // seen headers, or TAIL itself, so the TAIL loaded behind this is not before it.
        let load_head = || Position(memory.load(layout::HEAD, Acquire));
        let mut head = load_head();
        for _ in 0..LOOKS {
            // P5: pairs with the Release exchange in `Producer::claim`. Whoever claimed up to here
            // had seen a HEAD less than a lap before, and a HEAD loaded behind this is no older.
            let tail = Position(memory.load(layout::TAIL, Acquire));
            if tail.distance_from(head) < self.lap {
                return self.check(head, tail, geometry);
            }
            let now = load_head();
            if now == head {
                return self.check(head, tail, geometry);
            }
            // Time has passed between the two loads.
            head = now;
        }
        // Seen by nobody yet but one whom a hostile consumer keeps busy: as if the ring were full.
        self.free = 0;
        Ok(Position(self.head.0.wrapping_add(self.lap)))
    }

    fn check(
        &mut self,
        head: Position,
        tail: Position,
        geometry: &Geometry,
    ) -> Result<Position, Corrupt> {
        let used = tail.distance_from(head);
        let since = head.distance_from(self.head);
        let corrupt = if !head.is_aligned(geometry) || since > tail.distance_from(self.head) {
            Corrupt::Cursor {
                cursor: "HEAD",
                position: head.0,
                from: self.head.0,
                to: tail.0,
            }
        } else if !tail.is_aligned(geometry) || used >= self.lap {
            Corrupt::Cursor {
                cursor: "TAIL",
                position: tail.0,
                from: head.0,
                to: head.0.wrapping_add(self.lap - HEADER_SIZE as u64),
            }
        } else {
            self.head = head;
            self.free = self.lap - HEADER_SIZE as u64 - used;
            return Ok(tail);
        };
        Err(self.poison(corrupt))
    }

    /// Remembers what was seen: there is no more room, ever.
    pub(super) fn poison(&mut self, corrupt: Corrupt) -> Corrupt {
        self.corrupt = Some(corrupt);
        self.lap = 0;
        corrupt
    }
}
