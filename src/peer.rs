//! Floor 3: a participant's place in a region, and what it can tell of its peer.

use std::sync::Arc;
use std::thread;

use crate::error::{AttachError, Corrupt, Role};
use crate::layout::{self, Word};
use crate::memory::ReadMemory;
use crate::os::mapped::Mapped;
use crate::os::process;
use crate::os::region::{HeldRole, Region};
use crate::ring::participant::{self, State};

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
    /// Who holds `role`, according to its slot and to the kernel. One system call, if
    /// the slot says that somebody is there.
    pub(crate) fn look(
        memory: &impl ReadMemory,
        region: &Region,
        role: Role,
    ) -> Result<Self, Corrupt> {
        let slot = slot(region, role);
        let mut last = 0;
        for _ in 0..LOOKS {
            let state = participant::look(memory, slot, role)?;
            let pid = match state {
                State::Absent => return Ok(Self::Absent),
                State::Left => return Ok(Self::Left),
                State::Attached { pid, .. } => pid,
            };
            // When the kernel cannot say, the peer counts as alive: slow is not dead.
            if region.is_held(role).unwrap_or(true) {
                return Ok(Self::Attached { pid });
            }
            // It may have left, or left and come again, between the two looks.
            if participant::look(memory, slot, role)? == state {
                return Ok(Self::Died { pid });
            }
            last = pid;
        }
        // It comes and goes; or a hostile peer keeps writing there, which must not hold the caller.
        Ok(Self::Attached { pid: last })
    }
}

/// The slot of the one who holds `role`.
pub(crate) fn slot(region: &Region, role: Role) -> Word {
    match role {
        Role::Producer => region.identity().geometry.producer_slot(0),
        Role::Consumer => layout::CONSUMER_SLOT,
    }
}

/// A role that this process holds and has written into its slot. Dropping it
/// leaves in good order; a process that ends without dropping it has died.
#[derive(Debug)]
pub(crate) struct Attachment {
    held: HeldRole,
    role: Role,
    /// Whether dropping it leaves no word in the slot, as a death would.
    abandoned: bool,
}

impl Attachment {
    /// Takes `role`, lets `start` build the endpoint, and marks the slot.
    pub(crate) fn new<T>(
        region: &Arc<Region>,
        role: Role,
        start: impl FnOnce(Mapped) -> Result<T, Corrupt>,
    ) -> Result<(Self, T), AttachError> {
        if !region.process().is_current() {
            return Err(AttachError::Forked);
        }
        let memory = region.memory();
        let slot = slot(region, role);
        let taken = region.take_role(role).map_err(|source| AttachError::Io {
            action: "lock a role",
            source,
        })?;
        let Some(held) = taken else {
            let pid = match participant::look(memory, slot, role)? {
                State::Attached { pid, .. } => pid,
                State::Absent | State::Left => 0,
            };
            return Err(AttachError::Busy { role, pid });
        };
        let endpoint = start(memory.clone())?;
        participant::attach(memory, slot, process::pid());
        Ok((
            Self {
                held,
                role,
                abandoned: false,
            },
            endpoint,
        ))
    }

    /// Lets the role be found as after a death, when this is dropped.
    pub(crate) fn abandon(&mut self) {
        self.abandoned = true;
    }

    pub(crate) fn region(&self) -> &Arc<Region> {
        self.held.region()
    }

    /// What is known of the holder of the other role.
    pub(crate) fn peer(&self, role: Role) -> Result<Peer, Corrupt> {
        Peer::look(self.region().memory(), self.region(), role)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        // Who panics has not finished: its peer must not take what it sent for all there is.
        let finished = !self.abandoned && !thread::panicking();
        let region = self.region();
        if region.process().is_current() && finished {
            participant::detach(region.memory(), slot(region, self.role));
        }
    }
}
