//! Mapped shared memory, as the protocol sees it.

use std::hint;
use std::io;
use std::mem;
use std::os::fd::AsFd;
use std::ptr;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::fd::AsRawFd;

use crate::layout::{self, Fences, WORD, Word};
use crate::memory::{Memory, ReadMemory};

use super::process::Process;
use super::{copy, fences};

/// A mapping that a forked child neither has (`MADV_DONTFORK`) nor unmaps.
#[derive(Debug)]
struct Mapping {
    /// Always there, except while being dropped.
    raw: Option<MmapRaw>,
    process: Process,
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if !self.process.is_current() {
            // In a forked child something else may stand at these addresses by now.
            mem::forget(self.raw.take());
        }
    }
}

impl Mapping {
    fn new(raw: MmapRaw, process: Process) -> io::Result<Self> {
        raw.advise(Advice::DontFork)?;
        Ok(Self {
            raw: Some(raw),
            process,
        })
    }
}

/// A region mapped for looking only. Storing through it is not possible.
#[derive(Clone, Debug)]
pub(crate) struct MappedReadOnly {
    base: *mut u8,
    len: usize,
    /// Offset of the last word, `len - 8`; at or behind that of the first slot.
    last_word: usize,
    _mapping: Arc<Mapping>,
}

/// A region mapped for reading and writing.
#[derive(Clone, Debug)]
pub struct Mapped {
    view: MappedReadOnly,
}

// SAFETY: the pointer is to shared memory that stays mapped as long as `_mapping` lives, in
// whichever thread; all access is atomic or opaque.
unsafe impl Send for MappedReadOnly {}
// SAFETY: as for Send.
unsafe impl Sync for MappedReadOnly {}

impl MappedReadOnly {
    /// Maps the first `len` bytes of `file`.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn new(file: &impl AsFd, len: usize, process: Process) -> io::Result<Self> {
        let raw = MmapOptions::new()
            .len(len)
            .map_raw_read_only(file.as_fd().as_raw_fd())?;
        Self::of(raw, process)
    }

    fn of(raw: MmapRaw, process: Process) -> io::Result<Self> {
        let (base, len) = (raw.as_mut_ptr(), raw.len());
        // `word` relies on this; what is opened was found to be longer.
        if len < layout::PRODUCER_SLOTS.offset() + WORD {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Self {
            base,
            len,
            last_word: len - WORD,
            _mapping: Arc::new(Mapping::new(raw, process)?),
        })
    }

    /// The address of `len` bytes at `at`, all of which, rounded up to words, lie within the mapping.
    #[inline(always)]
    fn address(&self, at: Word, len: usize) -> *mut u8 {
        // `len` is that of a slice and a Word is below 2^63, so that no sum wraps around.
        let rounded = (len + (WORD - 1)) & !(WORD - 1);
        if at.offset() + rounded > self.len {
            beyond(at, len);
        }
        self.base.wrapping_add(at.offset())
    }

    #[inline(always)]
    fn word(&self, at: Word) -> &AtomicU64 {
        // SAFETY: `of` lets no shorter mapping be. So a word at a fixed place needs no check.
        unsafe { hint::assert_unchecked(self.last_word >= layout::PRODUCER_SLOTS.offset()) };
        if at.offset() > self.last_word {
            beyond(at, WORD);
        }
        let address = self.base.wrapping_add(at.offset());
        // SAFETY: the mapping is page-aligned and a Word is a multiple of eight, so the address is
        // aligned; it was checked to lie within the mapping, which lives as long as `self`.
        // Accesses to it in this process are atomic or opaque, or through slices of a
        // `TrustedMapped`, which P1 and P2 of the protocol keep apart from this one.
        unsafe { AtomicU64::from_ptr(address.cast()) }
    }
}

#[cold]
#[inline(never)]
fn beyond(at: Word, len: usize) -> ! {
    panic!("{len} bytes at {at:?} lie beyond the region: the protocol has a bug");
}

impl ReadMemory for MappedReadOnly {
    // The documentation of `std::sync::atomic` ("Atomic accesses to read-only memory") allows
    // only Relaxed loads where writing would fault; a fence behind the load gives it the order.
    #[inline(always)]
    fn load(&self, at: Word, order: Ordering) -> u64 {
        let value = self.word(at).load(Ordering::Relaxed);
        if order != Ordering::Relaxed {
            fence(order);
        }
        value
    }

    #[inline(always)]
    fn read(&self, from: Word, into: &mut [u8]) {
        let address = self.address(from, into.len());
        // SAFETY: `address` checked that the bytes, rounded up to words, lie within the
        // mapping, and a Word is a multiple of eight. Accesses are as in `word`.
        unsafe { copy::read(address, into) };
    }
}

impl Mapped {
    /// Maps the first `len` bytes of `file`, all pages at once if `prefault`, in
    /// huge pages if `huge_pages` and the kernel agrees.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn new(
        file: &impl AsFd,
        len: usize,
        process: Process,
        prefault: bool,
        huge_pages: bool,
    ) -> io::Result<Self> {
        let raw = MmapOptions::new()
            .len(len)
            .map_raw(file.as_fd().as_raw_fd())?;
        if huge_pages {
            // Advice: a kernel or file system without huge pages refuses it, and nothing is lost.
            let _ = raw.advise(Advice::HugePage);
        }
        if prefault {
            match raw.advise(Advice::PopulateWrite) {
                // Linux before 5.14: then the first lap takes the page faults.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
                other => other?,
            }
        }
        let view = MappedReadOnly::of(raw, process)?;
        Ok(Self { view })
    }

    /// Zeroed memory of at least `len` bytes that no other process sees, for tests of the protocol.
    ///
    /// # Errors
    /// What the system says.
    #[cfg(feature = "internals")]
    pub fn anonymous(len: usize) -> io::Result<Self> {
        let raw = memmap2::MmapMut::map_anon(len)?.into();
        let view = MappedReadOnly::of(raw, Process::current()?)?;
        Ok(Self { view })
    }

    /// The word `at`, for the system's calls.
    pub(super) fn word(&self, at: Word) -> &AtomicU64 {
        self.view.word(at)
    }

    /// The address of `len` bytes at `at`, for what the system's libraries keep there.
    #[cfg(feature = "event")]
    pub(super) fn pointer(&self, at: Word, len: usize) -> *mut u8 {
        self.view.address(at, len)
    }

    /// Lets payloads be seen as slices.
    ///
    /// # Safety
    /// As long as the result lives, nobody else writes bytes that one of its slices covers, nor
    /// reads those that a mutable one covers. Peers that follow the protocol do neither: P1 and
    /// P2 order their accesses before and after.
    #[must_use]
    pub(crate) unsafe fn trust(self) -> TrustedMapped {
        TrustedMapped(self)
    }
}

impl ReadMemory for Mapped {
    #[inline(always)]
    fn load(&self, at: Word, order: Ordering) -> u64 {
        self.view.word(at).load(order)
    }

    #[inline(always)]
    fn read(&self, from: Word, into: &mut [u8]) {
        self.view.read(from, into);
    }
}

impl Memory for Mapped {
    #[inline(always)]
    fn store(&self, at: Word, value: u64, order: Ordering) {
        self.view.word(at).store(value, order);
    }

    #[inline(always)]
    fn compare_exchange(
        &self,
        at: Word,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        let word = self.view.word(at);
        word.compare_exchange(old, new, success, failure)
    }

    #[inline(always)]
    fn fetch_add(&self, at: Word, n: u64, order: Ordering) -> u64 {
        self.view.word(at).fetch_add(n, order)
    }

    #[inline(always)]
    fn light_fence(&self, fences: Fences) {
        match fences {
            Fences::Symmetric => fences::full(),
            Fences::Membarrier => fences::compiler_only(),
        }
    }

    fn heavy_fence(&self, fences: Fences) {
        match fences {
            Fences::Symmetric => fences::full(),
            Fences::Membarrier => fences::everywhere(),
        }
    }

    #[inline(always)]
    fn write(&self, to: Word, bytes: &[u8]) {
        let address = self.view.address(to, bytes.len());
        // SAFETY: `address` checked that the bytes, rounded up to words, lie within the
        // mapping, which is writable, and a Word is a multiple of eight. Accesses are as in `word`.
        unsafe { copy::write(address, bytes) };
    }

    #[inline(always)]
    fn prefetch_write(&self, at: Word, ahead: usize) {
        // An address beyond the mapping is as good as any other: a hint never faults.
        copy::prefetch_write(self.view.base.wrapping_add(at.offset() + ahead));
    }

    #[inline(always)]
    fn prefetch_read(&self, at: Word, ahead: usize) {
        copy::prefetch_read(self.view.base.wrapping_add(at.offset() + ahead));
    }
}

impl ReadMemory for TrustedMapped {
    #[inline(always)]
    fn load(&self, at: Word, order: Ordering) -> u64 {
        self.0.load(at, order)
    }

    #[inline(always)]
    fn read(&self, from: Word, into: &mut [u8]) {
        self.0.read(from, into);
    }
}

impl Memory for TrustedMapped {
    #[inline(always)]
    fn store(&self, at: Word, value: u64, order: Ordering) {
        self.0.store(at, value, order);
    }

    #[inline(always)]
    fn compare_exchange(
        &self,
        at: Word,
        old: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.0.compare_exchange(at, old, new, success, failure)
    }

    #[inline(always)]
    fn fetch_add(&self, at: Word, n: u64, order: Ordering) -> u64 {
        self.0.fetch_add(at, n, order)
    }

    #[inline(always)]
    fn light_fence(&self, fences: Fences) {
        self.0.light_fence(fences);
    }

    fn heavy_fence(&self, fences: Fences) {
        self.0.heavy_fence(fences);
    }

    #[inline(always)]
    fn write(&self, to: Word, bytes: &[u8]) {
        self.0.write(to, bytes);
    }

    #[inline(always)]
    fn prefetch_write(&self, at: Word, ahead: usize) {
        self.0.prefetch_write(at, ahead);
    }

    #[inline(always)]
    fn prefetch_read(&self, at: Word, ahead: usize) {
        self.0.prefetch_read(at, ahead);
    }
}

/// Mapped memory whose peers the caller of `Mapped::trust` vouches for.
#[derive(Clone, Debug)]
pub struct TrustedMapped(Mapped);

impl TrustedMapped {
    /// The `len` bytes at `at`, which nobody writes while the slice lives.
    #[inline]
    #[must_use]
    pub(crate) fn slice(&self, at: Word, len: usize) -> &[u8] {
        let address = self.0.view.address(at, len);
        // SAFETY: within the mapping, which lives as long as `self`; initialised, for pages of
        // a file are; not written meanwhile, which `trust`'s caller vouches for.
        unsafe { slice::from_raw_parts(address, len) }
    }

    /// The `len` bytes at `at`, which nobody else reads or writes while the slice lives.
    #[inline]
    #[must_use]
    pub(crate) fn slice_mut(&mut self, at: Word, len: usize) -> &mut [u8] {
        let address = self.0.view.address(at, len);
        let bytes = ptr::slice_from_raw_parts_mut(address, len);
        // SAFETY: within the mapping, which lives as long as `self`; initialised, for pages of
        // a file are; not accessed meanwhile, which `trust`'s caller vouches for.
        unsafe { &mut *bytes }
    }
}
