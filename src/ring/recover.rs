//! Exact repair: who claimed the room at which no header appears, and how much of it.
//!
//! A *gap* is room that was claimed (TAIL is behind it) and holds no header: its producer is
//! still writing, or it has died. Time does not tell the two apart; the kernel does, through
//! [`Liveness`], and the slots say the rest (M3, M4 at the head of [`crate::ring`]).
//!
//! 1. Whoever claimed at a position had said so in its slot before, and says nothing else before
//!    the header is there. So the gap's owner is among the slots whose intent is its position.
//! 2. Those of them that are dead are kept from others: nothing changes in their slots any more. If
//!    one of these has marked the claim as its own, it is the owner.
//! 3. Else, if one of the candidates is alive, it may be the owner: wait.
//! 4. Else none of them wrote a byte, and the owner is one of those whose claim
//!    would end at the next claim's start. The nearest end at which a claim starts is that one:
//!    no claim starts within another, and within this one every header is zero.
//!
//! The repair itself is the consumer's: it goes past the claim, and releases it like a record. A
//! consumer that dies anywhere in this has changed nothing but what a release changes, so its
//! successor finds the same gap, and the same answer.

use core::sync::atomic::Ordering::{Acquire, Relaxed};

use crate::error::Corrupt;
use crate::layout::{self, Geometry, MAX_PRODUCERS};
use crate::memory::{Memory, ReadMemory};

use super::Position;

/// What only the kernel can say: whether a participant has died.
pub trait Liveness {
    /// Takes the place of the holder of producer slot `index`, if that has died. Then nobody else
    /// takes the slot until this value is dropped, and what the dead one stored can be seen.
    /// When it cannot be known, the holder is alive: slow is not dead.
    fn take(&mut self, index: usize) -> bool;
}

/// What stands at the consumer's head, where it has found no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Nothing: either nothing was claimed, or a header has come meanwhile.
    None,
    /// Somebody who is alive may be writing there.
    Alive {
        /// The slot.
        index: usize,
    },
    /// The claim of a producer that has died.
    Dead(Repair),
}

/// A claim of a dead producer, which its consumer has gone past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Repair {
    /// Which producer slot the dead one had.
    pub index: usize,
    /// Its process, as it saw itself.
    pub pid: u32,
    /// Where the claim starts: bytes that went through the ring before it.
    pub position: u64,
    /// Bytes of the ring that were claimed: a header, a payload and padding, or a whole batch of
    /// these.
    pub size: usize,
}

/// Where a slot says that nothing is claimed.
pub(super) const NO_POSITION: u64 = 0;

/// A position as it stands in a slot; never [`NO_POSITION`], for positions are multiples of eight.
#[inline]
pub(super) fn to_word(position: Position) -> u64 {
    position.0 | 1
}

/// Slots, by number.
struct Slots([u64; MAX_PRODUCERS as usize / 64]);

impl Slots {
    fn none() -> Self {
        Self([0; MAX_PRODUCERS as usize / 64])
    }

    fn add(&mut self, index: usize) {
        self.0[index / 64] |= 1 << (index % 64);
    }

    fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(i, bits)| {
            (0..64)
                .filter(move |bit| bits >> bit & 1 == 1)
                .map(move |bit| i * 64 + bit)
        })
    }
}

/// Finds out what stands at `head`, where the consumer has found no header. It changes nothing.
///
/// # Errors
/// [`Corrupt`] when TAIL or a dead producer's slot says what cannot be, and when nobody accounts
/// for the claim.
pub(super) fn find<M: Memory>(
    memory: &M,
    geometry: &Geometry,
    head: Position,
    liveness: &mut impl Liveness,
) -> Result<Gap, Corrupt> {
    // P5: pairs with the Release exchange in `mpsc::Producer::claim`: who claimed up to here had
    // its intent stored before.
    let tail = Position(memory.load(layout::TAIL, Acquire));
    if tail == head {
        return Ok(Gap::None);
    }
    if tail.distance_from(head) > geometry.capacity() as u64 || !tail.is_aligned(geometry) {
        return Err(Corrupt::Cursor {
            cursor: "TAIL",
            position: tail.0,
            from: head.0,
            to: head.0.wrapping_add(geometry.capacity() as u64),
        });
    }
    let mut candidates = Slots::none();
    for index in 0..geometry.producers() {
        if intent(memory, geometry, index) == to_word(head) {
            candidates.add(index);
        }
    }
    let mut dead = Slots::none();
    let mut alive = None;
    for index in candidates.iter() {
        if liveness.take(index) {
            dead.add(index);
        } else {
            alive = Some(index);
        }
    }
    let owner = match (marked(memory, geometry, head, &dead), alive) {
        (Some(index), _) => Some(index),
        (None, Some(index)) => return Ok(Gap::Alive { index }),
        (None, None) => nearest(memory, geometry, head, tail, &dead),
    };
    // A header may have come before its producer moved on, or died. P6 lets it be seen by now.
    if memory.load(head.word(geometry), Relaxed) != 0 {
        return Ok(Gap::None);
    }
    let index = owner.ok_or(Corrupt::Unaccounted {
        position: head.0,
        tail: tail.0,
    })?;
    let size = claim_size(memory, geometry, index);
    let limit = tail
        .distance_from(head)
        .min(geometry.largest_claim() as u64);
    let is_whole = size & (geometry.record_align() as u64 - 1) == 0;
    if size == 0 || size > limit || !is_whole {
        return Err(Corrupt::Claim {
            position: head.0,
            size,
            limit,
        });
    }
    let pid = geometry.producer_slot(index).plus(layout::SLOT_PID);
    Ok(Gap::Dead(Repair {
        index,
        pid: memory.load(pid, Relaxed) as u32,
        position: head.0,
        size: size as usize,
    }))
}

/// Which of these dead ones has marked the claim at `head` as its own.
fn marked<M: Memory>(
    memory: &M,
    geometry: &Geometry,
    head: Position,
    dead: &Slots,
) -> Option<usize> {
    dead.iter().find(|index| {
        let slot = geometry.producer_slot(*index);
        memory.load(slot.plus(layout::SLOT_CLAIMED), Relaxed) == to_word(head)
    })
}

/// Which of these dead ones, of whom none has marked it, claimed at `head`: all that may have are
/// among them.
fn nearest<M: Memory>(
    memory: &M,
    geometry: &Geometry,
    head: Position,
    tail: Position,
    dead: &Slots,
) -> Option<usize> {
    // The slots before the headers: whoever has moved on from a place has left a header there (P6).
    let mut intents = [NO_POSITION; MAX_PRODUCERS as usize];
    let count = geometry.producers();
    for (index, word) in intents[..count].iter_mut().enumerate() {
        *word = intent(memory, geometry, index);
    }
    // One that has moved on since it was made a candidate was not the owner, or its header is there.
    let mut still = Slots::none();
    for index in dead.iter().filter(|index| intents[*index] == to_word(head)) {
        still.add(index);
    }
    intents[..count].sort_unstable();
    let starts_at = |end: Position| {
        let somebody = intents[..count].binary_search(&to_word(end)).is_ok();
        somebody || memory.load(end.word(geometry), Relaxed) != 0
    };
    let is_only_one = still.iter().nth(1).is_none();
    let ends = still
        .iter()
        .map(|index| (claim_size(memory, geometry, index), index));
    let evident = ends.filter(|(size, _)| {
        let end = Position(head.0.wrapping_add(*size));
        is_only_one || end == tail || starts_at(end)
    });
    evident.min().map(|(_, index)| index)
}

/// Whether nothing that the dead holder of slot `index` may have claimed needs the slot any more.
/// The caller holds the slot's lock; it has looked at `head` and then at `tail` since.
///
/// It is so if nothing was claimed where it meant to claim, if the consumer has released it, or if
/// a header stands there.
pub(super) fn is_resolved<M: Memory>(
    memory: &M,
    geometry: &Geometry,
    index: usize,
    head: Position,
    tail: Position,
) -> bool {
    let intent = intent(memory, geometry, index);
    if intent == NO_POSITION {
        return true;
    }
    let position = Position(intent & !1);
    let claimed = position.distance_from(head) < tail.distance_from(head);
    !claimed || memory.load(position.word(geometry), Relaxed) != 0
}

/// The claim at HEAD that holds no header, for observers: its producer's pid, where it starts and how
/// long it is.
pub fn stalled<M: ReadMemory>(memory: &M, geometry: &Geometry) -> Option<(u32, Position, usize)> {
    let word = |word| memory.load(word, Relaxed);
    let head = Position(word(layout::HEAD));
    let is_claimed = word(layout::TAIL) != head.0;
    if !is_claimed || word(head.word(geometry)) != 0 {
        return None;
    }
    let slots = || (0..geometry.producers()).map(|index| geometry.producer_slot(index));
    let says = |field: usize| slots().find(move |slot| word(slot.plus(field)) == to_word(head));
    // One that is just claiming has no mark yet; there may be others with that intent.
    let slot = says(layout::SLOT_CLAIMED).or_else(|| says(layout::SLOT_INTENT))?;
    let pid = word(slot.plus(layout::SLOT_PID)) as u32;
    let size = word(slot.plus(layout::SLOT_CLAIM_SIZE)) as usize;
    // In a release there are zeros at HEAD, too.
    let is_still_there = word(layout::HEAD) == head.0 && word(layout::RELEASE_TO) == head.0;
    is_still_there.then_some((pid, head, size))
}

/// Where the holder of slot `index` is about to claim, or has claimed.
fn intent<M: Memory>(memory: &M, geometry: &Geometry, index: usize) -> u64 {
    let word = geometry.producer_slot(index).plus(layout::SLOT_INTENT);
    // P6: pairs with the Release stores in `mpsc::Producer::claim` and `clear_intent`.
    memory.load(word, Acquire)
}

fn claim_size<M: Memory>(memory: &M, geometry: &Geometry, index: usize) -> u64 {
    let word = geometry.producer_slot(index).plus(layout::SLOT_CLAIM_SIZE);
    memory.load(word, Relaxed)
}
