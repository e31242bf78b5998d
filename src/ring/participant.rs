//! A participant's slot: who holds a role, how it left, and what it counted.
//!
//! The slot says how a participant *left*. That it *died* only the kernel can
//! say: the state is still [`State::Attached`] while the role's lock is free.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::error::{Corrupt, Role};
use crate::layout::{self, Geometry, Word};
use crate::memory::{Memory, ReadMemory};

/// What a slot says of its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has had it yet.
    Absent,
    /// Somebody took it and has not given it back.
    Attached {
        /// The process, as it saw itself.
        pid: u32,
        /// Which of the slot's attachments it is, so that two by one process differ.
        attachment: u64,
    },
    /// Its last holder left in good order.
    Left,
}

const ATTACHED: u64 = 1;
const LEFT: u64 = 2;

/// Marks the slot as held by process `pid`. The caller holds the role's lock.
pub fn attach<M: Memory>(memory: &M, slot: Word, pid: u32) {
    let attachments = slot.plus(layout::SLOT_ATTACHMENTS);
    let so_far = memory.load(attachments, Relaxed);
    memory.store(attachments, so_far.wrapping_add(1), Relaxed);
    memory.store(slot.plus(layout::SLOT_PID), u64::from(pid), Relaxed);
    // P3: pairs with the Acquire load in `look`; carries the pid and the count.
    memory.store(slot.plus(layout::SLOT_STATE), ATTACHED, Release);
    count_change(memory, slot);
}

/// Marks the slot as left in good order. The caller still holds the role's lock.
pub fn detach<M: Memory>(memory: &M, slot: Word) {
    // P3: pairs with the Acquire load in `look`; carries everything sent or released.
    memory.store(slot.plus(layout::SLOT_STATE), LEFT, Release);
    count_change(memory, slot);
}

/// Lets a consumer see by one word that some producer's state has changed.
fn count_change<M: Memory>(memory: &M, slot: Word) {
    if slot != layout::CONSUMER_SLOT {
        // P7: pairs with the Acquire load in `presence`; carries the state.
        memory.fetch_add(layout::PRESENCE, 1, Release);
    }
}

/// Reads who holds the slot.
///
/// # Errors
/// [`Corrupt::State`] when it holds no state that exists.
#[inline(always)]
pub fn look<M: ReadMemory>(memory: &M, slot: Word, role: Role) -> Result<State, Corrupt> {
    // P3: pairs with the Release stores in `attach` and `detach`.
    match memory.load(slot.plus(layout::SLOT_STATE), Acquire) {
        0 => Ok(State::Absent),
        ATTACHED => Ok(State::Attached {
            pid: memory.load(slot.plus(layout::SLOT_PID), Relaxed) as u32,
            attachment: memory.load(slot.plus(layout::SLOT_ATTACHMENTS), Relaxed),
        }),
        LEFT => Ok(State::Left),
        state => Err(Corrupt::State { role, state }),
    }
}

/// What a consumer knows of its producers as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct Producers {
    /// PRESENCE, when it was last looked at.
    presence: u64,
    /// What was found then.
    have_left: bool,
}

impl Producers {
    /// Whether there have been producers, and all of them have left in good order.
    ///
    /// Looks at one word, unless that says that something has changed. A producer that was killed
    /// just before it would have changed that word is missed: see [`Producers::look_again`].
    ///
    /// # Errors
    /// [`Corrupt::State`] when a slot holds no state that exists.
    #[inline(always)]
    pub fn have_left<M: ReadMemory>(
        &mut self,
        memory: &M,
        geometry: &Geometry,
    ) -> Result<bool, Corrupt> {
        if geometry.producers() == 1 {
            return all_have_left(memory, geometry);
        }
        if presence(memory) == self.presence {
            return Ok(self.have_left);
        }
        self.look_again(memory, geometry)
    }

    /// As [`Producers::have_left`], from what every slot says.
    ///
    /// # Errors
    /// As [`Producers::have_left`].
    #[inline]
    pub fn look_again<M: ReadMemory>(
        &mut self,
        memory: &M,
        geometry: &Geometry,
    ) -> Result<bool, Corrupt> {
        self.presence = presence(memory);
        self.have_left = false;
        // One may have come to a slot that was seen, before another left one that was not: then it
        // has changed the count, too, and there was somebody all the time.
        self.have_left = all_have_left(memory, geometry)? && presence(memory) == self.presence;
        Ok(self.have_left)
    }
}

/// Whether some slot says that its holder has left, and none that its holder is there.
#[inline(always)]
fn all_have_left<M: ReadMemory>(memory: &M, geometry: &Geometry) -> Result<bool, Corrupt> {
    let mut some_left = false;
    for index in 0..geometry.producers() {
        match look(memory, geometry.producer_slot(index), Role::Producer)? {
            State::Attached { .. } => return Ok(false),
            State::Left => some_left = true,
            State::Absent => {}
        }
    }
    Ok(some_left)
}

/// How often a producer came or left. While it stays the same, what the slots say is one picture.
#[inline(always)]
pub fn presence<M: ReadMemory>(memory: &M) -> u64 {
    // P7: pairs with the Release addition in `count_change`.
    memory.load(layout::PRESENCE, Acquire)
}

/// What a participant counts, privately; [`Counters::store`] shows it to observers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Records sent or received.
    pub records: u64,
    /// Bytes of the ring that went through: payloads, headers and padding.
    pub bytes: u64,
    /// How often a call found the ring full (producer) or empty (consumer).
    pub stalls: u64,
    /// How often a blocking call had to wait.
    pub waits: u64,
    /// How many claims of dead producers were skipped (consumer).
    pub repairs: u64,
    /// How often a blocking call slept, in a region with wakeups.
    pub sleeps: u64,
    /// How many of these sleeps only the clock has ended, although there was something to be woken
    /// for: wakes that came too late, or got lost with the one who should have woken.
    pub late: u64,
}

impl Counters {
    // They start from what stands in the slot, which a peer may have written: they wrap around.

    /// Counts records and bytes that went through.
    #[inline]
    pub(super) fn add(&mut self, records: u64, bytes: u64) {
        self.records = self.records.wrapping_add(records);
        self.bytes = self.bytes.wrapping_add(bytes);
    }

    /// Counts a call that found the ring full or empty.
    pub(super) fn add_stall(&mut self) {
        self.stalls = self.stalls.wrapping_add(1);
    }

    /// Counts a blocking call that has to wait.
    pub(super) fn add_wait(&mut self) {
        self.waits = self.waits.wrapping_add(1);
    }

    /// Counts a claim of a dead producer that is skipped.
    pub(super) fn add_repair(&mut self) {
        self.repairs = self.repairs.wrapping_add(1);
    }

    /// Counts a sleep, and whether only the clock has ended it.
    pub(super) fn add_sleep(&mut self, is_late: bool) {
        self.sleeps = self.sleeps.wrapping_add(1);
        self.late = self.late.wrapping_add(u64::from(is_late));
    }

    /// Reads what the holders of `slot` have counted so far.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    #[must_use]
    pub fn load<M: ReadMemory>(memory: &M, slot: Word) -> Self {
        let field = |offset| memory.load(slot.plus(offset), Relaxed);
        Self {
            records: field(layout::SLOT_RECORDS),
            bytes: field(layout::SLOT_BYTES),
            stalls: field(layout::SLOT_STALLS),
            waits: field(layout::SLOT_WAITS),
            repairs: field(layout::SLOT_REPAIRS),
            sleeps: field(layout::SLOT_SLEEPS),
            late: field(layout::SLOT_LATE),
        }
    }

    /// Shows them to observers.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn store<M: Memory>(&self, memory: &M, slot: Word) {
        for (offset, value) in [
            (layout::SLOT_RECORDS, self.records),
            (layout::SLOT_BYTES, self.bytes),
            (layout::SLOT_STALLS, self.stalls),
            (layout::SLOT_WAITS, self.waits),
            (layout::SLOT_REPAIRS, self.repairs),
            (layout::SLOT_SLEEPS, self.sleeps),
            (layout::SLOT_LATE, self.late),
        ] {
            memory.store(slot.plus(offset), value, Relaxed);
        }
    }
}
