//! Floor 3: who publishes wakes who sleeps.

use std::hint::cold_path;
use std::thread;
use std::time::{Duration, Instant};

use crate::layout::{Fences, Wakeups};
use crate::memory::Memory;
use crate::os::region::Region;
use crate::ring::Position;
use crate::ring::gate::{Gate, Waker};

/// The waking side of an endpoint. It does nothing in a region without wakeups.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waking(Option<Waker>);

impl Waking {
    /// Wakes at `gate` of this region.
    pub(crate) fn new(region: &Region, gate: Gate) -> Self {
        let identity = region.identity();
        let waker = || Waker::new(gate, region.memory(), identity.fences);
        Self((identity.wakeups != Wakeups::None).then(waker))
    }

    /// Whether anybody is woken in this region.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Wakes everybody, whatever it sleeps for: something has happened that all must see.
    pub(crate) fn wake_all(&mut self, gate: Gate, region: &Region) {
        let memory = region.memory();
        if let Some(waker) = &mut self.0
            && let Some(word) = waker.answer_all(gate, memory)
        {
            region.wake(word);
        }
    }

    /// To be called after something was published, or released up to `reached`: wakes who sleeps
    /// for that.
    #[inline(always)]
    pub(crate) fn published<M: Memory>(
        &mut self,
        gate: Gate,
        memory: &M,
        region: &Region,
        reached: Position,
    ) {
        if self.must_wake(gate, memory) {
            self.wake(gate, region, reached);
        }
    }

    /// Whether somebody may sleep who is not woken yet.
    #[inline(always)]
    pub(crate) fn must_wake<M: Memory>(&self, gate: Gate, memory: &M) -> bool {
        // On the way of each record: what most regions have comes first, with nothing to jump over.
        if let Some(waker) = &self.0
            && waker.fences() == Fences::Membarrier
        {
            return waker.must_answer(gate, memory);
        }
        cold_path();
        let waker = self.0.as_ref();
        waker.is_some_and(|waker| waker.must_answer(gate, memory))
    }

    /// Wakes who sleeps for what was published, or released up to `reached`.
    #[cold]
    #[inline(never)]
    pub(crate) fn wake(&mut self, gate: Gate, region: &Region, reached: Position) {
        if let Some(waker) = &mut self.0
            && let Some(word) = waker.answer(gate, region.memory(), reached)
        {
            region.wake(word);
        }
    }
}

/// Wakes the consumer when it is dropped: behind a claim that is committed, or aborted.
#[derive(Debug)]
pub(crate) struct Signal<'a> {
    waking: &'a mut Waking,
    region: &'a Region,
}

impl<'a> Signal<'a> {
    pub(crate) fn new(waking: &'a mut Waking, region: &'a Region) -> Self {
        Self { waking, region }
    }
}

impl Drop for Signal<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        let region = self.region;
        // A forked child that drops a claim of its parent's has published nothing.
        if !region.process().is_current() {
            return;
        }
        let memory = region.memory();
        // Records wait for nothing but their header.
        self.waking
            .published(Gate::Data, memory, region, Position(0));
    }
}

/// So long sleeps who cannot be woken, before it looks again.
const NAP: Duration = Duration::from_millis(1);

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slept {
    /// There was something before it began.
    NotAtAll,
    /// Somebody woke it, after so long.
    Woken(Duration),
    /// By the clock.
    TimeOver,
    /// The region's file is shorter than it was.
    RegionLost,
}

/// Sleeps at `gate` until it is woken, or until `until`, if `is_ready` still says no when everybody
/// can see that this is about to sleep, for `wanted` if that is a matter of room.
pub(crate) fn sleep<M: Memory, E>(
    gate: Gate,
    memory: &M,
    region: &Region,
    wanted: Position,
    until: Instant,
    is_ready: impl FnOnce() -> Result<bool, E>,
) -> Result<Slept, E> {
    let ticket = gate.park(memory, region.identity().fences, wanted);
    if is_ready()? {
        return Ok(Slept::NotAtAll);
    }
    let begin = Instant::now();
    let slept = match region.sleep(ticket.word, ticket.expected, until) {
        Ok(false) => Slept::Woken(begin.elapsed()),
        Ok(true) => Slept::TimeOver,
        Err(_) => {
            // No memory to sleep on, of which more is said below; or the system refuses the call.
            thread::sleep(NAP.min(until.saturating_duration_since(begin)));
            Slept::TimeOver
        }
    };
    if slept == Slept::TimeOver && !region.is_whole() {
        return Ok(Slept::RegionLost);
    }
    Ok(slept)
}
