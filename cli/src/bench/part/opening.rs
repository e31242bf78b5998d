//! Regions that come and go.

use std::path::PathBuf;

use anyhow::Result;
use mapring::spsc::{Consumer, Options, Ring};
use mapring_limits::BareRegion;
use serde::{Deserialize, Serialize};

use super::{Outcome, Play, Times, Turn};
use crate::bench::clock;
use crate::bench::watch::Watch;

/// What is opened, over and over, and closed again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Opening {
    /// Creates the ring of that name, takes both roles, and closes it, which deletes it.
    Create { name: String, capacity: u64 },
    /// The same without a ring.
    CreateBare { path: PathBuf, size: u64 },
    /// Opens the ring of that name, which is there, takes the producer's role, and closes it.
    Attach { name: String },
    /// The same without a ring.
    AttachBare { path: PathBuf },
    /// Has the ring of that name open, as its consumer, and does nothing.
    Hold { name: String },
}

impl Opening {
    pub(super) fn open(&self) -> Result<Box<dyn Play>> {
        Ok(match self.clone() {
            Self::Create { name, capacity } => Box::new(Repeated(move || {
                let ring = Options::new().capacity(capacity).create(&name)?;
                let _roles = (ring.producer()?, ring.consumer()?);
                Ok(())
            })),
            Self::CreateBare { path, size } => Box::new(Repeated(move || {
                Ok(BareRegion::create(&path, size)?.remove()?)
            })),
            Self::Attach { name } => Box::new(Repeated(move || {
                let _producer = Options::new().open(&name)?.producer()?;
                Ok(())
            })),
            Self::AttachBare { path } => Box::new(Repeated(move || {
                let _bare = BareRegion::open(&path)?;
                Ok(())
            })),
            Self::Hold { name } => {
                let ring = Options::new().open(&name)?;
                let consumer = ring.consumer()?;
                Box::new(Held(ring, consumer))
            }
        })
    }
}

/// Done over and over.
struct Repeated<F>(F);

impl<F: FnMut() -> Result<()>> Play for Repeated<F> {
    fn play(&mut self, turn: &Turn, watch: &Watch) -> Result<Outcome> {
        let mut times = Times::new()?;
        let over = turn.wait_for_begin(watch)?;
        let begin = clock::now();
        let end = loop {
            let start = clock::now();
            (self.0)()?;
            let now = clock::now();
            times.record(now - start);
            if now >= over {
                break now;
            }
            watch.check()?;
        };
        Ok(Outcome {
            count: times.count(),
            begin,
            end,
            times: Some(times),
        })
    }
}

/// Open, and in use.
struct Held(
    #[expect(dead_code, reason = "kept")] Ring,
    #[expect(dead_code, reason = "kept")] Consumer,
);

impl Play for Held {
    fn play(&mut self, turn: &Turn, _watch: &Watch) -> Result<Outcome> {
        Ok(Outcome {
            count: 0,
            begin: turn.begin,
            end: turn.begin,
            times: None,
        })
    }
}
