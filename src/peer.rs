//! Floor 3: a participant's place in a region, and what it can tell of its peer.

use std::sync::Arc;
use std::thread;

use crate::error::{AttachError, Corrupt};
use crate::layout::Seat;
use crate::memory::ReadMemory;
use crate::os::mapped::Mapped;
use crate::os::process;
use crate::os::region::{HeldSeat, Region};
use crate::ring::Liveness;
use crate::ring::gate::Gate;
use crate::ring::participant::{self, State};
use crate::wakeups::Waking;

/// How often a slot that changes while being looked at is looked at again.
const LOOKS: u32 = 16;

/// What is known of the participant that holds, or held, a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Nobody has taken the role yet.
    Absent,
    /// It is there. It may be slow, or stopped: that is not dead.
    Attached {
        /// The process, as it sees itself: in another PID namespace it has another number.
        pid: u32,
    },
    /// It left in good order.
    Left,
    /// Its process ended without leaving.
    Died {
        /// The process, as it saw itself.
        pid: u32,
    },
}

impl Peer {
    /// Who holds `seat`, according to its slot and to the kernel. One system call, if
    /// the slot says that somebody is there.
    pub(crate) fn look(
        memory: &impl ReadMemory,
        region: &Region,
        seat: Seat,
    ) -> Result<Self, Corrupt> {
        let slot = seat.slot();
        let mut last = 0;
        for _ in 0..LOOKS {
            let state = participant::look(memory, slot, seat.role())?;
            let pid = match state {
                State::Absent => return Ok(Self::Absent),
                State::Left => return Ok(Self::Left),
                State::Attached { pid, .. } => pid,
            };
            // When the kernel cannot say, the peer counts as alive: slow is not dead.
            if region.is_held(seat).unwrap_or(true) {
                return Ok(Self::Attached { pid });
            }
            // It may have left, or left and come again, between the two looks.
            if participant::look(memory, slot, seat.role())? == state {
                return Ok(Self::Died { pid });
            }
            last = pid;
        }
        // It comes and goes; or a hostile peer keeps writing there, which must not hold the caller.
        Ok(Self::Attached { pid: last })
    }
}

/// A role that this process holds and has written into its slot. Dropping it
/// leaves in good order; a process that ends without dropping it has died.
#[derive(Debug)]
pub(crate) struct Attachment {
    held: HeldSeat,
    /// Whether dropping it leaves no word in the slot, as a death would.
    abandoned: bool,
    // Behind the seat, so that it is dropped after it: who is woken finds the seat free.
    _farewell: Farewell,
}

/// Wakes the peers when it is dropped, for they must see that somebody has gone.
#[derive(Debug)]
struct Farewell {
    region: Arc<Region>,
    gate: Gate,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        let region = &self.region;
        if region.process().is_current() && !region.is_lost() {
            Waking::new(region, self.gate).wake_all(self.gate, region);
        }
    }
}

impl Attachment {
    /// Takes `seat`, lets `start` build the endpoint, and marks the slot. `None` when
    /// somebody has the seat, or `start` says that it is not to be taken yet.
    pub(crate) fn new<T>(
        region: &Arc<Region>,
        seat: Seat,
        start: impl FnOnce(Mapped) -> Result<Option<T>, Corrupt>,
    ) -> Result<Option<(Self, T)>, AttachError> {
        if !region.process().is_current() {
            return Err(AttachError::Forked);
        }
        if region.is_lost() {
            return Err(AttachError::RegionLost);
        }
        let memory = region.memory();
        let taken = region.take_seat(seat).map_err(|source| AttachError::Io {
            action: "lock a role",
            source,
        })?;
        let Some(held) = taken else {
            return Ok(None);
        };
        let Some(endpoint) = start(memory.clone())? else {
            return Ok(None);
        };
        participant::attach(memory, seat.slot(), process::pid());
        let attachment = Self {
            held,
            abandoned: false,
            _farewell: Farewell {
                region: Arc::clone(region),
                gate: gate_of_peers(seat),
            },
        };
        Ok(Some((attachment, endpoint)))
    }

    /// Lets the role be found as after a death, when this is dropped.
    pub(crate) fn abandon(&mut self) {
        self.abandoned = true;
    }

    pub(crate) fn region(&self) -> &Arc<Region> {
        self.held.region()
    }

    /// What is known of the holder of a seat.
    pub(crate) fn peer(&self, seat: Seat) -> Result<Peer, Corrupt> {
        Peer::look(self.region().memory(), self.region(), seat)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        // Who panics has not finished: its peer must not take what it sent for all there is.
        let finished = !self.abandoned && !thread::panicking();
        let region = self.region();
        if !region.process().is_current() || region.is_lost() {
            return;
        }
        if finished {
            participant::detach(region.memory(), self.held.seat().slot());
        }
    }
}

/// Where those sleep whom the holder of `seat` wakes.
pub(crate) fn gate_of_peers(seat: Seat) -> Gate {
    match seat {
        Seat::Consumer => Gate::Space,
        Seat::Producer(_) => Gate::Data,
    }
}

/// That somebody has `seat` already.
pub(crate) fn busy(region: &Region, seat: Seat) -> AttachError {
    let role = seat.role();
    match participant::look(region.memory(), seat.slot(), role) {
        Ok(State::Attached { pid, .. }) => AttachError::Busy { role, pid },
        Ok(State::Absent | State::Left) => AttachError::Busy { role, pid: 0 },
        Err(corrupt) => corrupt.into(),
    }
}

/// Asks the kernel who has died, by taking the dead ones' places. It holds them until it is dropped.
pub(crate) struct Undertaker<'a> {
    region: &'a Arc<Region>,
    taken: Vec<HeldSeat>,
}

impl<'a> Undertaker<'a> {
    pub(crate) fn new(region: &'a Arc<Region>) -> Self {
        Self {
            region,
            taken: Vec::new(),
        }
    }
}

impl Liveness for Undertaker<'_> {
    fn take(&mut self, index: usize) -> bool {
        match self.region.take_seat(Seat::Producer(index)) {
            Ok(Some(seat)) => {
                self.taken.push(seat);
                true
            }
            // When the kernel cannot say, it is alive.
            Ok(None) | Err(_) => false,
        }
    }
}
