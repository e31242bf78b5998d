//! Memory in which a participant keeps to what is its own.

use std::sync::atomic::Ordering;

use mapring::layout::{self, Fences, Geometry, Kind, PAGE, SLOT_SIZE, Seat, Word};
use mapring::memory::{Memory, ReadMemory};

/// What all producers store to.
const PRODUCERS_WORDS: [Word; 5] = [
    layout::TAIL,
    layout::PRESENCE,
    layout::DATA_ANSWERED,
    layout::SPACE_PARKED,
    layout::SPACE_WANTED,
];

/// The memory `M` as one participant sees it. A store beyond what that one may write panics.
#[derive(Clone, Debug)]
pub(crate) struct Confined<M> {
    memory: M,
    geometry: Geometry,
    seat: Seat,
}

impl<M: Memory> Confined<M> {
    pub(crate) fn new(memory: M, geometry: Geometry, seat: Seat) -> Self {
        Self {
            memory,
            geometry,
            seat,
        }
    }

    fn check(&self, at: Word) {
        let allowed = match self.seat {
            // The producers' page, its slot, and the records.
            Seat::Producer(_) => {
                let slot = self.seat.slot().offset();
                PRODUCERS_WORDS.contains(&at)
                    || at >= self.geometry.data()
                    || (slot..slot + SLOT_SIZE).contains(&at.offset())
            }
            Seat::Consumer => at.offset() / PAGE == layout::HEAD.offset() / PAGE,
        };
        assert!(allowed, "{:?} stores at {:#x}", self.seat, at.offset());
    }

    /// The consumer clears what producers want, and with many producers it zeroes places for
    /// headers.
    fn is_zeroing(&self, at: Word, value: u64) -> bool {
        if self.seat == Seat::Consumer && at == layout::SPACE_WANTED {
            return value == 0;
        }
        let data = self.geometry.data().offset();
        let index = at.offset().wrapping_sub(data);
        self.seat == Seat::Consumer
            && self.geometry.kind() == Kind::Mpsc
            && index < self.geometry.capacity()
            && index.is_multiple_of(self.geometry.record_align())
            && value == 0
    }
}

impl<M: Memory> ReadMemory for Confined<M> {
    fn load(&self, at: Word, order: Ordering) -> u64 {
        self.memory.load(at, order)
    }

    fn read(&self, from: Word, into: &mut [u8]) {
        self.memory.read(from, into);
    }
}

impl<M: Memory> Memory for Confined<M> {
    fn store(&self, at: Word, value: u64, order: Ordering) {
        if !self.is_zeroing(at, value) {
            self.check(at);
        }
        self.memory.store(at, value, order);
    }

    fn compare_exchange(
        &self,
        at: Word,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.check(at);
        self.memory.compare_exchange(at, old, new, success, failure)
    }

    fn fetch_add(&self, at: Word, n: u64, order: Ordering) -> u64 {
        self.check(at);
        self.memory.fetch_add(at, n, order)
    }

    fn light_fence(&self, fences: Fences) {
        self.memory.light_fence(fences);
    }

    fn heavy_fence(&self, fences: Fences) {
        self.memory.heavy_fence(fences);
    }

    /// A write that starts in the records ends there: nothing stands behind them.
    fn write(&self, to: Word, bytes: &[u8]) {
        self.check(to);
        self.memory.write(to, bytes);
    }
}
