//! The ring that was asked for.

use std::path::PathBuf;

use anyhow::Result;
use mapring::spsc::{Options, Ring};
use mapring::{Deadline, Peer};

use crate::args::RegionArgs;

/// Where the ring is.
#[derive(Debug)]
pub(crate) enum Place {
    /// In memory, gone with its last user.
    Name(String),
    /// In a file, which is kept.
    Path(PathBuf),
}

impl RegionArgs {
    /// Creates the ring at `place`, or opens the one the other side has created.
    pub(crate) fn create_or_open(&self, place: &Place) -> Result<Ring> {
        let mut options = Options::new();
        if let Some(bytes) = self.capacity {
            options = options.capacity(bytes);
        }
        if let Some(bytes) = self.max_payload {
            options = options.max_payload(bytes);
        }
        Ok(match place {
            Place::Name(name) => options.create_or_open(name)?,
            Place::Path(path) => options.create_or_open_at(path)?,
        })
    }

    /// When a wait that begins now is over.
    pub(crate) fn deadline(&self) -> Deadline {
        self.timeout.map_or(Deadline::NEVER, Deadline::from)
    }
}

/// Whether somebody had the role before, and has it no more. What such a predecessor's
/// end says is about an earlier transfer, not about the one that begins now.
pub(crate) fn is_past(peer: Peer) -> bool {
    matches!(peer, Peer::Left | Peer::Died { .. })
}
