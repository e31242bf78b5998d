//! Measurements between this process and others, which run this program too.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::places::{Places, stay};
use super::{Job, Outcome, Part, mode, shares, size, work};
use crate::channel::{End, Processes};
use crate::payload::{Lines, Payload, Words};

/// What another process says when it has joined.
const READY: &str = "ready";
/// What it is told when all have.
const GO: &str = "go";

/// Puts the question of the job to `C`. The calling thread takes part in it, and stays pinned.
pub(crate) fn run<C: Processes>(job: &Job) -> Result<Outcome> {
    match job.question.bytes() {
        8 => run_with::<C, Words<1>>(job),
        56 => run_with::<C, Words<7>>(job),
        64 => run_with::<C, Lines<8>>(job),
        1024 => run_with::<C, Lines<128>>(job),
        16384 => run_with::<C, Lines<2048>>(job),
        other => bail!("there are no payloads of {other} bytes"),
    }
}

/// Does a part of it, in the other process.
pub(crate) fn join<C: Processes>(part: &Part) -> Result<()> {
    match part.question.bytes() {
        8 => join_with::<C, Words<1>>(part),
        56 => join_with::<C, Words<7>>(part),
        64 => join_with::<C, Lines<8>>(part),
        1024 => join_with::<C, Lines<128>>(part),
        16384 => join_with::<C, Lines<2048>>(part),
        other => bail!("there are no payloads of {other} bytes"),
    }
}

fn run_with<C: Processes, P: Payload>(job: &Job) -> Result<Outcome> {
    let size = job.size();
    let create = |name, end| C::create::<P>(&job.folder.join(name), end, &size);
    if job.question.is_round_trip() {
        let (there, ticket) = create("there", End::Sender)?;
        let (back, other) = create("back", End::Receiver)?;
        let others = Others::start(job, &[ticket, other])?;
        let (mut to, mut from) = (C::sender(there)?, C::receiver(back)?);
        return others.run(|| work::ask(&mut to, &mut from, job.records));
    }
    let (channel, ticket) = create("stream", End::Receiver)?;
    let others = Others::start(job, &[ticket])?;
    let mut receiver = C::receiver(channel)?;
    others.run(|| work::consume(&mut receiver, &job.shares(), mode(job.question)))
}

fn join_with<C: Processes, P: Payload>(part: &Part) -> Result<()> {
    let mut size = size(part.question);
    size.producer = part.producer;
    stay(part.core)?;
    match part.tickets.as_slice() {
        [there, back] => {
            let mut from = C::receiver(C::join::<P>(there, &size)?)?;
            let mut to = C::sender(C::join::<P>(back, &size)?)?;
            say_ready()?;
            work::answer(&mut from, &mut to, part.records)?;
            stay_until_end()
        }
        [there] => {
            let mut sender = C::sender(C::join::<P>(there, &size)?)?;
            let shares = shares(part.records, size.producers);
            let share = shares.get(part.producer).context("no such producer")?;
            say_ready()?;
            work::produce(&mut sender, *share, part.producer, mode(part.question))?;
            stay_until_end()
        }
        tickets => bail!("{} tickets, not one or two", tickets.len()),
    }
}

fn say_ready() -> Result<()> {
    println!("{READY}");
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    ensure!(line.trim_end() == GO, "told {line:?}, not {GO:?}");
    Ok(())
}

/// What was sent may be lost when its sender leaves before it was received.
fn stay_until_end() -> Result<()> {
    io::stdin().lock().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// The other processes of a measurement, killed if they are still there at its end.
struct Others {
    children: Vec<Child>,
    places: Places,
}

impl Others {
    fn start(job: &Job, tickets: &[String]) -> Result<Self> {
        let places = Places::new()?;
        let mut others = Self {
            children: Vec::new(),
            places,
        };
        for producer in 0..job.question.producers() {
            let program = env::current_exe().context("cannot find this program")?;
            let mut command = Command::new(program);
            command.args(["join", &job.contestant, &job.question.to_string()]);
            command.arg(format!("--records={}", job.records));
            command.arg(format!("--producer={producer}"));
            command.args(tickets.iter().map(|ticket| format!("--ticket={ticket}")));
            if let Some(core) = others.places.producer(producer) {
                command.arg(format!("--core={core}"));
            }
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let child = command.spawn().context("cannot start another process")?;
            others.children.push(child);
        }
        Ok(others)
    }

    /// Waits until all are there, does this process's part, and waits until all have ended well.
    fn run<T>(mut self, here: impl FnOnce() -> Result<T>) -> Result<T> {
        for child in &mut self.children {
            let output = child.stdout.take().context("no output to read")?;
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line)?;
            ensure!(line.trim_end() == READY, "another process cannot join");
        }
        stay(self.places.consumer())?;
        for child in &mut self.children {
            let input = child.stdin.as_mut().context("no input to write")?;
            writeln!(input, "{GO}")?;
        }
        let outcome = here()?;
        for child in &mut self.children {
            drop(child.stdin.take());
            let status = child.wait()?;
            ensure!(status.success(), "another process failed: {status}");
        }
        Ok(outcome)
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Whether it has ended already does not matter.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
