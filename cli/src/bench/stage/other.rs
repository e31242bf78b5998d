//! Another process, as the first one sees it.

use std::io::BufReader;
use std::os::unix::process::CommandExt;
use std::process::{self, ChildStdin, ChildStdout, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::bench::message::{self, Answer, Command};
use crate::bench::part::{Outcome, Part, Turn};
use crate::interrupt::Interrupt;
use crate::other_process::{OtherProcess, this_program};

/// How long a process may take to end that has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a process may seem to be there that has ended.
const AFTERMATH: Duration = Duration::from_millis(100);

/// A process that plays parts.
#[derive(Debug)]
pub(super) struct Other {
    name: String,
    process: OtherProcess,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    interrupt: Interrupt,
    parts: usize,
}

impl Other {
    /// Starts it on this core, or wherever the system puts it.
    pub(super) fn start(name: String, core: Option<usize>, interrupt: &Interrupt) -> Result<Self> {
        let mut command = this_program()?;
        command
            .arg("bench-peer")
            .arg(process::id().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A group of its own, so that Ctrl-C reaches the first process only.
            .process_group(0);
        if let Some(core) = core {
            command.arg(format!("--core={core}"));
        }
        let mut process = OtherProcess::start(&mut command)?;
        let (commands, answers) = (process.0.stdin.take(), process.0.stdout.take());
        Ok(Self {
            commands: commands.context("it has no input")?,
            answers: BufReader::new(answers.context("it has no output")?),
            process,
            name,
            interrupt: interrupt.clone(),
            parts: 0,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Lets it open a part. Returns the part's number.
    pub(super) fn open(&mut self, part: &Part) -> Result<usize> {
        self.tell(&Command::Open(part.clone()))?;
        self.expect_ready()?;
        self.parts += 1;
        Ok(self.parts - 1)
    }

    /// Lets it begin with a part, and waits until it does.
    pub(super) fn play(&mut self, part: usize, turn: Turn) -> Result<()> {
        self.tell(&Command::Play { part, turn })?;
        match self.answer()? {
            Answer::Playing => Ok(()),
            answer => bail!("{} said {answer:?}", self.name),
        }
    }

    /// Waits until it has played.
    pub(super) fn outcome(&mut self) -> Result<Outcome> {
        match self.answer()? {
            Answer::Played(outcome) => Ok(outcome),
            answer => bail!("{} said {answer:?}", self.name),
        }
    }

    /// Lets it close all parts.
    pub(super) fn close(&mut self) -> Result<()> {
        self.tell(&Command::Close)?;
        self.expect_ready()?;
        self.parts = 0;
        Ok(())
    }

    /// Why it has ended, if it has or does so just now.
    pub(super) fn end(&mut self) -> Option<anyhow::Error> {
        // What it leaves behind may be seen before its end is.
        let begin = Instant::now();
        while self.process.is_there() {
            if begin.elapsed() >= AFTERMATH {
                return None;
            }
            thread::sleep(Duration::from_millis(1));
        }
        Some(self.reason())
    }

    fn tell(&mut self, command: &Command) -> Result<()> {
        message::write(&mut self.commands, command).map_err(|_| self.reason())
    }

    fn expect_ready(&mut self) -> Result<()> {
        match self.answer()? {
            Answer::Ready => Ok(()),
            answer => bail!("{} said {answer:?}", self.name),
        }
    }

    fn answer(&mut self) -> Result<Answer> {
        if self.answers.buffer().is_empty() {
            let readable = self.interrupt.wait_until_readable(self.answers.get_ref());
            // Rather than what the signal has made of the wait.
            self.interrupt.check()?;
            readable?;
        }
        match message::read(&mut self.answers)? {
            Some(Answer::Failed { message }) => Err(self.failed(&message)),
            Some(answer) => Ok(answer),
            None => Err(self.reason()),
        }
    }

    /// Why a process ends that does so: what it has said, or else what the system says.
    fn reason(&mut self) -> anyhow::Error {
        let status = self.process.wait_for_end(PATIENCE);
        while let Ok(Some(answer)) = message::read(&mut self.answers) {
            if let Answer::Failed { message } = answer {
                return self.failed(&message);
            }
        }
        match status {
            Ok(status) => self.failed(&format!("it ended with {status}")),
            Err(error) => error,
        }
    }

    fn failed(&self, message: &str) -> anyhow::Error {
        anyhow!("{}, process {}: {message}", self.name, self.pid())
    }
}
