//! `mapring bench`: what this machine does, and how near that is to what it can.

mod clock;
mod compare;
mod html;
mod machine;
mod message;
mod mpsc;
mod open;
mod part;
mod peer;
mod plan;
mod report;
mod rtt;
mod spread;
mod stage;
mod streams;
mod table;
mod talks;
mod throughput;
mod wake;
mod watch;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};

use crate::args::{BenchArgs, Question};
use crate::interrupt::Interrupt;

use machine::Machine;
use plan::Plan;
use report::{Report, Settings};
use stage::Stage;

pub(crate) use part::Waiting;
pub(crate) use peer::run as run_peer;

/// What stands for standard output.
const STDOUT: &str = "-";

/// Measures, and tells the results as the arguments ask for.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let plan = Plan::new(args)?;
    for file in [&args.json, &args.html, &args.save].into_iter().flatten() {
        check_can_be_written(file)?;
    }
    let before = args.compare.as_deref().map(Report::read).transpose()?;
    let report = measure(&plan)?;
    let json = report.to_json()?;
    let out = &mut io::stdout().lock();
    if is_stdout(args.json.as_ref()) {
        out.write_all(json.as_bytes())?;
    } else {
        table::print(out, &report)?;
    }
    if let (Some(file), Some(before)) = (&args.compare, &before) {
        let since = file.display().to_string();
        if is_stdout(args.json.as_ref()) {
            compare::print(&mut io::stderr(), &since, before, &report)?;
        } else {
            compare::print(out, &since, before, &report)?;
        }
    }
    if let Some(file) = &args.html {
        write(file, &html::page(&report)?)?;
    }
    let files = [&args.json, &args.save].into_iter().flatten();
    for file in files.filter(|file| !is_stdout(Some(file))) {
        write(file, &json)?;
    }
    Ok(())
}

/// Asks all questions of the plan.
fn measure(plan: &Plan) -> Result<Report> {
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let machine = Machine::look().context("cannot look at this machine")?;
    let mut stage = Stage::new(plan, Interrupt::catch()?)?;
    let mut cases = Vec::new();
    for question in &plan.questions {
        let measure = match question {
            Question::Rtt => rtt::measure,
            Question::Throughput => throughput::measure,
            Question::Mpsc => mpsc::measure,
            Question::Wake => wake::measure,
            Question::Open => open::measure,
        };
        cases.extend(measure(&mut stage).with_context(|| question.name())?);
    }
    Ok(Report {
        schema: report::SCHEMA.to_owned(),
        version: report::VERSION,
        mapring: env!("CARGO_PKG_VERSION").to_owned(),
        started_s: since_1970.as_secs(),
        machine,
        settings: Settings {
            questions: plan.questions.clone(),
            capacity_bytes: plan.capacity as u64,
            cores: plan.cores.clone(),
            duration_s: plan.time as f64 / 1e9,
            warm_up_s: plan.warm_up as f64 / 1e9,
            rounds: plan.rounds,
            rate_per_s: plan.rate,
        },
        notes: plan.notes(),
        cases,
    })
}

fn is_stdout(file: Option<&PathBuf>) -> bool {
    file.is_some_and(|file| file == Path::new(STDOUT))
}

/// Before minutes are spent on what nobody would see.
fn check_can_be_written(file: &Path) -> Result<()> {
    if file == Path::new(STDOUT) {
        return Ok(());
    }
    ensure!(!file.is_dir(), "{} is a folder", file.display());
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    ensure!(folder.is_dir(), "there is no folder {}", folder.display());
    Ok(())
}

fn write(file: &Path, content: &str) -> Result<()> {
    fs::write(file, content).with_context(|| format!("cannot write {}", file.display()))
}
