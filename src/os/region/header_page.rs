//! A private copy of a file's identity page, so that what is not a region is never mapped.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use rustix::io::Errno;

use crate::layout::{PAGE, WORD, Word};
use crate::memory::ReadMemory;

/// The first page of a file; zeros where the file is shorter.
#[derive(Debug)]
pub(super) struct HeaderPage([u8; PAGE]);

impl HeaderPage {
    pub(super) fn read(file: impl AsFd) -> io::Result<Self> {
        let mut page = [0; PAGE];
        let mut filled = 0;
        while filled < PAGE {
            match rustix::io::pread(&file, &mut page[filled..], filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self(page))
    }
}

impl ReadMemory for HeaderPage {
    // It is private: every order holds.
    fn load(&self, at: Word, _order: Ordering) -> u64 {
        let mut word = [0; WORD];
        self.read(at, &mut word);
        u64::from_le_bytes(word)
    }

    fn read(&self, from: Word, into: &mut [u8]) {
        into.copy_from_slice(&self.0[from.offset()..from.offset() + into.len()]);
    }
}
