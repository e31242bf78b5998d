//! Rounds, in which all contestants take turns, question by question.
//!
//! Cores of a shared machine drift, so that figures taken one after the other mislead. Here each
//! contestant answers each question once in a round, for a short while, and its ratio to the raw
//! limit is taken within that round. Before the first round it is found out how many records that
//! short while takes. The order of the contestants is turned by one from round to round, and every
//! second round goes backwards, so that nobody always comes first, or after the same one.

use std::time::Duration;

use anyhow::Result;

use crate::contestants::Contestant;
use crate::question::Question;
use crate::results::{Answers, Figure, Unanswered};
use crate::trial;

/// Records of the first attempt to find out how many there should be.
const FEW: u64 = 32;
/// Attempts to find that out.
const ATTEMPTS: usize = 12;

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) questions: Vec<Question>,
    pub(crate) rounds: usize,
    /// How long one measurement should take.
    pub(crate) time: Duration,
}

/// A contestant and a question that it answers.
struct Pair<'a> {
    contestant: &'a Contestant,
    question: Question,
    /// Records of one measurement; of the warm-up too.
    records: u64,
    /// Nanoseconds for one record or round trip, for each round.
    nanoseconds: Vec<f64>,
}

/// Runs all of it; `progress` is told what is being done.
///
/// Who fails at a question takes no further part in it, and the figures it had are dropped.
pub(crate) fn run(contestants: &[Contestant], plan: &Plan, progress: impl Fn(&str)) -> Answers {
    let mut answers = Answers::default();
    let mut questions = Vec::new();
    for question in &plan.questions {
        progress(&format!("how many records: {question}"));
        questions.push(pairs(contestants, *question, plan.time, &mut answers));
    }
    for round in 0..plan.rounds {
        for pairs in &mut questions {
            if let Some(pair) = pairs.first() {
                progress(&format!(
                    "round {} of {}: {}",
                    round + 1,
                    plan.rounds,
                    pair.question
                ));
            }
            run_round(pairs, round, &mut answers.failed);
        }
    }
    let pairs = questions.iter().flatten();
    for pair in pairs.filter(|pair| pair.nanoseconds.iter().all(|each| each.is_nan())) {
        let name = pair.contestant.about.name;
        let why = "too few records to tell";
        let failed = Unanswered::new(name, pair.question, &why);
        answers.failed.push(failed);
    }
    answers.figures = questions.iter().flat_map(|pairs| figures(pairs)).collect();
    answers
}

fn pairs<'a>(
    contestants: &'a [Contestant],
    question: Question,
    time: Duration,
    answers: &mut Answers,
) -> Vec<Pair<'a>> {
    let mut pairs = Vec::new();
    for contestant in contestants {
        if !contestant.answers(question.kind()) {
            continue;
        }
        let name = contestant.about.name;
        if let Some(why) = contestant.cannot(question) {
            answers.cannot.push(Unanswered::new(name, question, &why));
            continue;
        }
        match records_for(name, question, time) {
            Ok(records) => pairs.push(Pair {
                contestant,
                question,
                records,
                nanoseconds: Vec::new(),
            }),
            Err(why) => answers.failed.push(Unanswered::new(name, question, &why)),
        }
    }
    pairs
}

/// So many that they take about that time.
fn records_for(contestant: &str, question: Question, time: Duration) -> Result<u64> {
    let wanted = time.as_nanos() as f64;
    let mut records = FEW;
    for _ in 0..ATTEMPTS {
        let took = trial::run(contestant, question, records)?;
        let most = records * 30;
        let needed = took.map_or(most, |each| (wanted / each.max(0.01)) as u64);
        if needed <= records * 2 {
            return Ok(needed.max(FEW));
        }
        records = needed.min(most);
    }
    Ok(records)
}

fn run_round(pairs: &mut Vec<Pair<'_>>, round: usize, failed: &mut Vec<Unanswered>) {
    for index in order(round, pairs.len()) {
        let pair = &mut pairs[index];
        let (name, question) = (pair.contestant.about.name, pair.question);
        match trial::run(name, question, pair.records) {
            Ok(Some(each)) => pair.nanoseconds.push(each),
            // There were enough when they were counted.
            Ok(None) => pair.nanoseconds.push(f64::NAN),
            Err(why) => failed.push(Unanswered::new(name, question, &why)),
        }
    }
    pairs.retain(|pair| {
        let name = pair.contestant.about.name;
        !failed
            .iter()
            .any(|failed| failed.is_of(name, pair.question))
    });
}

/// In which order so many take their turns.
fn order(round: usize, count: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..count).map(|turn| (turn + round) % count).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

/// Those of one question, with their ratios to the first contestant, if that is the raw limit.
fn figures(pairs: &[Pair<'_>]) -> Vec<Figure> {
    let raw = pairs.iter().find(|pair| pair.contestant.is_limit());
    let of = |pair: &Pair<'_>| Figure {
        contestant: pair.contestant.about.name.to_owned(),
        question: pair.question,
        nanoseconds: pair.nanoseconds.clone(),
        limit: raw.map(|raw| raw.nanoseconds.clone()).unwrap_or_default(),
    };
    pairs.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_always_first_or_after_the_same_one() {
        assert_eq!(order(0, 4), [0, 1, 2, 3]);
        assert_eq!(order(1, 4), [0, 3, 2, 1]);
        assert_eq!(order(2, 4), [2, 3, 0, 1]);
        assert_eq!(order(3, 4), [2, 1, 0, 3]);
        assert!(order(7, 0).is_empty());
    }
}
