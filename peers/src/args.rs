//! What the command line says.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, value_parser};

use crate::question::Question;

#[derive(Debug, Parser)]
#[command(version, about, long_about = None, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) args: RunArgs,
}

/// All contestants take turns, round by round; then the tables are printed.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// Rounds.
    #[arg(long, default_value_t = 5, value_parser = positive)]
    pub(crate) rounds: usize,
    /// Seconds that one measurement takes, about.
    #[arg(long, default_value_t = 0.2)]
    pub(crate) time: f64,
    /// Only these contestants; `list` shows which there are.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Only these questions; `list` shows which there are.
    #[arg(long = "question", value_name = "QUESTION")]
    pub(crate) questions: Vec<Question>,
    /// Writes all figures there.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes the tables there.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Draws the bars there.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Puts the short table into this one, between its two marks.
    #[arg(long, value_name = "FILE")]
    pub(crate) readme: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the contestants, and what each can be asked.
    List,
    /// Puts each question to each contestant once, and fails if anything is lost, changed or swapped.
    Check(CheckArgs),
    /// Runs one measurement and prints nanoseconds for one record or round trip.
    Measure(MeasureArgs),
    /// The other side of a measurement.
    #[command(hide = true)]
    Join(JoinArgs),
}

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// Only these contestants.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Only these questions.
    #[arg(long = "question", value_name = "QUESTION")]
    pub(crate) questions: Vec<Question>,
    /// So many records, or round trips, instead of what is enough for each question.
    #[arg(long, value_parser = value_parser!(u64).range(1..))]
    pub(crate) records: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct MeasureArgs {
    /// Whom.
    pub(crate) contestant: String,
    /// What.
    pub(crate) question: Question,
    /// Records, or round trips, warm-up included.
    #[arg(long, default_value_t = 100_000, value_parser = value_parser!(u64).range(1..))]
    pub(crate) records: u64,
    /// An empty folder in shared memory, where it may leave files.
    #[arg(long)]
    pub(crate) folder: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct JoinArgs {
    pub(crate) contestant: String,
    pub(crate) question: Question,
    #[arg(long)]
    pub(crate) records: u64,
    #[arg(long)]
    pub(crate) producer: usize,
    #[arg(long)]
    pub(crate) core: Option<usize>,
    #[arg(long = "ticket")]
    pub(crate) tickets: Vec<String>,
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a number from 1 on".to_owned()),
        Ok(number) => Ok(number),
    }
}
