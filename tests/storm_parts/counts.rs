//! What came of the calls of honest peers.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use mapring::{AttachError, Corrupt, OpenError, RecvError, SendError, TryRecvError, TrySendError};

/// A call that takes so much longer than it may wait hangs. It is generous, for slow machines.
const BOUND: Duration = Duration::from_secs(10);
/// Most that wait until their deadline are less late: even on a busy machine the scheduler takes
/// less, and who sleeps on behind it takes more, up to a tenth of a second.
const USUAL: Duration = Duration::from_millis(50);
/// Fewer than so many calls say nothing of most.
const FEW: u64 = 5;

/// How it is counted that a region was lost.
pub(crate) const LOST: &str = "RegionLost";

/// What came of one call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// It did what it is for.
    Done,
    /// It did not, for a reason that may pass.
    NotNow(&'static str),
    /// The endpoint is over.
    Over(End),
}

/// Why an endpoint is over, for ever.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// Something was found that cannot be.
    Corrupt(Corrupt),
    /// The region does not say any more that it is the one that was opened.
    Lost,
}

impl End {
    /// What a producer's next call says.
    pub(crate) fn of_sending(self) -> TrySendError {
        match self {
            Self::Corrupt(corrupt) => TrySendError::Corrupt(corrupt),
            Self::Lost => TrySendError::RegionLost,
        }
    }

    /// What a consumer's next call says.
    pub(crate) fn of_receiving(self) -> TryRecvError {
        match self {
            Self::Corrupt(corrupt) => TryRecvError::Corrupt(corrupt),
            Self::Lost => TryRecvError::RegionLost,
        }
    }
}

/// How often calls ended in which way, and how late the latest came back.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    of: BTreeMap<String, u64>,
    latest: Duration,
}

impl Counts {
    /// Counts what came of one call of `role`.
    pub(crate) fn add(&mut self, role: &str, outcome: Outcome) {
        let what = match outcome {
            Outcome::Done => "ok",
            Outcome::NotNow(what) => what,
            Outcome::Over(End::Corrupt(corrupt)) => kind_of(&corrupt),
            Outcome::Over(End::Lost) => LOST,
        };
        self.add_many(&format!("{role}:{what}"), 1);
    }

    pub(crate) fn add_many(&mut self, what: &str, count: u64) {
        *self.of.entry(what.to_owned()).or_default() += count;
    }

    /// Makes a call that may wait so long, and checks that it does not wait much longer.
    #[track_caller]
    pub(crate) fn timed(&mut self, time: Duration, call: impl FnOnce() -> Outcome) -> Outcome {
        let begin = Instant::now();
        let outcome = call();
        let late = begin.elapsed().saturating_sub(time);
        assert!(late < BOUND, "{late:?} later than its deadline");
        self.latest = self.latest.max(late);
        if late >= USUAL {
            self.add_many("overslept", 1);
        } else if matches!(outcome, Outcome::NotNow("TimedOut")) {
            self.add_many("timed-out", 1);
        }
        outcome
    }

    /// Checks that most calls that waited until their deadline came back soon behind it.
    pub(crate) fn assert_most_in_time(&self) {
        let (in_time, overslept) = (self.of("timed-out"), self.of("overslept"));
        assert!(
            overslept < FEW || overslept < in_time,
            "{overslept} calls were {USUAL:?} late, and only {in_time} timed out before"
        );
    }

    /// As one line, without spaces in its parts.
    pub(crate) fn to_line(&self) -> String {
        let parts = self
            .of
            .iter()
            .map(|(what, count)| format!("{what}={count}"));
        let latest = format!("latest={}", self.latest.as_micros());
        parts.chain([latest]).collect::<Vec<_>>().join(" ")
    }

    /// Adds what such a line says.
    pub(crate) fn add_line(&mut self, line: &str) {
        for part in line.split(' ') {
            let (what, count) = part.split_once('=').expect("a count");
            let count = count.parse().expect("a number");
            if what == "latest" {
                self.latest = self.latest.max(Duration::from_micros(count));
            } else {
                self.add_many(what, count);
            }
        }
    }

    /// How often exactly this was counted.
    pub(crate) fn of(&self, what: &str) -> u64 {
        self.of.get(what).copied().unwrap_or_default()
    }

    /// How many calls of just this role ended so, or in a kind of that: `Corrupt::Cursor` is one of
    /// `Corrupt`.
    pub(crate) fn ended(&self, role: &str, end: &str) -> u64 {
        let whole = format!("{role}:{end}");
        let kinds = format!("{whole}:");
        let counts = self.of.iter();
        let matching = counts.filter(|(what, _)| **what == whole || what.starts_with(&kinds));
        matching.map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in &self.of {
            writeln!(f, "  {what:40} {count:12}")?;
        }
        write!(f, "  latest after its deadline: {:?}", self.latest)
    }
}

fn kind_of(corrupt: &Corrupt) -> &'static str {
    match corrupt {
        Corrupt::Cursor { .. } => "Corrupt::Cursor",
        Corrupt::Header { .. } => "Corrupt::Header",
        Corrupt::Length { .. } => "Corrupt::Length",
        Corrupt::Unaccounted { .. } => "Corrupt::Unaccounted",
        Corrupt::Claim { .. } => "Corrupt::Claim",
        Corrupt::State { .. } => "Corrupt::State",
        _ => "Corrupt",
    }
}

/// What came of a call that looks only.
#[track_caller]
pub(crate) fn looked<T>(result: Result<T, Corrupt>) -> Outcome {
    match result {
        Ok(_) => Outcome::Done,
        Err(corrupt) => Outcome::Over(End::Corrupt(corrupt)),
    }
}

/// What came of a call of a producer that does not wait.
#[track_caller]
pub(crate) fn tried_to_send<T>(result: Result<T, TrySendError>) -> Outcome {
    match result.map(drop) {
        Ok(()) => Outcome::Done,
        Err(TrySendError::Full) => Outcome::NotNow("Full"),
        Err(TrySendError::Corrupt(corrupt)) => Outcome::Over(End::Corrupt(corrupt)),
        Err(TrySendError::RegionLost) => Outcome::Over(End::Lost),
        Err(error) => panic!("nothing has happened to deserve this: {error:?}"),
    }
}

/// What came of a call of a producer that waits.
#[track_caller]
pub(crate) fn sent<T>(result: Result<T, SendError>) -> Outcome {
    match result.map(drop) {
        Ok(()) => Outcome::Done,
        Err(SendError::TimedOut) => Outcome::NotNow("TimedOut"),
        Err(SendError::Disconnected) => Outcome::NotNow("Disconnected"),
        Err(SendError::PeerDied { .. }) => Outcome::NotNow("PeerDied"),
        Err(SendError::Corrupt(corrupt)) => Outcome::Over(End::Corrupt(corrupt)),
        Err(SendError::RegionLost) => Outcome::Over(End::Lost),
        Err(error) => panic!("nothing has happened to deserve this: {error:?}"),
    }
}

/// What came of a call of a consumer that does not wait.
#[track_caller]
pub(crate) fn tried_to_receive<T>(result: Result<T, TryRecvError>) -> Outcome {
    match result.map(drop) {
        Ok(()) => Outcome::Done,
        Err(TryRecvError::Empty) => Outcome::NotNow("Empty"),
        Err(TryRecvError::Disconnected) => Outcome::NotNow("Disconnected"),
        Err(TryRecvError::TooSmall { needed, given }) if needed > given => {
            Outcome::NotNow("TooSmall")
        }
        Err(TryRecvError::Corrupt(corrupt)) => Outcome::Over(End::Corrupt(corrupt)),
        Err(TryRecvError::RegionLost) => Outcome::Over(End::Lost),
        Err(error) => panic!("nothing has happened to deserve this: {error:?}"),
    }
}

/// What came of a call of a consumer that waits.
#[track_caller]
pub(crate) fn received<T>(result: Result<T, RecvError>) -> Outcome {
    match result.map(drop) {
        Ok(()) => Outcome::Done,
        Err(RecvError::TimedOut) => Outcome::NotNow("TimedOut"),
        Err(RecvError::Disconnected) => Outcome::NotNow("Disconnected"),
        Err(RecvError::PeerDied { .. }) => Outcome::NotNow("PeerDied"),
        Err(RecvError::Corrupt(corrupt)) => Outcome::Over(End::Corrupt(corrupt)),
        Err(RecvError::RegionLost) => Outcome::Over(End::Lost),
        Err(error) => panic!("nothing has happened to deserve this: {error:?}"),
    }
}

/// What came of taking a role.
#[track_caller]
pub(crate) fn attached<T>(result: &Result<T, AttachError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Done,
        Err(AttachError::Busy { .. }) => Outcome::NotNow("Busy"),
        Err(AttachError::TooManyProducers { .. }) => Outcome::NotNow("TooManyProducers"),
        Err(AttachError::Corrupt(corrupt)) => Outcome::Over(End::Corrupt(*corrupt)),
        Err(AttachError::RegionLost) => Outcome::Over(End::Lost),
        Err(error) => panic!("nothing has happened to deserve this: {error:?}"),
    }
}

/// What came of opening a region that is in use: its place is never found empty.
#[track_caller]
pub(crate) fn opened<T>(result: &Result<T, OpenError>) -> Outcome {
    match result {
        Ok(_) => Outcome::Done,
        Err(OpenError::Layout { .. }) => Outcome::NotNow("refused:Layout"),
        Err(OpenError::Mismatch { .. }) => Outcome::NotNow("refused:Mismatch"),
        Err(OpenError::Kind { .. }) => Outcome::NotNow("refused:Kind"),
        Err(OpenError::AlreadyExists { .. }) => Outcome::NotNow("AlreadyExists"),
        Err(OpenError::InUse { .. }) => Outcome::NotNow("InUse"),
        // Wakeups of a kind that this build does not have.
        Err(OpenError::Io { source, .. }) if source.kind() == std::io::ErrorKind::Unsupported => {
            Outcome::NotNow("refused:Unsupported")
        }
        Err(error) => panic!("nothing has happened to deserve this: {error:?}"),
    }
}
