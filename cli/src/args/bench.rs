//! What can be asked of `mapring bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde::{Deserialize, Serialize};

use super::numbers::{parse_positive_seconds, parse_positive_size};
use crate::bench::Waiting;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Question {
    /// How long a message takes there and back, polling and asleep; with --rate, one way
    Rtt,
    /// How many records, and bytes, a second go one way, by size
    Throughput,
    /// What many producers make of the rate, and whether each gets its share
    Mpsc,
    /// What a wakeup costs who wakes, and how long after it the sleeper is awake
    Wake,
    /// How often a second a region is created and deleted, or attached to
    Open,
}

/// Measure this machine, each figure beside the physical limit.
///
/// Two processes of this program, each on a core of its own, measure what is asked for. Next to
/// every figure stands the limit: the same without any ring, over bare shared memory, a bare futex
/// or bare system calls. Ring and limit take turns, round by round, within the same two processes;
/// ratios are taken within a round. Medians over all rounds are shown, and the least and the
/// greatest of them.
///
/// Payloads are written, copied into the ring, copied out and looked at. Where there are fewer cores
/// than processes, these share them, and a line says so.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct BenchArgs {
    /// What to measure [default: all]
    #[arg(value_name = "QUESTION")]
    pub(crate) questions: Vec<Asked>,

    /// Bytes of payload (8, 64, 1K, …), from 8 to a quarter of the capacity [default: 56 for round
    /// trips, which with its header is a cache line; 8,64,256,1K,16K,128K for throughput; 64 for many
    /// producers]
    #[arg(long, value_name = "BYTES", value_delimiter = ',', value_parser = parse_positive_size)]
    pub(crate) sizes: Vec<u64>,

    /// Bytes of each ring, and of the memory of each stream without a ring; a power of two
    #[arg(long, value_name = "BYTES", default_value = "1M", value_parser = parse_positive_size)]
    pub(crate) capacity: u64,

    /// Where the first process runs, where the second, and where further ones [default: the first
    /// core that this one may use, the last one, and those between]
    #[arg(long, value_name = "CORES", value_delimiter = ',')]
    pub(crate) cores: Vec<usize>,

    /// How many producers `mpsc` has; also 1, which the others are compared with
    #[arg(
        long,
        value_name = "NUMBERS",
        value_delimiter = ',',
        default_value = "1,2,4,8",
        value_parser = clap::value_parser!(u32).range(1..=64)
    )]
    pub(crate) producers: Vec<u32>,

    /// What those do who wait for a message, in `rtt` [default: all three]
    #[arg(long, value_name = "HOW", value_delimiter = ',')]
    pub(crate) wait: Vec<Waiting>,

    /// In `rtt`, also send so many messages a second, one way, each at its time. Latencies count from
    /// that time, be it kept or not, so that a stall counts for all that had to wait (no coordinated
    /// omission)
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) rate: Option<u32>,

    /// How long each contestant measures in each round [default: 0.1, or 0.01 with --quick]
    #[arg(long, value_name = "SECONDS", value_parser = parse_positive_seconds)]
    pub(crate) duration: Option<Duration>,

    /// How long each contestant runs before the first round [default: as --duration]
    #[arg(long, value_name = "SECONDS", value_parser = parse_positive_seconds)]
    pub(crate) warm_up: Option<Duration>,

    /// How many rounds [default: 9, or 2 with --quick]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: Option<u32>,

    /// Few and short rounds: to see that it works, not how fast it is
    #[arg(long)]
    pub(crate) quick: bool,

    /// Write the results as JSON; without a file to standard output, where nothing else is then
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "-"
    )]
    pub(crate) json: Option<PathBuf>,

    /// Write a page with plots, which needs no other file
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Keep the results, as JSON, to compare later ones with
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,

    /// Show what has changed since the results in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) compare: Option<PathBuf>,
}

/// Told by `--help`.
const HELP: &str = "\
The limits:
  rtt, polling       a bare word there and another one back, each on its own cache line;
                     beyond two cache lines, a bare copy of the payload there and back
  rtt, asleep        a bare futex there and another one back
  throughput, mpsc   copies into and out of bare memory of the same size, with a cursor
                     published once in a few KiB (in how many is found out before)
  wake               a store and a futex call; if nobody sleeps, the store alone
  open               the bare system calls on a file of the same size

Figures of a shared or a virtual machine drift by the minute. Ratios do so much less:
a round takes a second or so, and each ratio is of one round. A change that --compare
calls noise is within what the rounds of one run differ by.

Exit codes:
  0  everything was measured
  1  an error that is none of the following, above all that another process has ended
  2  wrong usage
130  interrupted (SIGINT, SIGTERM or SIGHUP)";

/// One question, or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    All,
    Only(Question),
}

impl ValueEnum for Asked {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::All,
            Self::Only(Question::Rtt),
            Self::Only(Question::Throughput),
            Self::Only(Question::Mpsc),
            Self::Only(Question::Wake),
            Self::Only(Question::Open),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::All => Some(PossibleValue::new("all").help("All of these")),
            Self::Only(question) => question.to_possible_value(),
        }
    }
}

impl Question {
    /// As it is called on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rtt => "rtt",
            Self::Throughput => "throughput",
            Self::Mpsc => "mpsc",
            Self::Wake => "wake",
            Self::Open => "open",
        }
    }
}

/// What a benchmark tells its other processes.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchPeerArgs {
    /// The first process.
    pub(crate) parent: u32,
    /// Where to run.
    #[arg(long)]
    pub(crate) core: Option<usize>,
}
