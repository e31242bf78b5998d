//! What a process does in a measurement. A part is described by the first process, and opened by
//! whichever is to play it.

mod channel;
mod flow;
mod opening;
mod payload;
mod talk;
mod times;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::clock;
use super::watch::Watch;
use crate::spin::Spin;

pub(crate) use channel::{Channel, Waiting};
pub(crate) use flow::{Flow, Via};
pub(crate) use opening::Opening;
pub(crate) use talk::Role;
pub(crate) use times::Times;

/// What to do, and over what. The one who sends first measures, or counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Part {
    /// Sends single messages there, or gets them, and answers come back.
    Talk {
        role: Role,
        there: Channel,
        back: Channel,
    },
    /// Sends as much as possible.
    Send(Flow),
    /// Receives all that is sent.
    Receive(Flow),
    /// Opens and closes regions.
    Open(Opening),
}

impl Part {
    /// Opens what it needs.
    pub(crate) fn open(&self) -> Result<Box<dyn Play>> {
        match self {
            Self::Talk { role, there, back } => talk::open(*role, there, back),
            Self::Send(flow) => flow.open_sender(),
            Self::Receive(flow) => flow.open_receiver(),
            Self::Open(opening) => opening.open(),
        }
    }
}

/// A part that can be played, over and over.
pub(crate) trait Play {
    /// Plays it once.
    fn play(&mut self, turn: &Turn, watch: &Watch) -> Result<Outcome>;

    /// What ends a sleep in it that nothing else would end; it fails then.
    fn rouse(&self) -> Result<Option<Rouse>> {
        Ok(None)
    }
}

/// Ends a sleep.
pub(crate) type Rouse = Box<dyn FnMut() + Send>;

/// When to play, and for how long. In nanoseconds, on the [clock] of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Turn {
    /// Nobody sends before.
    pub(crate) begin: u64,
    /// Those who send, or measure, go on for so long.
    pub(crate) time: u64,
    /// Between two messages, for roles that pause.
    pub(crate) gap: u64,
}

impl Turn {
    /// Waits for its beginning. Returns when it is over, which is later if it began late.
    fn wait_for_begin(&self, watch: &Watch) -> Result<u64> {
        Ok(wait_until(self.begin, watch)? + self.time)
    }
}

/// Spins until this moment. Returns when it is.
#[inline]
fn wait_until(moment: u64, watch: &Watch) -> Result<u64> {
    let mut spin = Spin::default();
    loop {
        let now = clock::now();
        if now >= moment {
            return Ok(now);
        }
        spin.pause(|| watch.check())?;
    }
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Messages, records or openings.
    pub(crate) count: u64,
    /// When the first one began, on the clock of all.
    pub(crate) begin: u64,
    /// When the last one was done.
    pub(crate) end: u64,
    /// How long each took, where that is measured.
    pub(crate) times: Option<Times>,
}

impl Outcome {
    /// Seconds from its begin to `end`: a nanosecond at least.
    pub(crate) fn seconds_until(&self, end: u64) -> f64 {
        end.saturating_sub(self.begin).max(1) as f64 / 1e9
    }
}
