//! The round trip of a wakeup.

use std::fs::File;
use std::io;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Release};

use rustix::io::Errno;
use rustix::thread::futex::{self, Flags};

use crate::shared::{APART, Shared};

/// Written by the one who pings.
const PING: usize = 0;
/// Written by the one who answers.
const PONG: usize = APART;

/// One word there, one word back, as in [`PingPong`](crate::PingPong); but who waits sleeps in the
/// kernel until it is woken: the least that two blocked processes need.
#[derive(Debug)]
pub struct FutexPingPong {
    shared: Shared,
}

impl FutexPingPong {
    /// Bytes of file it needs.
    pub const SIZE: usize = 2 * APART;

    /// Over a [`shared_file`](crate::shared_file), of zeros at first, that nobody shortens.
    ///
    /// # Errors
    /// When the file is shorter than [`FutexPingPong::SIZE`] or cannot be mapped.
    pub fn new(file: &File) -> io::Result<Self> {
        let shared = Shared::new(file, Self::SIZE)?;
        Ok(Self { shared })
    }

    /// Begins `round` and sleeps until it is answered. Rounds are numbered from one, and both
    /// sides count alike.
    ///
    /// # Errors
    /// What the system says.
    pub fn ping(&self, round: u32) -> io::Result<()> {
        self.begin(round)?;
        self.wait_for(PONG, round)
    }

    /// Sleeps until `round` begins and answers it.
    ///
    /// # Errors
    /// What the system says.
    pub fn pong(&self, round: u32) -> io::Result<()> {
        self.wait_for(PING, round)?;
        self.tell(PONG, round)
    }

    /// Begins `round` and wakes the other side, and waits for nothing.
    ///
    /// # Errors
    /// What the system says.
    pub fn begin(&self, round: u32) -> io::Result<()> {
        self.tell(PING, round)
    }

    /// Sleeps until a round has begun that is another one than `last`, and tells which.
    ///
    /// # Errors
    /// What the system says.
    pub fn next(&self, last: u32) -> io::Result<u32> {
        self.wait_while(PING, last)
    }

    fn tell(&self, offset: usize, round: u32) -> io::Result<()> {
        self.half(offset).store(round, Release);
        futex::wake(self.half(offset), Flags::empty(), 1)?;
        Ok(())
    }

    fn wait_for(&self, offset: usize, round: u32) -> io::Result<()> {
        let mut found = self.half(offset).load(Acquire);
        while found != round {
            found = self.wait_while(offset, found)?;
        }
        Ok(())
    }

    /// Sleeps as long as it finds `last`; returns what it finds then.
    fn wait_while(&self, offset: usize, last: u32) -> io::Result<u32> {
        loop {
            let found = self.half(offset).load(Acquire);
            if found != last {
                return Ok(found);
            }
            match futex::wait(self.half(offset), Flags::empty(), last, None) {
                Ok(()) | Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The first half of a word.
    fn half(&self, offset: usize) -> &AtomicU32 {
        let half = self.shared.at(offset, size_of::<u32>()).cast::<u32>();
        // SAFETY: `half` is valid for reads and writes as long as `self.shared` lives, which the
        // returned reference borrows; it is aligned, as a mapping starts at a page and `offset` is
        // a multiple of eight; both sides access these halves atomically only.
        unsafe { AtomicU32::from_ptr(half) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_is_answered_in_turn() {
        let file = crate::shared_file(FutexPingPong::SIZE).unwrap();
        let here = FutexPingPong::new(&file).unwrap();
        let there = FutexPingPong::new(&file).unwrap();
        let answers = std::thread::spawn(move || {
            (1..=100).for_each(|round| there.pong(round).unwrap());
        });
        for round in 1..=100 {
            here.ping(round).unwrap();
            assert_eq!(here.half(PONG).load(Acquire), round);
        }
        answers.join().unwrap();
    }

    #[test]
    fn what_begins_next_need_not_be_known() {
        let file = crate::shared_file(FutexPingPong::SIZE).unwrap();
        let here = FutexPingPong::new(&file).unwrap();
        let there = FutexPingPong::new(&file).unwrap();
        let listener = std::thread::spawn(move || {
            let mut heard = vec![0];
            while heard.last() != Some(&30) {
                let last = heard[heard.len() - 1];
                heard.push(there.next(last).unwrap());
            }
            heard
        });
        for round in [10, 20, 30] {
            here.begin(round).unwrap();
        }
        let heard = listener.join().unwrap();
        // It may miss some, but hears none twice, and the last one.
        assert!(heard.is_sorted_by(|one, next| one < next), "{heard:?}");
    }

    #[test]
    fn a_short_file_is_refused() {
        let file = crate::shared_file(FutexPingPong::SIZE - 1).unwrap();
        assert!(FutexPingPong::new(&file).is_err());
    }
}
