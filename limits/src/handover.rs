//! A buffer that is copied in on one core and out on another, over and over.

use std::fs::File;
use std::io;
use std::ptr;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::Instant;

use crate::shared::{APART, DATA, Shared};
use crate::wait::{TimedOut, wait_until};

/// How often the buffer was filled; written by the giver.
const GIVEN: usize = 0;
/// How often the buffer was emptied; written by the taker.
const TAKEN: usize = APART;

fn map(file: &File) -> io::Result<Shared> {
    Shared::new(file, DATA + 1)
}

/// Fills the buffer.
#[derive(Debug)]
pub struct Giver {
    shared: Shared,
    given: u64,
}

impl Giver {
    /// Over a [`shared_file`](crate::shared_file), of zeros at first; all of it but
    /// 4 KiB is the buffer.
    ///
    /// # Errors
    /// When the file is too short or cannot be mapped.
    ///
    /// # Safety
    /// As long as this lives, the file is used by this giver and one [`Taker`] only, both
    /// new, and is not shortened.
    pub unsafe fn new(file: &File) -> io::Result<Self> {
        let shared = map(file)?;
        Ok(Self { shared, given: 0 })
    }

    /// Waits until the buffer is empty, copies `bytes` into it and hands it over.
    ///
    /// # Errors
    /// [`TimedOut`] when the buffer stayed full.
    ///
    /// # Panics
    /// When `bytes` are more than the buffer holds.
    #[inline]
    pub fn give(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), TimedOut> {
        let taken = self.shared.word(TAKEN);
        wait_until(deadline, || taken.load(Acquire) == self.given)?;
        let buffer = self.shared.at(DATA, bytes.len());
        // SAFETY: the buffer is in the mapping and is the giver's until it is handed over, which
        // the taker's count says; `bytes` is memory of this process.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), buffer, bytes.len()) };
        self.given += 1;
        self.shared.word(GIVEN).store(self.given, Release);
        Ok(())
    }
}

/// Empties the buffer.
#[derive(Debug)]
pub struct Taker {
    shared: Shared,
    taken: u64,
}

impl Taker {
    /// Over the file of the giver.
    ///
    /// # Errors
    /// When the file is too short or cannot be mapped.
    ///
    /// # Safety
    /// As long as this lives, the file is used by this taker and one [`Giver`] only, both
    /// new, and is not shortened.
    pub unsafe fn new(file: &File) -> io::Result<Self> {
        let shared = map(file)?;
        Ok(Self { shared, taken: 0 })
    }

    /// Waits until the buffer is full, copies it out as far as `into` goes and hands it back.
    ///
    /// # Errors
    /// [`TimedOut`] when the buffer stayed empty.
    ///
    /// # Panics
    /// When `into` is longer than the buffer.
    #[inline]
    pub fn take(&mut self, into: &mut [u8], deadline: Instant) -> Result<(), TimedOut> {
        let given = self.shared.word(GIVEN);
        wait_until(deadline, || given.load(Acquire) != self.taken)?;
        let buffer = self.shared.at(DATA, into.len()).cast_const();
        // SAFETY: the buffer is in the mapping and is the taker's until it is handed back, which
        // the giver's count says; `into` is memory of this process.
        unsafe { ptr::copy_nonoverlapping(buffer, into.as_mut_ptr(), into.len()) };
        self.taken += 1;
        self.shared.word(TAKEN).store(self.taken, Release);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_filling_is_taken_once() {
        const SIZE: usize = 16 << 10;
        let file = crate::shared_file(DATA + SIZE).unwrap();
        // SAFETY: there is one giver and one taker over this file, each made once.
        let mut giver = unsafe { Giver::new(&file) }.unwrap();
        // SAFETY: as above.
        let mut taker = unsafe { Taker::new(&file) }.unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let giving = std::thread::spawn(move || {
            for i in 0..=255 {
                giver.give(&[i; SIZE], deadline).unwrap();
            }
        });
        let mut into = vec![0; SIZE];
        for i in 0..=255_u8 {
            taker.take(&mut into, deadline).unwrap();
            assert!(into.iter().all(|byte| *byte == i), "filling {i}");
        }
        giving.join().unwrap();
        let soon = Instant::now() + Duration::from_millis(1);
        assert_eq!(taker.take(&mut into, soon), Err(TimedOut));
    }
}
