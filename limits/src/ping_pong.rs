//! The round trip of a cache line.

use std::fs::File;
use std::io;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::Instant;

use crate::shared::{APART, Shared};
use crate::wait::{TimedOut, wait_until};

/// Written by the one who pings.
const PING: usize = 0;
/// Written by the one who answers.
const PONG: usize = APART;

/// One word there, one word back. Each side has one of these over the same file.
#[derive(Debug)]
pub struct PingPong {
    shared: Shared,
}

impl PingPong {
    /// Bytes of file it needs.
    pub const SIZE: usize = 2 * APART;

    /// Over a [`shared_file`](crate::shared_file), of zeros at first, that nobody shortens.
    ///
    /// # Errors
    /// When the file is shorter than [`PingPong::SIZE`] or cannot be mapped.
    pub fn new(file: &File) -> io::Result<Self> {
        let shared = Shared::new(file, Self::SIZE)?;
        Ok(Self { shared })
    }

    /// Begins `round` and waits for its answer. Rounds are numbered from one, and both
    /// sides count alike.
    ///
    /// # Errors
    /// [`TimedOut`].
    #[inline]
    pub fn ping(&self, round: u64, deadline: Instant) -> Result<(), TimedOut> {
        self.begin(round);
        self.wait_for(PONG, round, deadline)
    }

    /// Waits for `round` to begin and answers it.
    ///
    /// # Errors
    /// [`TimedOut`].
    #[inline]
    pub fn pong(&self, round: u64, deadline: Instant) -> Result<(), TimedOut> {
        self.wait_for(PING, round, deadline)?;
        self.shared.word(PONG).store(round, Release);
        Ok(())
    }

    /// Begins `round`, and waits for nothing.
    #[inline]
    pub fn begin(&self, round: u64) {
        self.shared.word(PING).store(round, Release);
    }

    /// Waits until a round has begun that is another one than `last`, and tells which.
    ///
    /// # Errors
    /// [`TimedOut`].
    #[inline]
    pub fn next(&self, last: u64, deadline: Instant) -> Result<u64, TimedOut> {
        let word = self.shared.word(PING);
        let mut round = last;
        wait_until(deadline, || {
            round = word.load(Acquire);
            round != last
        })?;
        Ok(round)
    }

    #[inline]
    fn wait_for(&self, word: usize, round: u64, deadline: Instant) -> Result<(), TimedOut> {
        let word = self.shared.word(word);
        wait_until(deadline, || word.load(Acquire) == round)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_round_is_answered_in_turn() {
        let file = crate::shared_file(PingPong::SIZE).unwrap();
        let (here, there) = (PingPong::new(&file).unwrap(), PingPong::new(&file).unwrap());
        let deadline = Instant::now() + Duration::from_secs(60);
        let answers = std::thread::spawn(move || {
            (1..=1000).for_each(|round| there.pong(round, deadline).unwrap());
        });
        for round in 1..=1000 {
            here.ping(round, deadline).unwrap();
            let answered = here.shared.word(PONG).load(Acquire);
            assert_eq!(answered, round);
        }
        answers.join().unwrap();
    }

    #[test]
    fn nobody_there_is_timed_out() {
        let file = crate::shared_file(PingPong::SIZE).unwrap();
        let alone = PingPong::new(&file).unwrap();
        let soon = Instant::now() + Duration::from_millis(5);
        assert_eq!(alone.ping(1, soon), Err(TimedOut));
        assert_eq!(alone.pong(2, soon), Err(TimedOut));
    }

    #[test]
    fn what_begins_next_need_not_be_known() {
        let file = crate::shared_file(PingPong::SIZE).unwrap();
        let (here, there) = (PingPong::new(&file).unwrap(), PingPong::new(&file).unwrap());
        let soon = Instant::now() + Duration::from_millis(5);
        assert_eq!(there.next(0, soon), Err(TimedOut));
        here.begin(7);
        here.begin(9);
        assert_eq!(there.next(0, soon), Ok(9));
        assert_eq!(there.next(9, soon), Err(TimedOut));
    }

    #[test]
    fn a_short_file_is_refused() {
        let file = crate::shared_file(PingPong::SIZE - 1).unwrap();
        assert!(PingPong::new(&file).is_err());
    }
}
