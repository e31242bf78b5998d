//! What came of it.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::contestants::{Between, Contestant};
use crate::machine::Machine;
use crate::question::Question;

/// All of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) rounds: usize,
    /// Seconds that one measurement was to take.
    pub(crate) seconds: f64,
    pub(crate) entries: Vec<Entry>,
    #[serde(flatten)]
    pub(crate) answers: Answers,
    /// Names of those that this program was built without, and why.
    pub(crate) left_out: Vec<(&'static str, &'static str)>,
}

/// What the tables say of a contestant.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    pub(crate) link: &'static str,
    pub(crate) usage: &'static str,
    /// Rather than between threads.
    pub(crate) between_processes: bool,
}

impl Entry {
    pub(crate) fn new(contestant: &Contestant) -> Self {
        let about = &contestant.about;
        Self {
            name: about.name,
            version: about.version.clone(),
            link: about.link,
            usage: about.usage,
            between_processes: contestant.between == Between::Processes,
        }
    }
}

/// What the contestants answered.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Answers {
    pub(crate) figures: Vec<Figure>,
    /// Who could not be asked what on this machine.
    pub(crate) cannot: Vec<Unanswered>,
    /// Who failed at what.
    pub(crate) failed: Vec<Unanswered>,
}

/// How one contestant answered one question.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) contestant: String,
    #[serde(serialize_with = "as_text")]
    pub(crate) question: Question,
    /// For one record or round trip, in each round.
    pub(crate) nanoseconds: Vec<f64>,
    /// Those of the raw limit in the same rounds; none if it took no part.
    pub(crate) limit: Vec<f64>,
}

/// A question without an answer of this contestant.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Unanswered {
    pub(crate) contestant: String,
    #[serde(serialize_with = "as_text")]
    pub(crate) question: Question,
    pub(crate) why: String,
}

impl Unanswered {
    pub(crate) fn new(contestant: &str, question: Question, why: &impl fmt::Display) -> Self {
        Self {
            contestant: contestant.to_owned(),
            question,
            why: format!("{why:#}"),
        }
    }

    pub(crate) fn is_of(&self, contestant: &str, question: Question) -> bool {
        self.contestant == contestant && self.question == question
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.contestant, self.question, self.why)
    }
}

fn as_text<S: Serializer>(question: &Question, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(question)
}

/// The middle one of some numbers, the least and the largest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// None of no numbers. Of an even number, the lower one of the two in the middle.
    pub(crate) fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<_> = numbers.into_iter().filter(|it| it.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            median: *sorted.get(sorted.len().saturating_sub(1) / 2)?,
            least: *sorted.first()?,
            most: *sorted.last()?,
        })
    }
}

impl Figure {
    /// Nanoseconds of a round trip, or millions of records a second.
    pub(crate) fn spread(&self) -> Option<Spread> {
        let shown = |each: &f64| {
            if self.question.is_round_trip() {
                *each
            } else {
                1e3 / each
            }
        };
        Spread::of(self.nanoseconds.iter().map(shown))
    }

    /// How it compares with the raw limit, within each round: how many times as long a round trip
    /// takes, or what part of its rate a stream has.
    pub(crate) fn ratio(&self) -> Option<Spread> {
        let pairs = self.nanoseconds.iter().zip(&self.limit);
        let of = |(own, limit): (&f64, &f64)| {
            if self.question.is_round_trip() {
                own / limit
            } else {
                limit / own
            }
        };
        Spread::of(pairs.map(of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(question: Question) -> Figure {
        Figure {
            contestant: "x".to_owned(),
            question,
            nanoseconds: vec![20.0, 50.0, 10.0],
            limit: vec![10.0, 10.0, 10.0],
        }
    }

    #[test]
    fn a_round_trip_is_a_time_and_longer_than_the_limit() {
        let figure = figure(Question::Asleep);
        let (time, ratio) = (figure.spread().unwrap(), figure.ratio().unwrap());
        assert_eq!((time.least, time.median, time.most), (10.0, 20.0, 50.0));
        assert_eq!((ratio.least, ratio.median, ratio.most), (1.0, 2.0, 5.0));
    }

    #[test]
    fn a_stream_is_a_rate_and_a_part_of_the_limit() {
        let figure = figure(Question::ManyToOne { producers: 1 });
        let (rate, ratio) = (figure.spread().unwrap(), figure.ratio().unwrap());
        assert_eq!((rate.least, rate.median, rate.most), (20.0, 50.0, 100.0));
        assert_eq!((ratio.least, ratio.median, ratio.most), (0.2, 0.5, 1.0));
    }

    #[test]
    fn no_numbers_have_no_spread() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([f64::NAN]), None);
        assert_eq!(Spread::of([2.0, 1.0]).unwrap().median, 1.0);
    }
}
