//! Another process of a benchmark: plays the parts that it is told to.

use std::io::{self, BufRead, Write};
use std::os::unix::process::parent_id;

use anyhow::{Context, Result, ensure};
use rustix::process::{Signal, set_parent_process_death_signal};

use super::message::{self, Answer, Command};
use super::part::Play;
use super::watch::Watch;
use crate::args::BenchPeerArgs;

/// Serves the first process until that has no more use for it.
pub(crate) fn run(args: &BenchPeerArgs) -> Result<()> {
    let (commands, answers) = (&mut io::stdin().lock(), &mut io::stdout().lock());
    let served = end_with_parent(args.parent)
        .and_then(|()| match args.core {
            Some(core) => {
                mapring_limits::pin(core).with_context(|| format!("cannot run on core {core}"))
            }
            None => Ok(()),
        })
        .and_then(|()| serve(commands, answers));
    if let Err(error) = &served {
        let message = format!("{error:#}");
        // The first process may be gone, or does not listen any more.
        let _ = message::write(answers, &Answer::Failed { message });
    }
    served
}

/// Asks the system to kill this process when its parent ends: it may sleep then, and nobody would
/// wake it.
fn end_with_parent(parent: u32) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .context("cannot ask to end with the first process")?;
    ensure!(parent_id() == parent, "the first process is gone");
    Ok(())
}

fn serve(commands: &mut impl BufRead, answers: &mut impl Write) -> Result<()> {
    let watch = Watch::of_nothing();
    let mut parts: Vec<Box<dyn Play>> = Vec::new();
    while let Some(command) = message::read(commands)? {
        match command {
            Command::Open(part) => {
                parts.push(part.open()?);
                message::write(answers, &Answer::Ready)?;
            }
            Command::Play { part, turn } => {
                let part = parts.get_mut(part).context("there is no such part")?;
                message::write(answers, &Answer::Playing)?;
                let outcome = part.play(&turn, &watch)?;
                message::write(answers, &Answer::Played(outcome))?;
            }
            Command::Close => {
                parts.clear();
                message::write(answers, &Answer::Ready)?;
            }
        }
    }
    Ok(())
}
