//! An open region, from which roles are taken.

use std::path::Path;
use std::sync::Arc;

use crate::error::{AttachError, OpenError, Role};
use crate::os::region::{Origin, Region};
use crate::peer::Attachment;
use crate::ring::spsc as protocol;

use super::{Consumer, Observer, Producer};

/// A region that this process uses. It lives as long as anybody uses it: a ring,
/// or an endpoint or observer taken from one.
#[derive(Clone, Debug)]
pub struct Ring {
    region: Arc<Region>,
}

impl Ring {
    pub(super) fn new(region: Arc<Region>) -> Self {
        Self { region }
    }

    /// Takes the producer's role.
    ///
    /// # Errors
    /// [`AttachError::Busy`] while somebody holds it, in any process; [`AttachError::Corrupt`]
    /// when the cursors cannot be.
    pub fn producer(&self) -> Result<Producer, AttachError> {
        let geometry = self.region.identity().geometry;
        let (attachment, ring) = Attachment::new(&self.region, Role::Producer, |memory| {
            protocol::Producer::attach(memory, geometry)
        })?;
        Ok(Producer::new(attachment, ring))
    }

    /// Takes the consumer's role.
    ///
    /// # Errors
    /// As [`Ring::producer`].
    pub fn consumer(&self) -> Result<Consumer, AttachError> {
        let geometry = self.region.identity().geometry;
        let (attachment, ring) = Attachment::new(&self.region, Role::Consumer, |memory| {
            protocol::Consumer::attach(memory, geometry)
        })?;
        Ok(Consumer::new(attachment, ring))
    }

    /// Maps the region once more, for looking only. Any number may.
    ///
    /// # Errors
    /// [`OpenError::Io`] when the system has no room for another mapping; [`OpenError::Forked`]
    /// in a child of the process that opened the ring.
    pub fn observer(&self) -> Result<Observer, OpenError> {
        if !self.region.process().is_current() {
            return Err(OpenError::Forked);
        }
        let memory = self
            .region
            .map_read_only()
            .map_err(|source| OpenError::Io {
                action: "map",
                path: self.region.path().to_owned(),
                source,
            })?;
        Ok(Observer::new(Arc::clone(&self.region), memory))
    }

    /// Whether this handle created the region, found it in use, or resumed it.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.region.origin()
    }

    /// Bytes of the ring.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.region.identity().geometry.capacity()
    }

    /// Longest payload, in bytes.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.region.identity().geometry.max_payload()
    }

    /// Every record starts at a multiple of this many bytes.
    #[must_use]
    pub fn record_align(&self) -> usize {
        self.region.identity().geometry.record_align()
    }

    /// The region's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.region.path()
    }

    /// A random number that tells this region from others of the same name, before and after.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.region.identity().generation
    }
}
