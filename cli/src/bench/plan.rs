//! What is to be measured, and how.

use std::process;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;
use indicatif::HumanCount;
use mapring::spsc::Options;

use super::part::Waiting;
use crate::args::{Asked, BenchArgs, Question};
use crate::exit::WrongUsage;

/// The shortest payload, in bytes: the number of a record.
const SHORTEST: usize = 8;
/// The longest payload is that part of the capacity.
const LONGEST_SHARE: usize = 4;

/// What is to be measured, and how. Times are in nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) questions: Vec<Question>,
    pub(super) capacity: usize,
    /// Where processes run, in the order in which they are started.
    pub(super) cores: Vec<usize>,
    /// Ascending, from 1 on.
    pub(super) producers: Vec<u32>,
    pub(super) waits: Vec<Waiting>,
    pub(super) rate: Option<u32>,
    pub(super) time: u64,
    pub(super) warm_up: u64,
    pub(super) rounds: usize,
    /// Those that were asked for; none if nobody did.
    sizes: Vec<usize>,
}

impl Plan {
    /// What the arguments ask for.
    ///
    /// # Errors
    /// [`WrongUsage`], and what the system says of cores, or the library of the capacity.
    pub(super) fn new(args: &BenchArgs) -> Result<Self> {
        check_capacity(args.capacity)?;
        let default_time = Duration::from_millis(if args.quick { 10 } else { 100 });
        let time = args.duration.unwrap_or(default_time);
        let rounds = args.rounds.unwrap_or(if args.quick { 2 } else { 9 });
        let mut producers = args.producers.clone();
        producers.push(1);
        producers.sort_unstable();
        producers.dedup();
        let capacity = args.capacity as usize;
        Ok(Self {
            questions: questions(&args.questions),
            capacity,
            cores: cores(&args.cores)?,
            producers,
            waits: if args.wait.is_empty() {
                Waiting::value_variants().to_vec()
            } else {
                without_repetitions(&args.wait)
            },
            rate: args.rate,
            time: nanoseconds(time),
            warm_up: nanoseconds(args.warm_up.unwrap_or(time)),
            rounds: rounds as usize,
            sizes: sizes(&args.sizes, capacity)?,
        })
    }

    /// The sizes that were asked for, or else those of `usual` that the rings have room for.
    pub(super) fn sizes_or(&self, usual: &[usize]) -> Vec<usize> {
        if !self.sizes.is_empty() {
            return self.sizes.clone();
        }
        let longest = longest(self.capacity);
        let usual = usual.iter().copied();
        usual.filter(|size| *size <= longest).collect()
    }

    /// Where a process runs, by the order in which they are started.
    pub(super) fn core_of(&self, process: usize) -> Option<usize> {
        match (process, self.cores.as_slice()) {
            (_, []) => None,
            (_, [only]) => Some(*only),
            (0, [first, ..]) => Some(*first),
            (_, [_, others @ ..]) => Some(others[(process - 1) % others.len()]),
        }
    }

    /// What those should know who read the figures.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut cores = self.cores.clone();
        cores.sort_unstable();
        cores.dedup();
        let has_many = self.questions.contains(&Question::Mpsc);
        let most = match self.producers.last() {
            Some(most) if has_many => *most as usize + 1,
            _ => 2,
        };
        let mut notes = Vec::new();
        if cores.len() < 2 {
            notes.push(
                "1 core, 2 processes: they take turns on it, so who polls keeps the other from \
                 answering until it yields"
                    .to_owned(),
            );
        }
        if most > 2 && cores.len() < most {
            notes.push(format!(
                "{} core{}, {most} processes: producers take turns on {}",
                cores.len(),
                if cores.len() == 1 { "" } else { "s" },
                if cores.len() <= 2 { "one" } else { "theirs" },
            ));
        }
        notes
    }
}

/// As the library checks it, before anything is measured.
fn check_capacity(capacity: u64) -> Result<()> {
    let name = format!("bench-{}-capacity", process::id());
    let ring = Options::new().capacity(capacity).create(&name);
    ring.map(drop).context("--capacity")
}

fn questions(asked: &[Asked]) -> Vec<Question> {
    let is_asked = |question: &Question| {
        asked.is_empty() || asked.contains(&Asked::All) || asked.contains(&Asked::Only(*question))
    };
    let all = Question::value_variants().iter().copied();
    all.filter(is_asked).collect()
}

fn longest(capacity: usize) -> usize {
    capacity / LONGEST_SHARE
}

fn sizes(asked: &[u64], capacity: usize) -> Result<Vec<usize>, WrongUsage> {
    let longest = longest(capacity);
    for size in asked {
        if !(SHORTEST as u64..=longest as u64).contains(size) {
            return Err(WrongUsage(format!(
                "--sizes: {} is not from {SHORTEST} to {}, a quarter of the capacity",
                HumanCount(*size),
                HumanCount(longest as u64),
            )));
        }
    }
    let asked: Vec<_> = asked.iter().map(|size| *size as usize).collect();
    Ok(without_repetitions(&asked))
}

/// The cores that were asked for, or else all that there are, the outermost ones first.
fn cores(asked: &[usize]) -> Result<Vec<usize>> {
    let mut allowed = mapring_limits::cores().context("cannot tell which cores there are")?;
    if asked.is_empty() {
        if allowed.len() > 2 {
            // The first two measure: see `mapring_limits::two_cores`.
            allowed[1..].rotate_right(1);
        }
        return Ok(allowed);
    }
    match asked.iter().find(|core| !allowed.contains(core)) {
        Some(core) => Err(WrongUsage(format!(
            "--cores: {core} is none of those that this process may run on: {}",
            list(&allowed)
        ))
        .into()),
        None => Ok(asked.to_vec()),
    }
}

/// With commas between them.
pub(super) fn list<T: ToString>(items: &[T]) -> String {
    let items: Vec<_> = items.iter().map(T::to_string).collect();
    items.join(", ")
}

fn without_repetitions<T: Copy + PartialEq>(items: &[T]) -> Vec<T> {
    let mut once = Vec::new();
    for item in items {
        if !once.contains(item) {
            once.push(*item);
        }
    }
    once
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, Command};
    use clap::Parser;

    fn plan(arguments: &[&str]) -> Result<Plan> {
        let arguments = [&["mapring", "bench"], arguments].concat();
        match Args::try_parse_from(arguments)?.command {
            Command::Bench(args) => Plan::new(&args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_is_measured_unless_something_is_asked_for() {
        let all = Question::value_variants();
        assert_eq!(plan(&[]).unwrap().questions, all);
        assert_eq!(plan(&["rtt", "all"]).unwrap().questions, all);
        let some = plan(&["wake", "rtt", "wake"]).unwrap().questions;
        assert_eq!(some, [Question::Rtt, Question::Wake]);
    }

    #[test]
    fn a_quick_run_is_short_unless_asked_otherwise() {
        let times = |arguments: &[&str]| {
            let plan = plan(arguments).unwrap();
            (plan.time, plan.warm_up, plan.rounds)
        };
        assert_eq!(times(&[]), (100_000_000, 100_000_000, 9));
        assert_eq!(times(&["--quick"]), (10_000_000, 10_000_000, 2));
        let longer = times(&["--quick", "--duration", "2", "--rounds", "3"]);
        assert_eq!(longer, (2_000_000_000, 2_000_000_000, 3));
        let cold = times(&["--duration", "2", "--warm-up", "0.5"]);
        assert_eq!(cold, (2_000_000_000, 500_000_000, 9));
    }

    #[test]
    fn usual_sizes_are_those_that_fit() {
        let usual = [8, 16 << 10, 128 << 10];
        assert_eq!(plan(&[]).unwrap().sizes_or(&usual), usual);
        let small = plan(&["--capacity", "64K"]).unwrap();
        assert_eq!(small.sizes_or(&usual), usual[..2]);
        let asked = plan(&["--sizes", "9,8,9"]).unwrap();
        assert_eq!(asked.sizes_or(&usual), [9, 8]);
    }

    #[test]
    fn one_producer_is_always_measured_first() {
        let producers = |arguments: &[&str]| plan(arguments).unwrap().producers;
        assert_eq!(producers(&[]), [1, 2, 4, 8]);
        assert_eq!(producers(&["--producers", "7,3,7"]), [1, 3, 7]);
    }

    #[test]
    fn further_processes_take_turns_on_the_other_cores() {
        let mut plan = plan(&[]).unwrap();
        plan.cores = vec![4, 9, 5];
        let cores: Vec<_> = (0..5).map(|process| plan.core_of(process)).collect();
        assert_eq!(cores, [4, 9, 5, 9, 5].map(Some));
        plan.cores = vec![4];
        assert_eq!((plan.core_of(0), plan.core_of(3)), (Some(4), Some(4)));
    }

    #[test]
    fn cores_that_are_shared_are_told() {
        let notes = |cores: &[usize], arguments: &[&str]| {
            let mut plan = plan(arguments).unwrap();
            plan.cores = cores.to_vec();
            plan.notes()
        };
        assert!(notes(&[0, 1], &["rtt"])[..].is_empty());
        assert!(notes(&[0, 0], &["rtt"])[0].starts_with("1 core, 2 processes"));
        assert!(notes(&[0, 1], &["mpsc"])[0].starts_with("2 cores, 9 processes"));
        assert!(notes(&[0, 1, 2, 3], &["mpsc"])[0].starts_with("4 cores, 9 processes"));
        assert!(notes(&[0, 1, 2, 3], &["mpsc", "--producers", "3"]).is_empty());
    }
}
