//! Who sleeps in a region, as its file shows.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use mapring::Counters;
use mapring::generic::{Mpsc, Observer, Protocol, Spsc};
use mapring::layout::{DATA_ANSWERED, DATA_PARKED, SPACE_ANSWERED, SPACE_PARKED, Word};

use super::wait_until;

/// A kind of ring whose counters can all be had.
pub(crate) trait Kind: Protocol {
    /// How the kind is called in the names of regions.
    const NAME: &str;

    /// What the producers have counted, by slot.
    fn producer_counters(observer: &Observer<Self>) -> Vec<Counters>;
}

impl Kind for Spsc {
    const NAME: &str = "spsc";

    fn producer_counters(observer: &Observer<Self>) -> Vec<Counters> {
        vec![observer.producer_counters()]
    }
}

impl Kind for Mpsc {
    const NAME: &str = "mpsc";

    fn producer_counters(observer: &Observer<Self>) -> Vec<Counters> {
        let producers = observer.producers().expect("slots that can be");
        producers
            .into_iter()
            .map(|(_, counters)| counters)
            .collect()
    }
}

/// The words of a region, looked at and changed through its file.
#[derive(Debug)]
pub(crate) struct Gates(File);

impl Gates {
    pub(crate) fn of(path: &Path) -> Self {
        let file = File::options().read(true).write(true).open(path);
        Self(file.expect("a region's file"))
    }

    pub(crate) fn file(&self) -> &File {
        &self.0
    }

    pub(crate) fn peek(&self, word: Word) -> u64 {
        let mut bytes = [0; 8];
        let read = self.0.read_exact_at(&mut bytes, word.offset() as u64);
        read.expect("a word");
        u64::from_le_bytes(bytes)
    }

    /// Whether a consumer sleeps, or is about to, and nobody has ended that.
    pub(crate) fn consumer_sleeps(&self) -> bool {
        self.peek(DATA_PARKED) != self.peek(DATA_ANSWERED)
    }

    /// Whether a producer sleeps, or is about to, and nobody has ended that.
    pub(crate) fn producer_sleeps(&self) -> bool {
        self.peek(SPACE_PARKED) != self.peek(SPACE_ANSWERED)
    }

    /// Waits until a consumer has gone to sleep.
    #[track_caller]
    pub(crate) fn await_consumer(&self) {
        wait_until(|| self.consumer_sleeps());
        fall_asleep();
    }

    /// Waits until a producer has gone to sleep.
    #[track_caller]
    pub(crate) fn await_producer(&self) {
        wait_until(|| self.producer_sleeps());
        fall_asleep();
    }
}

/// Who is about to sleep has time to do so, and a producer to stop waiting for more than
/// it needs. No result depends on how long it takes.
fn fall_asleep() {
    thread::sleep(Duration::from_millis(10));
}
