//! What the command line says.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, value_parser};

use crate::question::Question;

#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Without a command, everybody is measured, which takes some ten minutes; for a \
                        look, `--rounds 1 --time 0.02`."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) args: RunArgs,
}

#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// Rounds; in each, everybody answers each question once.
    #[arg(long, default_value_t = 5, value_parser = positive)]
    pub(crate) rounds: usize,
    /// Seconds that one answer takes, about.
    #[arg(long, default_value_t = 0.2)]
    pub(crate) time: f64,
    /// Only this contestant, or these, if given several times; see `list`.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Only this question, or these, if given several times; see `list`.
    #[arg(long = "question", value_name = "QUESTION")]
    pub(crate) questions: Vec<Question>,
    /// Writes all figures there.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes the tables there, and who took part.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Draws the main figures there, as bars.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Puts a short table into this file, in the place of that after its line `<!-- peers -->`.
    #[arg(long, value_name = "FILE")]
    pub(crate) readme: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the questions, and the contestants with the kinds of question that each answers.
    List,
    /// Puts each question to each contestant once; fails if anything is lost, changed or swapped.
    Check(CheckArgs),
    /// Takes one measurement; prints nanoseconds for one record or round trip.
    Measure(MeasureArgs),
    /// The other side of a measurement.
    #[command(hide = true)]
    Join(JoinArgs),
}

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// Only this contestant, or these, if given several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Only this question, or these, if given several times.
    #[arg(long = "question", value_name = "QUESTION")]
    pub(crate) questions: Vec<Question>,
    /// So many records, or round trips, instead of what is enough for each question.
    #[arg(long, value_parser = value_parser!(u64).range(1..))]
    pub(crate) records: Option<u64>,
}

#[derive(Args, Debug)]
pub(crate) struct MeasureArgs {
    /// Whose, as `list` shows it.
    pub(crate) contestant: String,
    /// Its answer to what, as `list` shows it.
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
