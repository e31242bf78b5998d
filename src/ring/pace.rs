//! How fast a consumer of batches follows its producers.

/// Longest wait before a batch, in pauses.
const MAX_PAUSES: usize = 128;

/// How long a consumer keeps off before its next batch.
///
/// A consumer that is faster than its producer reads each line while that is being
/// written, and slows both down to one transfer of a line for each record. So one that
/// has caught up with a busy producer waits a little, one pause for each record that it has just
/// found, and finds more the next time; one that finds records singly does not wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// `spin_loop` hints of a pause, which should take some 40 ns.
    hints: usize,
    /// How often to pause before looking for the next batch; at most `MAX_PAUSES`.
    pauses: usize,
    /// Records found since it last caught up.
    found: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            hints: 1,
            pauses: 0,
            found: 0,
        }
    }
}

impl Pace {
    /// See [`Consumer::set_pause`](super::Consumer::set_pause).
    pub(super) fn set_pause(&mut self, hints: usize) {
        self.hints = hints;
    }

    /// Leaves the producer's line alone for a moment, if the last batch says that this pays.
    #[inline]
    pub(super) fn keep_off(&self) {
        for _ in 0..self.pauses * self.hints {
            core::hint::spin_loop();
        }
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
}
