//! What is asked of every contestant.

use std::fmt;
use std::str::FromStr;

use anyhow::{Error, anyhow};

/// How much one call moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One record a call, on both sides.
    Single,
    /// One record a call is sent; the receiver takes what is there.
    Drain,
    /// Many records a call, on both sides.
    Batch,
}

/// One question, that is one column of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// How long takes it there and back, when both sides poll?
    RoundTrip { bytes: usize },
    /// How long takes it there and back, when both sides sleep?
    Asleep,
    /// How many go one way?
    Stream { bytes: usize, mode: Mode },
    /// How many go from so many producers to one consumer?
    ManyToOne { producers: usize },
}

/// The kinds of question, of which a contestant says which it can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    RoundTrip,
    Asleep,
    Single,
    Drain,
    Batch,
    ManyToOne,
}

impl Question {
    /// All of them, in the order of the tables.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![
            Self::RoundTrip { bytes: 56 },
            Self::RoundTrip { bytes: 64 },
            Self::Asleep,
        ];
        for mode in [Mode::Single, Mode::Drain, Mode::Batch] {
            let of = |bytes| Self::Stream { bytes, mode };
            all.extend([8, 64, 1024, 16384].map(of));
        }
        all.extend([1, 2, 4, 8].map(|producers| Self::ManyToOne { producers }));
        all
    }

    /// Its kind.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::RoundTrip { .. } => Kind::RoundTrip,
            Self::Asleep => Kind::Asleep,
            Self::Stream { mode, .. } => match mode {
                Mode::Single => Kind::Single,
                Mode::Drain => Kind::Drain,
                Mode::Batch => Kind::Batch,
            },
            Self::ManyToOne { .. } => Kind::ManyToOne,
        }
    }

    /// Bytes of its payloads.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::RoundTrip { bytes } | Self::Stream { bytes, .. } => bytes,
            Self::Asleep | Self::ManyToOne { .. } => 64,
        }
    }

    /// How many send; one, but for many to one.
    pub(crate) fn producers(self) -> usize {
        match self {
            Self::ManyToOne { producers } => producers,
            _ => 1,
        }
    }

    /// So many records that everything happens that can: a ring is filled and goes round several
    /// times, batches cross its end.
    pub(crate) fn few(self) -> u64 {
        match self {
            Self::RoundTrip { .. } | Self::Asleep => 1000,
            Self::Stream { bytes, .. } if bytes > 64 => 5000,
            Self::Stream { bytes: 8, .. } => 500_000,
            Self::Stream { .. } | Self::ManyToOne { .. } => 100_000,
        }
    }

    /// Whether it asks for a time; otherwise it asks for a rate.
    pub(crate) fn is_round_trip(self) -> bool {
        matches!(self, Self::RoundTrip { .. } | Self::Asleep)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RoundTrip => "round-trip",
            Self::Asleep => "asleep",
            Self::Single => "single",
            Self::Drain => "drain",
            Self::Batch => "batch",
            Self::ManyToOne => "many-to-one",
        })
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::Asleep => write!(f, "{kind}"),
            Self::RoundTrip { bytes } | Self::Stream { bytes, .. } => write!(f, "{kind}-{bytes}"),
            Self::ManyToOne { producers } => write!(f, "{kind}-{producers}"),
        }
    }
}

impl FromStr for Question {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let all = Self::all();
        let found = all.iter().find(|question| question.to_string() == text);
        found.copied().ok_or_else(|| {
            let names: Vec<_> = all.iter().map(Self::to_string).collect();
            anyhow!("no such question; there are {}", names.join(", "))
        })
    }
}
