//! The round trip of a cache line.

use std::fs::File;
use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::Instant;

use crate::shared::{APART, Shared};
use crate::wait::{TimedOut, wait_until};

/// Written by the one who pings; from its place on.
const PING: usize = 0;
/// Written by the one who answers.
const PONG: usize = APART;
/// How many places there are, each with a word for either.
const PLACES: u64 = 64;
/// Bytes from one place to the next.
const PLACE_SIZE: usize = 2 * APART;
/// How many rounds stay at one place.
const STAY: u64 = 256;

/// One word there, one word back. Each side has one of these over the same file.
///
/// How long a cache line takes from one core to another depends on where in the processor its
/// home is: by a quarter, from one line to the next. So the words move on, every 256 rounds,
/// through 64 places, and what is measured is the mean of these; a ring moves through many lines
/// as well.
#[derive(Debug)]
pub struct PingPong {
    shared: Shared,
}

impl PingPong {
    /// Bytes of file it needs.
    pub const SIZE: usize = PLACES as usize * PLACE_SIZE;

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
        self.begin(round, round);
        self.wait_for(PONG, round, deadline)
    }

    /// Waits for `round` to begin and answers it.
    ///
    /// # Errors
    /// [`TimedOut`].
    #[inline]
    pub fn pong(&self, round: u64, deadline: Instant) -> Result<(), TimedOut> {
        self.wait_for(PING, round, deadline)?;
        self.word(PONG, round).store(round, Release);
        Ok(())
    }

    /// Begins `round` with `word`, and waits for nothing.
    #[inline]
    pub fn begin(&self, round: u64, word: u64) {
        self.word(PING, round).store(word, Release);
    }

    /// Waits at the place of `round` until `is_new` says so of the word there, and returns that.
    ///
    /// # Errors
    /// [`TimedOut`].
    #[inline]
    pub fn next(
        &self,
        round: u64,
        is_new: impl Fn(u64) -> bool,
        deadline: Instant,
    ) -> Result<u64, TimedOut> {
        let word = self.word(PING, round);
        let mut found = 0;
        wait_until(deadline, || {
            found = word.load(Acquire);
            is_new(found)
        })?;
        Ok(found)
    }

    #[inline]
    fn wait_for(&self, whose: usize, round: u64, deadline: Instant) -> Result<(), TimedOut> {
        let word = self.word(whose, round);
        wait_until(deadline, || word.load(Acquire) == round)
    }

    #[inline]
    fn word(&self, whose: usize, round: u64) -> &AtomicU64 {
        let place = (round / STAY % PLACES) as usize;
        self.shared.word(place * PLACE_SIZE + whose)
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
            let answered = here.word(PONG, round).load(Acquire);
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
        let after = |last| move |word| word > last;
        assert_eq!(there.next(1, after(0), soon), Err(TimedOut));
        here.begin(1, 7);
        here.begin(2, 9);
        assert_eq!(there.next(1, after(0), soon), Ok(9));
        assert_eq!(there.next(3, after(9), soon), Err(TimedOut));
    }

    #[test]
    fn a_short_file_is_refused() {
        let file = crate::shared_file(PingPong::SIZE - 1).unwrap();
        assert!(PingPong::new(&file).is_err());
    }
}
