//! How fast a consumer follows its producers.

/// Longest wait of who takes many records at once, in pauses: 5 us.
const MOST_PAUSES: u64 = 128;
/// Longest wait of who takes records one by one, in pauses: 1.3 us.
const MOST_PAUSES_SINGLY: u64 = 32;
/// Nanoseconds of a pause.
const PAUSE: u64 = 40;
/// So many bytes found make a wait as much longer as one record does.
const BYTES_OF_A_PAUSE: u64 = 256;
/// So many looks, the last one with them, may find nothing between two records of a stream.
const MOST_MISSES: u32 = 2;
/// Records without a longer gap that are no stream yet.
const BURST: u64 = 64;

/// How long a consumer keeps off when it has caught up.
///
/// A consumer that is faster than its producer reads each line while that is being
/// written, and slows both down to one transfer of a line for each record. So one that
/// has caught up with a stream waits a little, one pause for each record that it has just
/// found, and finds more the next time. One that finds records singly, or in bursts with gaps
/// between them, does not wait: who answers them is in a hurry. Nor may waits fill the ring, for
/// then the producer waits, too: one that has filled half of it is followed by none that is more than
/// half as long, until one as long as it may be has not: then the next may be a little longer.
/// Measured in `docs/decisions.md`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Nanoseconds that a `spin_loop` hint takes, or less.
    hint_time: u64,
    /// How many hints to give before looking for the next batch.
    hints: u64,
    /// Records gone past in all when it last caught up.
    records: u64,
    /// Where it was then.
    position: u64,
    /// Looks since then that found nothing.
    misses: u32,
    /// Records since there was a gap.
    streak: u64,
    /// How many hints the last wait had.
    waited: u64,
    /// How many a wait may have without filling the ring: one at least.
    limit: u64,
}

impl Pace {
    /// Of who has gone past so many records before, and is at this position.
    pub(super) fn new(records: u64, position: u64) -> Self {
        Self {
            hint_time: PAUSE,
            hints: 0,
            records,
            position,
            misses: 0,
            streak: 0,
            waited: 0,
            limit: u64::MAX,
        }
    }

    /// See [`Consumer::set_hint_time`](super::Consumer::set_hint_time).
    pub(super) fn set_hint_time(&mut self, nanoseconds: u64) {
        self.hint_time = nanoseconds.max(1);
    }

    /// Before a batch: leaves the producer's lines alone for a moment, if the last one says that
    /// this pays. Returns whether it has.
    #[inline]
    pub(super) fn keep_off(&mut self) -> bool {
        if self.hints > 0 {
            self.wait(self.hints);
        }
        self.hints > 0
    }

    /// Behind a wait, at whose end so many bytes of a ring of this capacity are not free.
    pub(super) fn judge_wait(&mut self, waiting: usize, capacity: usize) {
        if waiting > capacity / 2 {
            self.limit = (self.waited / 2).max(1);
        } else if self.waited == self.limit {
            self.limit = self.limit.saturating_add((PAUSE / self.hint_time).max(1));
        }
    }

    /// Behind a batch, with what was gone past in all: decides how long to keep off before the next.
    #[inline]
    pub(super) fn learn(&mut self, caught_up: bool, records: u64, position: u64) {
        self.hints = if caught_up {
            self.miss(records, position, MOST_PAUSES)
        } else {
            0
        };
    }

    /// Behind a look for a single record that found nothing. Returns whether it has kept off.
    #[inline(always)]
    pub(super) fn keep_off_singly(&mut self, records: u64, position: u64) -> bool {
        let hints = self.miss(records, position, MOST_PAUSES_SINGLY);
        if hints > 0 {
            self.wait(hints);
        }
        hints > 0
    }

    /// Counts a look that found nothing. Returns with how many hints it pays to keep off, those of
    /// so many pauses at most.
    #[inline(always)]
    fn miss(&mut self, records: u64, position: u64, most: u64) -> u64 {
        self.misses = self.misses.saturating_add(1);
        if records == self.records {
            0
        } else {
            self.catch_up(records, position, most)
        }
    }

    #[cold]
    #[inline(never)]
    fn catch_up(&mut self, records: u64, position: u64, most: u64) -> u64 {
        let found = records.wrapping_sub(self.records);
        let bytes = position.wrapping_sub(self.position);
        let gap = self.misses > MOST_MISSES;
        (self.records, self.position, self.misses) = (records, position, 0);
        self.streak = if gap { 0 } else { self.streak }.saturating_add(found);
        if found == 1 || self.streak <= BURST {
            return 0;
        }
        let pauses = found.saturating_add(bytes / BYTES_OF_A_PAUSE);
        (pauses.min(most) * PAUSE / self.hint_time).min(self.limit)
    }

    /// Gives so many hints that this is a spin loop.
    #[cold]
    #[inline(never)]
    fn wait(&mut self, hints: u64) {
        self.waited = hints;
        for _ in 0..hints {
            core::hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of a record.
    const SIZE: u64 = 72;
    const CAPACITY: usize = 64 << 10;

    /// Follows a stream that brings so many records each time, and returns how many hints a wait
    /// has then.
    fn follow(pace: &mut Pace, each: u64, times: u64) -> u64 {
        for _ in 0..times {
            let (records, position) = (pace.records + each, pace.position + each * SIZE);
            pace.learn(true, records, position);
        }
        pace.hints
    }

    #[test]
    fn a_stream_is_waited_for_as_long_as_it_brought_records_and_bytes() {
        let mut pace = Pace::new(0, 0);
        let each = BURST + 1;
        assert_eq!(
            follow(&mut pace, each, 1),
            each + each * SIZE / BYTES_OF_A_PAUSE
        );
        assert_eq!(follow(&mut pace, 2, 1), 2);
        assert_eq!(follow(&mut pace, 1000, 1), MOST_PAUSES);
        pace.set_hint_time(4 * PAUSE);
        assert_eq!(follow(&mut pace, 1000, 1), MOST_PAUSES / 4);
    }

    #[test]
    fn single_records_and_bursts_are_no_stream() {
        let mut pace = Pace::new(0, 0);
        assert_eq!(follow(&mut pace, 1, 1000), 0);
        for _ in 0..100 {
            // A gap, and then a burst.
            for _ in 0..MOST_MISSES {
                pace.learn(true, pace.records, pace.position);
            }
            assert_eq!(follow(&mut pace, BURST, 1), 0);
        }
        assert!(follow(&mut pace, BURST, 1) > 0, "without a gap it is one");
    }

    #[test]
    fn who_has_not_caught_up_does_not_wait() {
        let mut pace = Pace::new(0, 0);
        assert!(follow(&mut pace, 1000, 1) > 0 && pace.keep_off());
        pace.learn(false, 2000, 2000 * SIZE);
        assert!(!pace.keep_off());
    }

    #[test]
    fn a_single_look_waits_once_for_what_it_caught_up_with() {
        let mut pace = Pace::new(0, 0);
        pace.set_hint_time(PAUSE * MOST_PAUSES_SINGLY);
        assert!(pace.keep_off_singly(1000, 1000 * SIZE));
        assert!(!pace.keep_off_singly(1000, 1000 * SIZE));
        assert!(!pace.keep_off_singly(1001, 1001 * SIZE));
    }

    /// A wait, at whose end so many bytes are not free. Returns how many hints it had.
    fn wait(pace: &mut Pace, waiting: usize) -> u64 {
        let hints = follow(pace, 1000, 1);
        assert!(pace.keep_off(), "a stream is always waited for");
        pace.judge_wait(waiting, CAPACITY);
        hints
    }

    #[test]
    fn waits_that_fill_the_ring_are_halved_and_grow_again() {
        let (full, enough) = (CAPACITY / 2 + 8, CAPACITY / 2);
        // However long a hint takes: 20 ns here, 45 elsewhere.
        for (hint_time, growth) in [(PAUSE / 2, 2), (PAUSE, 1), (45, 1), (100, 1)] {
            let mut pace = Pace::new(0, 0);
            pace.set_hint_time(hint_time);
            let most = MOST_PAUSES * PAUSE / hint_time;
            assert_eq!(wait(&mut pace, enough), most);
            let mut expected = most;
            while expected > 1 {
                assert_eq!(wait(&mut pace, full), expected);
                expected /= 2;
            }
            assert_eq!(wait(&mut pace, full), 1);
            while expected < most {
                assert_eq!(wait(&mut pace, enough), expected);
                expected += growth;
            }
            assert_eq!(wait(&mut pace, 0), most);
        }
    }

    #[test]
    fn a_short_wait_says_nothing_of_longer_ones() {
        let mut pace = Pace::new(0, 0);
        assert_eq!(wait(&mut pace, CAPACITY), MOST_PAUSES);
        assert!(follow(&mut pace, 2, 1) < 10 && pace.keep_off());
        pace.judge_wait(0, CAPACITY);
        assert_eq!(wait(&mut pace, 0), MOST_PAUSES / 2);
    }
}
