//! What a region should be like, and where.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::OpenError;
use crate::layout::Wakeups;
use crate::os::region::{self, Opening, Place, Settings};
use crate::ring::Protocol;
use crate::ring::mpsc::Mpsc;

use super::Ring;

/// Where named regions are, unless the options say otherwise.
const DIRECTORY: &str = "/dev/shm";
/// For nobody but the owner.
const MODE: u32 = 0o600;

/// Describes a region, then creates or opens it.
///
/// What is not set is chosen by the creator's defaults, and taken as it is by
/// those who open: a value that is set must be that of the region.
///
/// # By name or by path
///
/// `create`, `open` and `create_or_open` take a *name*: 1 to 200 ASCII letters,
/// digits, `.`, `_` and `-`, not starting with a dot. The region lives in memory, and its
/// last user takes it along when it closes. If that one is killed, the next to open the name
/// takes what is left over away.
/// `create_at`, `open_at` and `create_or_open_at` take the *path* of a file, which
/// stays, with all that was sent and not received, until [`Options::remove_at`]. Its name is any,
/// but none like `.ring.0123456789abcdef.new`: so are files called that are to become regions.
///
/// ```
/// use mapring::spsc::Options;
///
/// # let name = format!("doc-options-{}", std::process::id());
/// let ring = Options::new().capacity(1 << 16).max_payload(1024).create(&name)?;
/// assert_eq!((ring.capacity(), ring.max_payload()), (65536, 1024));
/// assert_eq!(Options::new().open(&name)?.capacity(), 65536);
/// # Ok::<(), mapring::OpenError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Options<P> {
    settings: Settings,
    directory: PathBuf,
    protocol: PhantomData<P>,
}

impl<P: Protocol> Default for Options<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Protocol> Options<P> {
    /// A ring of 1 MiB (or what `max_payload` needs) for payloads up to an eighth of it, mode 0600.
    pub fn new() -> Self {
        let settings = Settings {
            capacity: None,
            max_payload: None,
            record_align: None,
            kind: P::KIND,
            producers: None,
            wakeups: None,
            mode: MODE,
            persistent: None,
            prefault: false,
            huge_pages: false,
            start: 0,
        };
        Self {
            settings,
            directory: DIRECTORY.into(),
            protocol: PhantomData,
        }
    }

    /// Bytes of the ring: a power of two from 4 KiB to 1 TiB, or to 512 MiB in a program of 32
    /// bits. Records with their headers of eight bytes share it.
    pub fn capacity(mut self, bytes: u64) -> Self {
        self.settings.capacity = Some(bytes);
        self
    }

    /// Longest payload, in bytes: at most `capacity - 16`, less where records are aligned to more
    /// than eight bytes, and less than 1 GiB.
    pub fn max_payload(mut self, bytes: u64) -> Self {
        self.settings.max_payload = Some(bytes);
        self
    }

    /// Every record starts at a multiple of this many bytes: a power of two from 8 to 128. The
    /// default is 8 with one producer and 64 with many. With 64, a record of up to 56 bytes of
    /// payload never lies across two cache lines, whatever was sent before it: a shorter way there
    /// and back, for more room.
    pub fn record_align(mut self, bytes: u64) -> Self {
        self.settings.record_align = Some(bytes);
        self
    }

    /// Permission bits of the region's file, exactly, 0600 by default; the umask does not
    /// matter. A region that has another mode is not opened. Other users are not let in by
    /// it: whoever opens must be the owner.
    pub fn mode(mut self, bits: u32) -> Self {
        self.settings.mode = bits;
        self
    }

    /// Whether a named region outlives its last user, like one at a path does.
    pub fn persistent(mut self, persistent: bool) -> Self {
        self.settings.persistent = Some(persistent);
        self
    }

    /// How those who wait in a blocking call are woken: by a futex, unless the creator says
    /// otherwise. With [`Wakeups::None`] they look again once in a millisecond at least, and nobody
    /// has to wake them.
    pub fn wakeups(mut self, wakeups: Wakeups) -> Self {
        self.settings.wakeups = Some(wakeups);
        self
    }

    /// Whether all pages are mapped when the region is opened, so that the first
    /// lap takes no page faults (from Linux 5.14 on).
    pub fn prefault(mut self, prefault: bool) -> Self {
        self.settings.prefault = prefault;
        self
    }

    /// Whether to ask for huge pages. The kernel may decline without a word
    /// (`/sys/kernel/mm/transparent_hugepage/shmem_enabled`).
    pub fn huge_pages(mut self, huge_pages: bool) -> Self {
        self.settings.huge_pages = huge_pages;
        self
    }

    /// The directory of named regions, `/dev/shm` by default. It should be in memory.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// Lets the cursors of a new ring start at `position`, a multiple of eight, for tests of
    /// wrap-around.
    #[cfg(feature = "internals")]
    pub fn start(mut self, position: u64) -> Self {
        self.settings.start = position;
        self
    }

    /// Creates the region `name`. One left over from a crash is replaced.
    ///
    /// # Errors
    /// [`OpenError`]: above all [`AlreadyExists`](OpenError::AlreadyExists) when it is in use.
    pub fn create(&self, name: &str) -> Result<Ring<P>, OpenError> {
        self.ring(self.named(name)?, Opening::Create)
    }

    /// Opens the region `name`, which somebody uses.
    ///
    /// # Errors
    /// [`OpenError`]: above all [`NotFound`](OpenError::NotFound) when nobody uses one.
    pub fn open(&self, name: &str) -> Result<Ring<P>, OpenError> {
        self.ring(self.named(name)?, Opening::Open)
    }

    /// Opens the region `name`, or creates it: [`Ring::origin`] says which. Of
    /// any number of processes that make this call at once, one creates.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn create_or_open(&self, name: &str) -> Result<Ring<P>, OpenError> {
        self.ring(self.named(name)?, Opening::CreateOrOpen)
    }

    /// Creates a region in a new file at `path`.
    ///
    /// # Errors
    /// [`OpenError`]: above all [`AlreadyExists`](OpenError::AlreadyExists).
    pub fn create_at(&self, path: impl AsRef<Path>) -> Result<Ring<P>, OpenError> {
        self.ring(Place::file(path.as_ref())?, Opening::Create)
    }

    /// Opens the region in the file at `path`, in use or not.
    ///
    /// # Errors
    /// [`OpenError`]: above all [`NotFound`](OpenError::NotFound).
    pub fn open_at(&self, path: impl AsRef<Path>) -> Result<Ring<P>, OpenError> {
        self.ring(Place::file(path.as_ref())?, Opening::Open)
    }

    /// Opens the region in the file at `path`, or creates it.
    ///
    /// # Errors
    /// [`OpenError`].
    ///
    /// ```
    /// use mapring::{Origin, spsc::Options};
    ///
    /// let path = std::env::temp_dir().join(format!("doc-at-{}", std::process::id()));
    /// let ring = Options::new().create_or_open_at(&path)?;
    /// ring.producer()?.try_send(0, b"to be continued")?;
    /// drop(ring);
    ///
    /// let ring = Options::new().create_or_open_at(&path)?;
    /// assert_eq!(ring.origin(), Origin::Resumed);
    /// let mut payload = Vec::new();
    /// ring.consumer()?.try_recv(&mut payload)?;
    /// assert_eq!(payload, b"to be continued");
    /// drop(ring);
    /// assert!(Options::new().remove_at(&path)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create_or_open_at(&self, path: impl AsRef<Path>) -> Result<Ring<P>, OpenError> {
        self.ring(Place::file(path.as_ref())?, Opening::CreateOrOpen)
    }

    /// Deletes the region `name`, if nobody uses it. Returns whether there was one.
    ///
    /// # Errors
    /// [`OpenError::InUse`], or that it is not to be trusted, or not a region.
    pub fn remove(&self, name: &str) -> Result<bool, OpenError> {
        region::remove(&self.named(name)?, self.settings.mode)
    }

    /// Deletes the region in the file at `path`, if nobody uses it. Returns whether there was one.
    ///
    /// # Errors
    /// [`OpenError::InUse`], or that it is not to be trusted, or not a region.
    pub fn remove_at(&self, path: impl AsRef<Path>) -> Result<bool, OpenError> {
        region::remove(&Place::file(path.as_ref())?, self.settings.mode)
    }

    fn named(&self, name: &str) -> Result<Place, OpenError> {
        Place::named(&self.directory, name)
    }

    fn ring(&self, place: Place, opening: Opening) -> Result<Ring<P>, OpenError> {
        Ok(Ring::new(Arc::new(region::open(
            &place,
            opening,
            &self.settings,
        )?)))
    }
}

impl Options<Mpsc> {
    /// How many producers can be attached at once, in all processes: from 1 to 1024, 64 by default.
    ///
    /// ```
    /// use mapring::{AttachError, mpsc::Options};
    ///
    /// # let name = format!("doc-producers-{}", std::process::id());
    /// let ring = Options::new().producers(2).create(&name)?;
    /// let (first, second) = (ring.producer()?, ring.producer()?);
    /// let third = ring.producer();
    /// assert!(matches!(third, Err(AttachError::TooManyProducers { limit: 2 })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn producers(mut self, slots: u64) -> Self {
        self.settings.producers = Some(slots);
        self
    }
}
