//! The results of a run, as they are kept and shown. `docs/bench-json.md` describes what is
//! written; whoever changes these types changes that too, and [`VERSION`].

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::part::{Times, Waiting};
use super::spread::Spread;
use crate::args::Question;

/// What the file says it is.
pub(super) const SCHEMA: &str = "mapring-bench";
/// Rises with every change that a reader could trip over; additions are none.
pub(super) const VERSION: u32 = 1;

/// Everything that was measured in one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) schema: String,
    pub(super) version: u32,
    /// The version of mapring.
    pub(super) mapring: String,
    /// When it began, in seconds since 1970.
    pub(super) started_s: u64,
    pub(super) machine: Machine,
    pub(super) settings: Settings,
    /// What a reader should know.
    pub(super) notes: Vec<String>,
    pub(super) cases: Vec<Case>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) questions: Vec<Question>,
    pub(super) capacity_bytes: u64,
    /// Where processes run, in the order in which they were started.
    pub(super) cores: Vec<usize>,
    pub(super) duration_s: f64,
    pub(super) warm_up_s: f64,
    pub(super) rounds: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rate_per_s: Option<u32>,
}

/// One thing that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Case {
    pub(super) question: Question,
    /// No other case of the question has this name.
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payload_bytes: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) wait: Option<Waiting>,
    /// Records in a batch at most; 1 for single sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) batch: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) producers: Option<u32>,
    /// What stands beside its figures.
    pub(super) limit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    pub(super) figures: Vec<Figure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) distribution: Option<Distribution>,
}

/// One figure of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) unit: Unit,
    pub(super) better: Better,
    pub(super) value: Spread,
    /// The same of the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<Spread>,
    /// Of the value to the limit, each within one round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ratio: Option<Spread>,
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Unit {
    #[serde(rename = "ns")]
    Nanoseconds,
    #[serde(rename = "records/s")]
    RecordsPerSecond,
    #[serde(rename = "bytes/s")]
    BytesPerSecond,
    #[serde(rename = "operations/s")]
    OperationsPerSecond,
    /// One figure by another of the same unit.
    #[serde(rename = "ratio")]
    Ratio,
}

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Better {
    Less,
    More,
}

/// Times of all rounds together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Distribution {
    pub(super) unit: Unit,
    /// How many times were taken.
    pub(super) samples: u64,
    pub(super) limit_samples: u64,
    pub(super) points: Vec<Point>,
}

/// What so many of a hundred did not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Point {
    pub(super) percentile: f64,
    pub(super) value: f64,
    pub(super) limit: f64,
}

impl Report {
    /// Reads what was saved.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        // First what it is, for the rest may have another shape.
        let kind: Kind = serde_json::from_str(&text)
            .with_context(|| format!("{shown} has no results of a benchmark"))?;
        ensure!(
            kind.schema == SCHEMA && kind.version == VERSION,
            "{shown} has results of {} {}, not of {SCHEMA} {VERSION}",
            kind.schema,
            kind.version
        );
        serde_json::from_str(&text).with_context(|| format!("cannot understand {shown}"))
    }

    /// As JSON, with a newline.
    pub(super) fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The case of that name.
    pub(super) fn find(&self, question: Question, name: &str) -> Option<&Case> {
        let is_it = |case: &&Case| case.question == question && case.name == name;
        self.cases.iter().find(is_it)
    }
}

/// The start of every file.
#[derive(Deserialize)]
struct Kind {
    schema: String,
    version: u32,
}

impl Case {
    /// A case with these figures.
    pub(super) fn new(
        question: Question,
        name: impl Into<String>,
        limit: impl Into<String>,
        figures: Vec<Figure>,
    ) -> Self {
        Self {
            question,
            name: name.into(),
            payload_bytes: None,
            wait: None,
            batch: None,
            producers: None,
            limit: limit.into(),
            note: None,
            figures,
            distribution: None,
        }
    }

    /// A case about times, each of a round, beside those of the limit.
    pub(super) fn of_times(
        question: Question,
        name: impl Into<String>,
        limit: impl Into<String>,
        times: &[&Times],
        limits: &[&Times],
    ) -> Result<Self> {
        let figures = TIME_FIGURES.map(|(name, of)| {
            let values = |times: &[&Times]| times.iter().map(|times| of(times)).collect();
            Figure::less(name, Unit::Nanoseconds, values(times)).beside(values(limits))
        });
        let mut case = Self::new(question, name, limit, figures.into());
        case.distribution = Some(Distribution::of(&sum(times)?, &sum(limits)?));
        Ok(case)
    }

    /// The figure of that name.
    pub(super) fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == name)
    }
}

/// What is said of times, and where it comes from.
type TimeFigure = (&'static str, fn(&Times) -> f64);

const TIME_FIGURES: [TimeFigure; 6] = [
    ("mean", Times::mean),
    ("p50", |times| times.at_quantile(0.5)),
    ("p90", |times| times.at_quantile(0.9)),
    ("p99", |times| times.at_quantile(0.99)),
    ("p99.9", |times| times.at_quantile(0.999)),
    ("max", |times| times.at_quantile(1.0)),
];

/// Of all rounds together.
fn sum(times: &[&Times]) -> Result<Times> {
    let mut sum = Times::new()?;
    for times in times {
        sum.add(times)?;
    }
    Ok(sum)
}

impl Figure {
    /// A figure that should be small.
    pub(super) fn less(name: &str, unit: Unit, rounds: Vec<f64>) -> Self {
        Self {
            name: name.to_owned(),
            unit,
            better: Better::Less,
            value: Spread::of(rounds),
            limit: None,
            ratio: None,
        }
    }

    /// A figure that should be large.
    pub(super) fn more(name: &str, unit: Unit, rounds: Vec<f64>) -> Self {
        Self {
            better: Better::More,
            ..Self::less(name, unit, rounds)
        }
    }

    /// With the limit's figures of the same rounds.
    pub(super) fn beside(mut self, limit: Vec<f64>) -> Self {
        let limit = Spread::of(limit);
        self.ratio = Some(self.value.ratios_to(&limit));
        self.limit = Some(limit);
        self
    }
}

/// Where the curve of a distribution has points.
const PERCENTILES: [f64; 16] = [
    0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.8, 99.9, 99.95, 99.99, 99.999,
    100.0,
];

impl Distribution {
    fn of(times: &Times, limits: &Times) -> Self {
        let point = |percentile| Point {
            percentile,
            value: times.at_quantile(percentile / 100.0),
            limit: limits.at_quantile(percentile / 100.0),
        };
        Self {
            unit: Unit::Nanoseconds,
            samples: times.count(),
            limit_samples: limits.count(),
            points: PERCENTILES.map(point).into(),
        }
    }
}
