//! The same work through mapring and through its peers, in turns.
//!
//! `peers/run` runs all of it; `cargo run --release -p mapring-peers -- --help` says what else there
//! is. Each measurement is a process of its own, and each contestant takes its turn in each round, so
//! that figures can be compared within a round; see `tournament`.

mod channel;
mod check;
mod contestants;
mod measure;
mod payload;
mod question;
mod wait;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use crate::contestants::Contestant;
use crate::measure::{Job, Part};
use crate::question::Question;

#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the contestants, and what each can be asked.
    List,
    /// Runs one measurement and prints nanoseconds for one record or round trip.
    Measure(MeasureArgs),
    /// The other side of a measurement.
    #[command(hide = true)]
    Join(JoinArgs),
}

#[derive(Args, Debug)]
struct MeasureArgs {
    /// Whom.
    contestant: String,
    /// What; `list` shows which there are.
    question: Question,
    /// Records, or round trips, warm-up included.
    #[arg(long, default_value_t = 1000)]
    records: u64,
    /// Where it may leave files.
    #[arg(long)]
    folder: PathBuf,
}

#[derive(Args, Debug)]
struct JoinArgs {
    contestant: String,
    question: Question,
    #[arg(long)]
    records: u64,
    #[arg(long)]
    producer: usize,
    #[arg(long)]
    core: Option<usize>,
    #[arg(long = "ticket")]
    tickets: Vec<String>,
}

fn main() -> Result<()> {
    match Cli::parse().command {
        None => Ok(()),
        Some(Command::List) => {
            list();
            Ok(())
        }
        Some(Command::Measure(args)) => measure(args),
        Some(Command::Join(args)) => join(args),
    }
}

fn list() {
    for contestant in contestants::all() {
        let questions = Question::all().into_iter();
        let answered: Vec<_> = questions
            .filter(|question| contestant.answers(question.kind()))
            .map(|question| question.to_string())
            .collect();
        println!("{}: {}", contestant.about.name, answered.join(" "));
    }
}

fn measure(args: MeasureArgs) -> Result<()> {
    let job = Job {
        contestant: args.contestant,
        question: args.question,
        records: args.records,
        folder: args.folder,
    };
    match find(&job.contestant)?.run(&job)? {
        Some(nanoseconds) => println!("{nanoseconds}"),
        None => println!("too few"),
    }
    Ok(())
}

fn join(args: JoinArgs) -> Result<()> {
    // If whom it works for is killed, it ends too.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let part = Part {
        question: args.question,
        records: args.records,
        producer: args.producer,
        core: args.core,
        tickets: args.tickets,
    };
    find(&args.contestant)?.join(&part)
}

fn find(name: &str) -> Result<Contestant> {
    let mut all = contestants::all().into_iter();
    all.find(|contestant| contestant.about.name == name)
        .with_context(|| format!("there is no contestant called {name:?}"))
}
