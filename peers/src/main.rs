//! The same work through mapring and through its peers, in turns.
//!
//! `peers/run` runs all of it; `cargo run --release -p mapring-peers -- --help` says what else there
//! is. Each measurement is a process of its own, and each contestant takes its turn in each round, so
//! that figures can be compared within a round; see `tournament`.

mod args;
mod channel;
mod check;
mod contestants;
mod machine;
mod measure;
mod payload;
mod question;
mod report;
mod results;
mod tournament;
mod trial;
mod wait;

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use crate::args::{CheckArgs, Cli, Command, JoinArgs, MeasureArgs, RunArgs};
use crate::contestants::Contestant;
use crate::machine::Machine;
use crate::measure::{Job, Part};
use crate::question::{Kind, Question};
use crate::results::{Entry, Results};
use crate::tournament::Plan;

fn main() -> ExitCode {
    let Cli { command, args } = Cli::parse();
    let done = match command {
        None => run(&args),
        Some(Command::List) => {
            list();
            Ok(())
        }
        Some(Command::Check(args)) => check_all(&args),
        Some(Command::Measure(args)) => measure(args),
        Some(Command::Join(args)) => join(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}{error:#}", trial::PREFIX);
            ExitCode::FAILURE
        }
    }
}

fn run(args: &RunArgs) -> Result<()> {
    let time = Duration::try_from_secs_f64(args.time).context("--time is no time")?;
    let contestants = chosen(&args.only)?;
    let machine = Machine::new()?;
    if machine.load > 0.5 {
        eprintln!(
            "the machine is busy (load {}), which spoils the figures",
            machine.load
        );
    }
    let plan = Plan {
        questions: questions(&args.questions),
        rounds: args.rounds,
        time,
    };
    let answers = tournament::run(&contestants, &plan, |now| eprintln!("{now}"));
    let results = Results {
        machine,
        rounds: args.rounds,
        seconds: args.time,
        entries: contestants.iter().map(Entry::new).collect(),
        answers,
        left_out: contestants::left_out(),
    };
    print!("{}", report::terminal::text(&results));
    write(args, &results)
}

/// Writes the files that were asked for.
fn write(args: &RunArgs, results: &Results) -> Result<()> {
    if let Some(file) = &args.json {
        fs::write(file, serde_json::to_string_pretty(results)? + "\n")
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(file) = &args.svg {
        report::plot::draw(results, file)
            .with_context(|| format!("cannot draw {}", file.display()))?;
    }
    if let Some(file) = &args.markdown {
        let plot = args.svg.as_ref().and_then(|svg| svg.file_name()?.to_str());
        fs::write(file, report::markdown::report(results, plot))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(file) = &args.readme {
        let name = || format!("cannot put the table into {}", file.display());
        let before = fs::read_to_string(file).with_context(name)?;
        let after = report::readme::replace(&before, results).with_context(name)?;
        fs::write(file, after).with_context(name)?;
    }
    Ok(())
}

fn list() {
    let questions: Vec<_> = Question::all().iter().map(Question::to_string).collect();
    println!("questions: {}", questions.join(" "));
    for Contestant { about, .. } in contestants::all() {
        let kinds: Vec<_> = about.kinds.iter().map(Kind::to_string).collect();
        println!("{}: {}", about.name, kinds.join(" "));
    }
    for (name, why) in contestants::left_out() {
        println!("left out: {name}: {why}");
    }
}

/// Puts every question to every contestant once, with few records.
fn check_all(args: &CheckArgs) -> Result<()> {
    let mut failures = 0;
    for contestant in chosen(&args.only)? {
        for question in questions(&args.questions) {
            if !contestant.answers(question.kind()) {
                continue;
            }
            let name = contestant.about.name;
            if let Some(why) = contestant.cannot(question) {
                println!("cannot: {name} {question}: {why}");
                continue;
            }
            let records = args.records.unwrap_or_else(|| contestant.few(question));
            match trial::run(name, question, records) {
                Ok(_) => println!("ok: {name} {question} {records}"),
                Err(why) => {
                    failures += 1;
                    println!("failed: {name} {question} {records}: {why:#}");
                }
            }
        }
    }
    ensure!(failures == 0, "{failures} failed");
    Ok(())
}

fn measure(args: MeasureArgs) -> Result<()> {
    end_with_parent()?;
    let job = Job {
        contestant: args.contestant,
        question: args.question,
        records: args.records,
        folder: args.folder,
    };
    match find(&job.contestant)?.run(&job)? {
        Some(nanoseconds) => println!("{nanoseconds}"),
        None => println!("{}", trial::TOO_FEW),
    }
    Ok(())
}

fn join(args: JoinArgs) -> Result<()> {
    end_with_parent()?;
    let part = Part {
        question: args.question,
        records: args.records,
        producer: args.producer,
        core: args.core,
        tickets: args.tickets,
    };
    find(&args.contestant)?.join(&part)
}

/// If whom this process works for is killed, it ends too.
fn end_with_parent() -> Result<()> {
    use rustix::process::{Signal, set_parent_process_death_signal};
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

fn find(name: &str) -> Result<Contestant> {
    let mut all = contestants::all().into_iter();
    let missing = || format!("there is no contestant called {name:?}; `list` shows all");
    all.find(|contestant| contestant.about.name == name)
        .with_context(missing)
}

/// Those of these names, in the order of the tables; all of them, if there are none.
fn chosen(names: &[String]) -> Result<Vec<Contestant>> {
    names.iter().try_for_each(|name| find(name).map(drop))?;
    let all = contestants::all().into_iter();
    let is_chosen = |contestant: &Contestant| {
        names.is_empty() || names.iter().any(|name| name == contestant.about.name)
    };
    Ok(all.filter(is_chosen).collect())
}

/// These, or all of them.
fn questions(chosen: &[Question]) -> Vec<Question> {
    if chosen.is_empty() {
        Question::all()
    } else {
        chosen.to_vec()
    }
}
