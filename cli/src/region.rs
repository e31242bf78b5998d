//! The ring that was asked for, and who was there before.

use std::path::PathBuf;

use anyhow::{Error, Result};
use mapring::generic::{Options, Ring};
use mapring::{Deadline, OpenError, Peer};

use crate::args::RegionArgs;
use crate::kind::Kind;

/// Said to who asks for other wakeups than those of the ring that is there.
const WAKEUPS_HINT: &str = "this ring was created with other --wakeups";

/// Where the ring is.
#[derive(Debug)]
pub(crate) enum Place {
    /// In memory, gone with its last user.
    Name(String),
    /// In a file, which is kept.
    Path(PathBuf),
}

impl Place {
    /// Where `--at` or else the name says, one of which clap asks for.
    pub(crate) fn new(name: Option<&String>, at: Option<&PathBuf>) -> Self {
        match (name, at) {
            (_, Some(path)) => Self::Path(path.clone()),
            (Some(name), None) => Self::Name(name.clone()),
            (None, None) => unreachable!("clap asks for one of them"),
        }
    }
}

impl RegionArgs {
    /// Creates the ring at `place`, or opens the one the other side has created.
    pub(crate) fn create_or_open<P: Kind>(&self, place: &Place) -> Result<Ring<P>> {
        let mut options = P::own_options(Options::new(), self);
        if let Some(bytes) = self.capacity {
            options = options.capacity(bytes);
        }
        if let Some(bytes) = self.max_payload {
            options = options.max_payload(bytes);
        }
        if let Some(wakeups) = self.wakeups {
            options = options.wakeups(wakeups.value);
        }
        let ring = match place {
            Place::Name(name) => options.create_or_open(name),
            Place::Path(path) => options.create_or_open_at(path),
        };
        ring.map_err(|error| match hint::<P>(&error) {
            Some(hint) => Error::new(error).context(hint),
            None => error.into(),
        })
    }

    /// When a wait that begins now is over.
    pub(crate) fn deadline(&self) -> Deadline {
        self.timeout.map_or(Deadline::NEVER, Deadline::from)
    }
}

/// What is said besides to who gets this error.
fn hint<P: Kind>(error: &OpenError) -> Option<&'static str> {
    match error {
        OpenError::Kind { .. } => Some(P::HINT),
        OpenError::Mismatch { field, .. } => (*field == "wakeups").then_some(WAKEUPS_HINT),
        _ => None,
    }
}

/// Whether somebody had the role before, and has it no more. What such a predecessor's
/// end says is about an earlier transfer, not about the one that begins now.
pub(crate) fn is_past(peer: Peer) -> bool {
    matches!(peer, Peer::Left | Peer::Died { .. })
}

/// Whether somebody has the role.
pub(crate) fn is_there(peer: Peer) -> bool {
    matches!(peer, Peer::Attached { .. })
}
