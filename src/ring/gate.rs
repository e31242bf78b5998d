//! Sleeping and waking without a lost wakeup, and without a cost to who wakes nobody.
//!
//! A gate has a side that sleeps and a side that wakes, and two numbers: of the last sleep that
//! was begun (*parked*, stored by who sleeps), and of the last that was ended (*answered*, stored
//! by who wakes). Somebody sleeps, or is about to, while parked is ahead of answered.
//! Sleepers sleep on *answered*: they go on when it changes.
//!
//! Two gates: the consumer sleeps until a record is published ([`Gate::Data`]), producers until
//! HEAD has come far enough ([`Gate::Space`]).
//!
//! # Why no wakeup is lost
//!
//! - **G1** Who is about to sleep loads *answered*, stores *parked*, one ahead of it, makes a *heavy*
//!   fence, looks at the ring once more, and sleeps only if there is still nothing, and only while
//!   *answered* is what it was.
//! - **G2** Who publishes makes a *light* fence behind that, and then loads *parked*.
//! - **G3** The two fences together let one of the two see what the other stored before its own: the
//!   sleeper sees what was published, and does not sleep; or the waker sees that
//!   somebody sleeps. (The pattern is Dekker's; the eventcount with one store for each sleep is
//!   that of D. Vyukov; the asymmetric fences are those of `sys_membarrier(2)`.)
//! - **G4** The waker sets *answered* to *parked* and wakes. If *answered* changes before the
//!   sleeper sleeps, it does not; if after, it is woken. Of several wakers one sets it: one wake for
//!   each sleep.
//! - **G5** Several may sleep at one gate: they share a number if they begin at the same time.
//!   *parked* only goes up, so nobody's is taken back by one who came late. All are woken.
//! - **G6** For space, the least HEAD that somebody sleeps for stands in *wanted*. Who is about to
//!   sleep lowers it before it stores *parked*, so by G3 the waker sees both. The waker clears it
//!   only if it then ends all sleeps; a cleared one means "wake at once". Who begins a
//!   sleep after that one was ended sees it cleared (P8), and so does not rely on the wish of one
//!   who has gone on. Until HEAD is
//!   there nobody is woken: one wake for each stretch of room, not one for each record.
//!
//! A waker that dies between the two stores, or before it wakes, costs time, not a record: no sleep
//! is longer than the caller's bound, and then it looks at the ring, and at its peer. The same
//! holds for a hostile peer that writes these words: at worst there are needless wakes, or waits of
//! that bound.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::layout::{self, Fences, Word};
use crate::memory::Memory;

use super::Position;

/// How often an exchange is tried again that others spoil.
const ATTEMPTS: u32 = 64;
/// Where nobody wants anything.
const NOTHING: u64 = 0;

/// Where one side sleeps until the other wakes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The consumer sleeps here until there is a record.
    Data,
    /// Producers sleep here until the consumer has released enough.
    Space,
}

/// A sleep that is about to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The word to sleep on.
    pub word: Word,
    /// What it must still hold.
    pub expected: u64,
}

impl Gate {
    /// The number of the last sleep that was begun.
    const fn parked(self) -> Word {
        match self {
            Self::Data => layout::DATA_PARKED,
            Self::Space => layout::SPACE_PARKED,
        }
    }

    /// The number of the last sleep that was ended.
    const fn answered(self) -> Word {
        match self {
            Self::Data => layout::DATA_ANSWERED,
            Self::Space => layout::SPACE_ANSWERED,
        }
    }

    /// The least HEAD that somebody sleeps for; records wait for nothing but their header.
    const fn wanted(self) -> Option<Word> {
        match self {
            Self::Data => None,
            Self::Space => Some(layout::SPACE_WANTED),
        }
    }

    /// Says that the caller is about to sleep, for `wanted` if the gate has such a word. It must
    /// look at the ring once more before it does.
    #[must_use]
    pub fn park<M: Memory>(self, memory: &M, fences: Fences, wanted: Position) -> Ticket {
        // P8: pairs with the Release exchange in `Waker::answer_up_to`; carries the zero in *wanted*.
        let expected = memory.load(self.answered(), Acquire);
        if let Some(word) = self.wanted() {
            lower(memory, word, wanted);
        }
        let epoch = expected.wrapping_add(1);
        for _ in 0..ATTEMPTS {
            let parked = memory.load(self.parked(), Relaxed);
            let is_ahead = parked.wrapping_sub(epoch) as i64 >= 0;
            let exchange =
                || memory.compare_exchange(self.parked(), parked, epoch, Relaxed, Relaxed);
            if is_ahead || exchange().is_ok() {
                break;
            }
        }
        // G3: the other side of the pair is the light fence in `Waker::must_answer`.
        memory.heavy_fence(fences);
        Ticket {
            word: self.answered(),
            expected,
        }
    }
}

/// Makes the word stand for `position` unless it stands for one before.
fn lower<M: Memory>(memory: &M, word: Word, position: Position) {
    let own = position.0 | 1;
    for _ in 0..ATTEMPTS {
        let found = memory.load(word, Relaxed);
        let is_enough = found != NOTHING && !Position(found).is_after(Position(own));
        if is_enough
            || memory
                .compare_exchange(word, found, own, Relaxed, Relaxed)
                .is_ok()
        {
            break;
        }
    }
}

/// What one who wakes knows of a gate, which is always the same one.
#[derive(Clone, Copy, Debug)]
pub struct Waker {
    /// The last number of a sleep that is known to be answered.
    answered: u64,
    /// Those of the region.
    fences: Fences,
}

impl Waker {
    /// Wakes at `gate`.
    #[must_use]
    pub fn new<M: Memory>(gate: Gate, memory: &M, fences: Fences) -> Self {
        Self {
            // If somebody sleeps just now, the first call finds out.
            answered: memory.load(gate.answered(), Relaxed),
            fences,
        }
    }

    /// Those of its region.
    #[inline(always)]
    #[must_use]
    pub fn fences(&self) -> Fences {
        self.fences
    }

    /// Whether somebody may sleep who is not woken yet. To be called after something was published.
    #[inline(always)]
    #[must_use]
    pub fn must_answer<M: Memory>(&self, gate: Gate, memory: &M) -> bool {
        // G3: the other side of the pair is the heavy fence in `Gate::park`.
        memory.light_fence(self.fences);
        memory.load(gate.parked(), Relaxed) != self.answered
    }

    /// Answers every sleep, whatever it is for: something has happened that all must see. Returns as
    /// [`Waker::answer`].
    pub fn answer_all<M: Memory>(&mut self, gate: Gate, memory: &M) -> Option<Word> {
        if self.must_answer(gate, memory) {
            self.answer_up_to(gate, memory, None)
        } else {
            None
        }
    }

    /// Answers a sleep, if HEAD has `reached` what it is for. Returns the word on which sleepers are
    /// then to be woken.
    #[cold]
    #[inline(never)]
    pub fn answer<M: Memory>(&mut self, gate: Gate, memory: &M, reached: Position) -> Option<Word> {
        self.answer_up_to(gate, memory, Some(reached))
    }

    /// As [`Waker::answer`]; without a position, whatever is wanted.
    fn answer_up_to<M: Memory>(
        &mut self,
        gate: Gate,
        memory: &M,
        reached: Option<Position>,
    ) -> Option<Word> {
        let parked = memory.load(gate.parked(), Relaxed);
        let mut answered = memory.load(gate.answered(), Relaxed);
        for _ in 0..ATTEMPTS {
            if parked.wrapping_sub(answered) as i64 <= 0 {
                break;
            }
            if let Some(word) = gate.wanted() {
                let wanted = memory.load(word, Relaxed);
                let is_beyond = |reached| Position(wanted & !1).is_after(reached);
                if wanted != NOTHING && reached.is_some_and(is_beyond) {
                    return None;
                }
                // All of them are woken, and say so again if they want more.
                memory.store(word, NOTHING, Relaxed);
            }
            // P8: pairs with the Acquire load in `Gate::park`.
            let exchanged =
                memory.compare_exchange(gate.answered(), answered, parked, Release, Relaxed);
            match exchanged {
                Ok(_) => {
                    self.answered = parked;
                    return Some(gate.answered());
                }
                Err(found) => answered = found,
            }
        }
        self.answered = parked;
        None
    }
}
