//! How fast a consumer follows its producers.

/// Longest wait before a batch, in pauses.
const MAX_PAUSES: usize = 128;
/// Longest wait of who takes records one by one, in pauses.
const MAX_PAUSES_SINGLY: u64 = 32;
/// So many bytes found, as one record found, make it a pause longer.
const BYTES_OF_A_PAUSE: u64 = 256;
/// Nanoseconds of a pause.
const PAUSE: usize = 40;

/// How long a consumer keeps off when it has caught up.
///
/// A consumer that is faster than its producer reads each line while that is being
/// written, and slows both down to one transfer of a line for each record. So one that
/// has caught up with a busy producer waits a little, one pause for each record that it has just
/// found, and finds more the next time; one that finds records singly does not wait. Measured in
/// `docs/decisions.md`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Nanoseconds that a `spin_loop` hint takes.
    hint_time: usize,
    /// How often to pause before looking for the next batch; at most `MAX_PAUSES`.
    pauses: usize,
    /// Records found in batches since one of these caught up.
    found: usize,
    /// Records and bytes gone past in all when a look for a single record last found none.
    caught_up_at: (u64, u64),
}

impl Pace {
    /// Of who has gone past so many records, and so many bytes, before.
    pub(super) fn new(records: u64, bytes: u64) -> Self {
        Self {
            hint_time: PAUSE,
            pauses: 0,
            found: 0,
            caught_up_at: (records, bytes),
        }
    }

    /// See [`Consumer::set_hint_time`](super::Consumer::set_hint_time).
    pub(super) fn set_hint_time(&mut self, nanoseconds: usize) {
        self.hint_time = nanoseconds.max(1);
    }

    /// Leaves the producer's line alone for a moment, if the last batch says that this pays.
    #[inline]
    pub(super) fn keep_off(&self) {
        self.pause(self.pauses);
    }

    /// Decides how long to keep off before the next batch, after one of `count` records.
    #[inline]
    pub(super) fn learn(&mut self, count: usize, caught_up: bool) {
        self.pauses = 0;
        self.found = self.found.saturating_add(count);
        if caught_up {
            self.pauses = self.found.min(MAX_PAUSES);
            self.found = 0;
        }
    }

    /// Whether any of so many records was found since a look for a single one last found none.
    #[inline(always)]
    pub(super) fn is_new(&self, records: u64) -> bool {
        self.caught_up_at.0 != records
    }

    /// As [`Pace::keep_off`], of who takes records one by one, and finds none after so many records
    /// and bytes in all. Returns whether it did.
    #[cold]
    #[inline(never)]
    pub(super) fn keep_off_singly(&mut self, records: u64, bytes: u64) -> bool {
        let found = records.wrapping_sub(self.caught_up_at.0);
        let found_bytes = bytes.wrapping_sub(self.caught_up_at.1);
        self.caught_up_at = (records, bytes);
        if found > 1 {
            let pauses = found.saturating_add(found_bytes / BYTES_OF_A_PAUSE);
            self.pause(pauses.min(MAX_PAUSES_SINGLY) as usize);
        }
        found > 1
    }

    #[inline]
    fn pause(&self, pauses: usize) {
        for _ in 0..pauses * PAUSE / self.hint_time {
            core::hint::spin_loop();
        }
    }
}
