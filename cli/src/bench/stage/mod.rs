//! Where parts are played: this process and others, what they share, and whose turn it is.

mod other;
mod turns;

use std::fmt::Debug;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process;
use std::time::SystemTime;

use anyhow::{Context, Result};
use mapring::generic::{Options, Protocol};

use super::part::{Outcome, Part, Play, Times, Turn};
use super::plan::Plan;
use super::watch::Watch;
use crate::interrupt::{Interrupt, Interrupted};

use other::Other;

pub(super) use turns::{take_turns, try_in_turns};

/// This process and others, and what they share.
pub(super) struct Stage<'a> {
    pub(super) plan: &'a Plan,
    interrupt: Interrupt,
    watch: Watch,
    // Before the rings: this process is to be their last user.
    others: Vec<Other>,
    rings: Vec<Box<dyn Debug>>,
    /// Where rings are that have their names still.
    named: Vec<PathBuf>,
    /// Of the limits. The others open them as files of this process.
    files: Vec<File>,
    /// What the names of rings begin with.
    prefix: String,
    /// How many names there were.
    names: usize,
}

/// What is measured in turns with others.
pub(super) struct Contestant {
    here: Box<dyn Play>,
    /// Which part each of the other processes plays, by their numbers.
    there: Vec<usize>,
    /// Nanoseconds between two messages, for roles that pause.
    gap: u64,
}

/// What came of one turn.
#[derive(Clone, Debug)]
pub(super) struct Played {
    /// Of the first process.
    pub(super) here: Outcome,
    /// Of the others, by their numbers.
    pub(super) there: Vec<Outcome>,
}

/// One of those who play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The first process.
    Here,
    /// The second one.
    There,
}

/// The times that this side has taken in each round.
pub(super) fn times(played: &[Played], side: Side) -> Result<Vec<&Times>> {
    let times = played.iter().map(|played| {
        let outcome = match side {
            Side::Here => Some(&played.here),
            Side::There => played.there.first(),
        };
        outcome.and_then(|outcome| outcome.times.as_ref())
    });
    let times: Option<_> = times.collect();
    times.context("no times were taken")
}

impl<'a> Stage<'a> {
    /// Puts this process where the plan says.
    pub(super) fn new(plan: &'a Plan, interrupt: Interrupt) -> Result<Self> {
        if let Some(core) = plan.core_of(0) {
            mapring_limits::pin(core).with_context(|| format!("cannot run on core {core}"))?;
        }
        let since_1970 = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Ok(Self {
            plan,
            watch: Watch::new(interrupt.clone()),
            interrupt,
            others: Vec::new(),
            rings: Vec::new(),
            named: Vec::new(),
            files: Vec::new(),
            prefix: format!("bench-{}-{}", process::id(), since_1970.as_nanos()),
            names: 0,
        })
    }

    /// A name that no other ring has.
    pub(super) fn name(&mut self) -> String {
        self.names += 1;
        format!("{}-{}", self.prefix, self.names)
    }

    /// Creates a ring, and returns its name. It loses that when the first turn comes.
    pub(super) fn ring<K: Protocol>(&mut self, options: &Options<K>) -> Result<String> {
        let name = self.name();
        let ring = options.clone().prefault(true).create(&name)?;
        self.named.push(ring.path().to_owned());
        self.rings.push(Box::new(ring));
        Ok(name)
    }

    /// Creates a file for a limit, and returns the path that leads there from every process.
    pub(super) fn file(&mut self, size: usize) -> Result<PathBuf> {
        let file = mapring_limits::shared_file(size).context("cannot create a shared file")?;
        let path = format!("/proc/{}/fd/{}", process::id(), file.as_raw_fd());
        self.files.push(file);
        Ok(path.into())
    }

    /// Opens a part here, and one in each of so many other processes.
    pub(super) fn contestant(&mut self, here: &Part, there: &[Part]) -> Result<Contestant> {
        while self.others.len() < there.len() {
            self.start_another()?;
        }
        let there = self.others.iter_mut().zip(there);
        Ok(Contestant {
            there: there
                .map(|(other, part)| other.open(part))
                .collect::<Result<_>>()?,
            here: here.open()?,
            gap: 0,
        })
    }

    fn start_another(&mut self) -> Result<()> {
        let number = self.others.len() + 1;
        let name = format!("other process {number}");
        let other = Other::start(name, self.plan.core_of(number), &self.interrupt)?;
        self.watch.add(other.name(), other.pid());
        self.others.push(other);
        Ok(())
    }

    /// Everybody has what was opened. Without names, nothing stays when all are killed together.
    fn remove_names(&mut self) -> Result<()> {
        for path in self.named.drain(..) {
            fs::remove_file(&path)
                .with_context(|| format!("cannot remove the name {}", path.display()))?;
        }
        Ok(())
    }

    /// Closes everything, for what comes next.
    pub(super) fn close(&mut self, contestants: Vec<Contestant>) -> Result<()> {
        self.remove_names()?;
        drop(contestants);
        for other in &mut self.others {
            other.close()?;
        }
        self.rings.clear();
        self.files.clear();
        Ok(())
    }

    /// Lets a contestant have a turn of so many nanoseconds.
    fn play(&mut self, contestant: &mut Contestant, time: u64) -> Result<Played> {
        let turn = Turn {
            begin: self.begin(contestant),
            time,
            gap: contestant.gap,
        };
        self.play_turn(contestant, &turn)
            .map_err(|error| self.explain(error))
    }

    /// If another process has ended, that is the reason of whatever went wrong, and not what the
    /// rest has made of it.
    fn explain(&mut self, error: anyhow::Error) -> anyhow::Error {
        if error.is::<Interrupted>() {
            return error;
        }
        let mut reasons = self.others.iter_mut().filter_map(Other::end);
        reasons.next().unwrap_or(error)
    }
}

impl Contestant {
    /// With so many nanoseconds between two messages.
    pub(super) fn with_gap(self, gap: u64) -> Self {
        Self { gap, ..self }
    }
}
