//! One measurement: one question put to one contestant, once.

pub(crate) mod places;
pub(crate) mod processes;
pub(crate) mod threads;
pub(crate) mod work;

use std::path::PathBuf;

use crate::channel::{Size, Wait};
use crate::question::{Kind, Mode, Question};

/// What is to be measured.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The contestant's name.
    pub(crate) contestant: String,
    pub(crate) question: Question,
    /// Records, of all producers together, or round trips; the warm-up included.
    pub(crate) records: u64,
    /// Where it may have files.
    pub(crate) folder: PathBuf,
}

/// Another process's part of a job.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) question: Question,
    pub(crate) records: u64,
    /// Its number among the producers.
    pub(crate) producer: usize,
    /// Where it runs.
    pub(crate) core: Option<usize>,
    /// What it joins: the channel to send into, or, for a round trip, to receive from; and the one
    /// to answer by.
    pub(crate) tickets: Vec<String>,
}

/// Nanoseconds for one record or round trip; nothing when there were too few to tell.
pub(crate) type Outcome = Option<f64>;

impl Job {
    /// What each producer sends.
    pub(crate) fn shares(&self) -> Vec<u64> {
        shares(self.records, self.question.producers())
    }

    pub(crate) fn size(&self) -> Size {
        size(self.question)
    }
}

/// As equal as can be.
fn shares(records: u64, producers: usize) -> Vec<u64> {
    let count = producers as u64;
    let of = |producer| records / count + u64::from(producer < records % count);
    (0..count).map(of).collect()
}

fn size(question: Question) -> Size {
    let wait = match question.kind() {
        Kind::RoundTrip => Wait::Busy,
        Kind::Asleep => Wait::Asleep,
        _ => Wait::Freely,
    };
    Size::new(question.bytes(), question.producers(), wait)
}

/// Of a stream; many to one goes by single records, and the consumer takes what is there.
fn mode(question: Question) -> Mode {
    match question {
        Question::Stream { mode, .. } => mode,
        _ => Mode::Drain,
    }
}
