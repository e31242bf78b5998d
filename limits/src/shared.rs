//! Raw memory that two processes can have in common.

use std::fs::File;
use std::io;
use std::sync::atomic::AtomicU64;

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{MemfdFlags, memfd_create};

/// Keeps what two sides write apart: two lines, because some processors fetch lines in pairs.
pub(crate) const APART: usize = 128;
/// Where bytes start that are not words, in files that hold both.
pub(crate) const DATA: usize = 4096;

/// A file of `size` zero bytes, in memory and without a name. It lives as long as anybody
/// has it open or mapped; a child process can be given it as its standard input.
///
/// # Errors
/// What the system says.
pub fn shared_file(size: usize) -> io::Result<File> {
    let file = File::from(memfd_create("mapring-limits", MemfdFlags::CLOEXEC)?);
    file.set_len(size as u64)?;
    Ok(file)
}

/// The first bytes of a file, mapped.
#[derive(Debug)]
pub(crate) struct Shared {
    map: MmapRaw,
}

impl Shared {
    /// Maps the whole of `file`, which must have `smallest` bytes at least. All of its pages are
    /// there when this returns: page faults do not belong to what is measured.
    pub(crate) fn new(file: &File, smallest: usize) -> io::Result<Self> {
        let size = file.metadata()?.len();
        if size < smallest as u64 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("the file has {size} bytes, not {smallest}"),
            ));
        }
        let map = MmapOptions::new().populate().map_raw(file)?;
        Ok(Self { map })
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// The word at `offset`, a multiple of eight.
    #[inline]
    pub(crate) fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8));
        let word = self.at(offset, 8).cast::<u64>();
        // SAFETY: `word` is valid for reads and writes as long as `self.map` lives, which the
        // returned reference borrows; it is aligned, as a mapping starts at a page and `offset` is
        // a multiple of eight; whoever else has the file accesses its words atomically only.
        unsafe { AtomicU64::from_ptr(word) }
    }

    /// The first of `len` bytes at `offset`, all of which are in the mapping.
    #[inline]
    pub(crate) fn at(&self, offset: usize, len: usize) -> *mut u8 {
        let size = self.map.len();
        assert!(
            offset <= size && len <= size - offset,
            "{len} bytes at {offset} are not within {size}"
        );
        self.map.as_mut_ptr().wrapping_add(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn what_is_mapped_has_its_pages() {
        let size = 1 << 20;
        let file = shared_file(size).unwrap();
        // Blocks of 512 bytes, whatever the file system has.
        let taken = || file.metadata().unwrap().blocks() * 512;
        assert_eq!(taken(), 0);
        let shared = Shared::new(&file, size).unwrap();
        assert_eq!(shared.len(), size);
        assert!(taken() >= size as u64, "{} bytes", taken());
    }
}
