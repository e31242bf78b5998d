//! How endpoints wait: producers for room, consumers for records. Both look, pause, look whether
//! their peers are still there, and sleep until they are woken.

use std::time::{Duration, Instant};

use crate::error::{Corrupt, RecvError, Role, SendError, TryRecvError, TrySendError};
use crate::layout::Seat;
use crate::memory::Memory;
use crate::os::mapped::Mapped;
use crate::os::wait::{Deadline, LONGEST_SLEEP, Pause, Wait};
use crate::peer::Peer;
use crate::ring::gate::Gate;
use crate::ring::participant::{self, State};
use crate::ring::{Position, Produce, Protocol};
use crate::wakeups::{self, Slept};

use super::{Consumer, Producer};

/// A blocked send waits for this part of the ring to be free, not just for its own
/// record: or it would take the consumer's cache line away for each record.
const WORTHWHILE_SHARE: usize = 8;
/// No consumer that reads its records releases so many bytes in a nanosecond: to look sooner for a
/// stretch of room is in vain, and takes its cache line away.
const BYTES_OF_A_NANOSECOND: u64 = 100;
/// But to look after so long never is.
const LONGEST_IN_VAIN: Duration = Duration::from_micros(2);
/// So long a blocked send waits for that before it is content with less.
const WORTH_WAITING: Duration = Duration::from_millis(1);

/// What a producer waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal {
    /// Room: so many bytes that it is worth going on, or what is needed, if that takes too long.
    Room {
        /// Bytes.
        needed: usize,
        /// Bytes.
        worthwhile: usize,
    },
    /// Everything up to here is released.
    Released(Position),
}

impl Goal {
    fn is_met<P: Produce>(self, ring: &mut P, is_patient: bool) -> Result<bool, Corrupt> {
        match self {
            Self::Room { .. } => ring.has_room(self.bytes(is_patient)),
            Self::Released(end) => ring.is_released(end),
        }
    }

    /// Where HEAD must come for that.
    fn head_wanted<P: Produce>(self, ring: &P, is_patient: bool) -> Position {
        match self {
            Self::Room { .. } => ring.head_wanted(self.bytes(is_patient)),
            Self::Released(end) => end,
        }
    }

    /// For how long it is in vain to look again. Who must have all of the room that it waits for is in
    /// a hurry: the consumer may have nothing left to read meanwhile.
    fn in_vain(self, is_patient: bool) -> Duration {
        match self {
            Self::Room { worthwhile, .. } if is_patient && self.is_for_more_than_needed() => {
                let least = Duration::from_nanos(worthwhile as u64 / BYTES_OF_A_NANOSECOND);
                least.min(LONGEST_IN_VAIN)
            }
            Self::Room { .. } | Self::Released(_) => Duration::ZERO,
        }
    }

    /// Whether there is less to be content with.
    fn is_for_more_than_needed(self) -> bool {
        matches!(self, Self::Room { needed, worthwhile } if worthwhile > needed)
    }

    fn bytes(self, is_patient: bool) -> usize {
        match self {
            Self::Room { worthwhile, .. } if is_patient => worthwhile,
            Self::Room { needed, .. } => needed,
            Self::Released(_) => 0,
        }
    }
}

impl<P: Protocol, M: Memory> Producer<P, M> {
    /// Repeats an attempt that needs `size` bytes of the ring until there is room for it.
    ///
    /// Where there are many producers, others may take the room in between, and
    /// whoever needs much may be the last to get it.
    pub(super) fn repeat<T>(
        &mut self,
        size: usize,
        deadline: Deadline,
        mut attempt: impl FnMut(&mut P::Producer<M>) -> Result<T, TrySendError>,
    ) -> Result<T, SendError> {
        let worthwhile = size.max(self.capacity() / WORTHWHILE_SHARE);
        let goal = Goal::Room {
            needed: size,
            worthwhile,
        };
        let mut wait = Wait::until(deadline, &self.patience);
        let mut has_waited = false;
        loop {
            match attempt(&mut self.ring) {
                Ok(done) => return Ok(done),
                Err(error) => match self.refused(error) {
                    TrySendError::Full => {}
                    error => return Err(error.without_full()),
                },
            }
            // There was room, but not for long enough.
            if has_waited && wait.pause() == Pause::TimedOut {
                return Err(SendError::TimedOut);
            }
            has_waited = true;
            self.wait_on(&mut wait, goal)?;
        }
    }

    pub(super) fn wait(&mut self, deadline: Deadline, goal: Goal) -> Result<(), SendError> {
        let mut wait = Wait::until(deadline, &self.patience);
        self.wait_on(&mut wait, goal)
    }

    fn wait_on(&mut self, wait: &mut Wait, goal: Goal) -> Result<(), SendError> {
        self.check_process().map_err(TrySendError::without_full)?;
        loop {
            // A consumer that reads slowly gets its next record as soon as that fits.
            let is_patient = wait.is_young();
            if goal.is_met(&mut self.ring, is_patient)? {
                return Ok(());
            }
            let pause = wait.pause_for(goal.in_vain(is_patient));
            if pause == Pause::Look {
                continue;
            }
            if pause == Pause::Check && !self.attachment.region().is_whole() {
                return Err(self.lose());
            }
            if wait.is_first_check() {
                self.ring.count_wait();
            }
            let over = match self.look_at_consumer()? {
                Peer::Left => Some(SendError::Disconnected),
                Peer::Died { pid } => Some(SendError::PeerDied { pid }),
                Peer::Absent | Peer::Attached { .. } => None,
            };
            let over = over.or((pause == Pause::TimedOut).then_some(SendError::TimedOut));
            if let Some(over) = over {
                // It may have made room before it went.
                let is_met = goal.is_met(&mut self.ring, false)?;
                return if is_met { Ok(()) } else { Err(over) };
            }
            if let Pause::Sleep(until) = pause {
                self.sleep(wait, until, goal)?;
            }
        }
    }

    fn sleep(&mut self, wait: &Wait, until: Instant, goal: Goal) -> Result<(), SendError> {
        if !self.waking.is_on() {
            wait.nap(until);
            return if self.attachment.region().is_whole() {
                Ok(())
            } else {
                Err(self.lose())
            };
        }
        let is_patient = wait.sleeps() == 1 && goal.is_for_more_than_needed();
        let latest = until;
        let until = if is_patient {
            until.min(Instant::now() + WORTH_WAITING)
        } else {
            until
        };
        let is_whole = until == latest;
        let region = self.attachment.region();
        let wanted = goal.head_wanted(&self.ring, is_patient);
        let memory = region.memory();
        let slept = wakeups::sleep(Gate::Space, memory, region, wanted, until, || {
            // One who has just left has seen nobody asleep.
            if goal.is_met(&mut self.ring, is_patient)? {
                return Ok(true);
            }
            has_left(memory).map_err(|corrupt| self.ring.poison(corrupt))
        })?;
        match slept {
            Slept::NotAtAll => return Ok(()),
            Slept::Woken(after) => self.patience.learn(after),
            Slept::TimeOver => self.patience.learn(LONGEST_SLEEP),
            Slept::RegionLost => return Err(self.lose()),
        }
        let is_over = slept == Slept::TimeOver && is_whole;
        let is_late = is_over && goal.is_met(&mut self.ring, is_patient)?;
        self.ring.count_sleep(is_late);
        Ok(())
    }
}

/// Whether the consumer has left in good order.
fn has_left(memory: &Mapped) -> Result<bool, Corrupt> {
    let state = participant::look(memory, Seat::Consumer.slot(), Role::Consumer)?;
    Ok(state == State::Left)
}

impl<P: Protocol, M: Memory> Consumer<P, M> {
    /// Waits until there is a record to receive.
    ///
    /// # Errors
    /// [`RecvError`], but not [`TooSmall`](RecvError::TooSmall).
    pub fn wait(&mut self, deadline: impl Into<Deadline>) -> Result<(), RecvError> {
        self.check_process().map_err(TryRecvError::without_empty)?;
        self.wait_on(Wait::until(deadline.into(), &self.patience))
    }

    /// As [`Consumer::wait`], with a wait that may have begun.
    pub(super) fn wait_on(&mut self, wait: Wait) -> Result<(), RecvError> {
        let waited = self.wait_for_record(wait);
        if waited != Err(RecvError::RegionLost) {
            // What was skipped on the way may be the room that somebody sleeps for.
            self.released();
        }
        waited
    }

    fn wait_for_record(&mut self, mut wait: Wait) -> Result<(), RecvError> {
        let deadline = wait.deadline();
        loop {
            let before = self.ring.position();
            if self.ring.peek()?.is_some() {
                return Ok(());
            }
            // It has gone past claims that were given up, and there may be more.
            if self.ring.position() != before && !deadline.has_passed() {
                continue;
            }
            if self.have_left()? && self.ring.is_drained()? {
                return Err(RecvError::Disconnected);
            }
            let pause = wait.pause();
            if pause == Pause::Look {
                continue;
            }
            if pause == Pause::Check && !self.attachment.region().is_whole() {
                return Err(self.lose());
            }
            if wait.is_first_check() {
                self.ring.count_wait();
            }
            if self.recover()? && !deadline.has_passed() {
                continue;
            }
            let over = match self.look_at_producers()? {
                Peer::Died { pid } => Some(RecvError::PeerDied { pid }),
                Peer::Left => Some(RecvError::Disconnected),
                Peer::Absent | Peer::Attached { .. } => None,
            };
            // Whoever went may have sent something before.
            if let Some(over) = over
                && self.ring.is_drained()?
            {
                return Err(over);
            }
            match pause {
                Pause::TimedOut => {
                    let is_ready = self.ring.peek()?.is_some();
                    return if is_ready {
                        Ok(())
                    } else {
                        Err(RecvError::TimedOut)
                    };
                }
                Pause::Sleep(until) => self.sleep(&wait, until)?,
                Pause::Look | Pause::Check => {}
            }
        }
    }

    fn sleep(&mut self, wait: &Wait, until: Instant) -> Result<(), RecvError> {
        // What was skipped on the way here may be the room that somebody sleeps for.
        self.released();
        if !self.waking.is_on() {
            wait.nap(until);
            return if self.attachment.region().is_whole() {
                Ok(())
            } else {
                Err(self.lose())
            };
        }
        let region = self.attachment.region();
        let memory = region.memory();
        let wanted = self.ring.position();
        let slept = wakeups::sleep(Gate::Data, memory, region, wanted, until, || {
            // Those who have just left have seen nobody asleep.
            let producers = &mut self.producers;
            let have_left = producers
                .have_left(memory, self.ring.geometry())
                .map_err(|corrupt| self.ring.poison(corrupt))?;
            let is_there = self.ring.peek()?.is_some();
            // What was skipped may have records behind it, and was room that somebody sleeps for.
            let has_moved = self.ring.position() != wanted;
            Ok::<_, Corrupt>(is_there || has_moved || have_left && self.ring.is_drained()?)
        })?;
        match slept {
            Slept::NotAtAll => return Ok(()),
            Slept::Woken(after) => self.patience.learn(after),
            Slept::TimeOver => self.patience.learn(LONGEST_SLEEP),
            Slept::RegionLost => return Err(self.lose()),
        }
        let is_late = slept == Slept::TimeOver && self.ring.peek()?.is_some();
        self.ring.count_sleep(is_late);
        Ok(())
    }
}
