//! `mapring demo --producers`: many producers, one of which is killed.

mod content;
mod processes;
mod producer;
mod seen;
mod table;

use std::fs;
use std::io::{self, Write};
use std::process;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use indicatif::HumanCount;
use mapring::generic::Repair;
use mapring::mpsc::{Consumer, Observer, Options, Ring};
use mapring::{Peer, RecvError, TryRecvError};

use super::wait::PATIENCE;

use content::LONGEST;
use processes::Processes;
use seen::Seen;

pub(crate) use producer::run as run_producer;

/// Bytes of the ring.
const CAPACITY: u64 = 1 << 20;
/// Longest batch, in records.
const BATCH: usize = 64;
/// Between two looks whether it is time for something else.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// So often in all it is said how far it is.
const REPORTS: u32 = 4;

/// Sends from `count` processes, kills one of them in the middle, and fails unless
/// everything that was committed has arrived, in order.
pub(crate) fn run(count: u32, time: Duration) -> Result<()> {
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let name = format!("demo-{}-{}", process::id(), since_1970.as_nanos());
    let ring = create(&name, count)?;
    let observer = ring.observer()?;
    let mut processes = Processes::start(&name, count, time)?;
    let slots = processes.wait_until_attached(&observer)?;
    // All have the ring. Without its name, nothing stays when all are killed together.
    fs::remove_file(ring.path()).context("cannot remove the ring's name")?;

    let out = &mut io::stdout().lock();
    writeln!(
        out,
        "{count} producers and one consumer, each in a process of its own, on one ring."
    )?;
    writeln!(
        out,
        "Producers write records of up to {LONGEST} bytes in place, and take their time"
    )?;
    writeln!(
        out,
        "for it, so that a kill is likely to hit in the middle.\n"
    )?;

    let mut show = Show {
        consumer: ring.consumer()?,
        observer,
        victim: count / 2,
        slots,
        processes,
        seen: (0..count).map(Seen::new).collect(),
        repairs: Vec::new(),
    };
    show.receive(out, time)?;
    show.conclude(out)
}

fn create(name: &str, count: u32) -> Result<Ring> {
    let options = Options::new()
        .capacity(CAPACITY)
        .max_payload(LONGEST as u64)
        .producers(u64::from(count));
    Ok(options.create(name)?)
}

/// The show, from the first record on.
struct Show {
    consumer: Consumer,
    observer: Observer,
    /// The producer that is killed.
    victim: u32,
    /// By producer: its slot in the ring.
    slots: Vec<usize>,
    processes: Processes,
    /// By producer: what has arrived.
    seen: Vec<Seen>,
    repairs: Vec<Repair>,
}

impl Show {
    /// Receives until no producer is left, and kills one half-way.
    fn receive(&mut self, out: &mut impl Write, time: Duration) -> Result<()> {
        self.processes.go()?;
        let start = Instant::now();
        let mut reports = 0;
        let mut has_killed = false;
        let mut is_over = false;
        while !is_over {
            is_over = self.receive_some()?;
            let elapsed = start.elapsed();
            if elapsed >= time * (reports + 1) / REPORTS && reports + 1 < REPORTS {
                reports += 1;
                let records = self.seen.iter().map(|seen| seen.records).sum();
                let (time, records) = (elapsed.as_secs_f64(), HumanCount(records));
                writeln!(out, "  {time:4.1} s  {records} records received")?;
            }
            if elapsed >= time / 2 && !has_killed {
                has_killed = true;
                let pid = self.processes.kill(self.victim)?;
                let (time, number) = (elapsed.as_secs_f64(), self.victim + 1);
                writeln!(
                    out,
                    "  {time:4.1} s  producer {number}, process {pid}, is killed (SIGKILL)"
                )?;
            }
            ensure!(elapsed < time + PATIENCE, "the producers do not end");
        }
        Ok(())
    }

    /// Receives a batch, or waits for a moment; true when there will be no more.
    fn receive_some(&mut self) -> Result<bool> {
        let seen = &mut self.seen;
        let drained = self.consumer.drain(BATCH, |record| {
            let from = content::producer_of(record.tag());
            // What nobody sends is nobody's; then the sums do not match.
            if let Some(seen) = seen.get_mut(from as usize) {
                seen.take(&record);
            }
        });
        match drained {
            Ok(_) => return Ok(false),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
        let waited = self.consumer.wait(LOOK_EVERY);
        self.repairs.extend(self.consumer.repairs());
        match waited {
            Ok(()) | Err(RecvError::TimedOut) => Ok(false),
            Err(RecvError::Disconnected | RecvError::PeerDied { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Prints how it went; fails if it went wrong.
    fn conclude(mut self, out: &mut impl Write) -> Result<()> {
        self.repairs.extend(self.consumer.repairs());
        let pid = self.processes.pid(self.victim);
        let victim_slot = self.slots[self.victim as usize];
        let (peer, counters) = self.observer.producers()?[victim_slot];
        ensure!(
            peer == Peer::Died { pid },
            "the ring says of the killed producer: {peer:?}"
        );
        let outcomes: Vec<_> = self
            .seen
            .iter()
            .map(|seen| {
                let is_killed = seen.producer == self.victim;
                // What the dead one has shown of its counter: it may have committed a few more.
                let known = is_killed.then_some(counters.records);
                table::Outcome::new(seen, self.processes.pid(seen.producer), known)
            })
            .collect();
        table::print(out, &outcomes)?;
        self.say_what_was_skipped(out, pid)?;
        self.processes.finish(self.victim)?;
        if let Some(wrong) = outcomes.iter().find(|outcome| !outcome.is_good()) {
            bail!(
                "the records of producer {} are not all there",
                wrong.number()
            );
        }
        let records: u64 = self.seen.iter().map(|seen| seen.records).sum();
        writeln!(
            out,
            "{} records arrived, every byte as it was sent. Those of each producer",
            HumanCount(records)
        )?;
        writeln!(out, "came in order, and of those who lived, all of them.")?;
        Ok(())
    }

    fn say_what_was_skipped(&self, out: &mut impl Write, pid: u32) -> Result<()> {
        let number = self.victim + 1;
        match self.repairs.as_slice() {
            [] => writeln!(
                out,
                "Nothing was claimed by producer {number} when it was killed: nothing was skipped."
            )?,
            [repair] if repair.pid == pid => {
                let size = HumanCount(repair.size as u64);
                let position = HumanCount(repair.position);
                writeln!(
                    out,
                    "Producer {number} was killed in the middle of a record: {size} bytes claimed at"
                )?;
                writeln!(out, "position {position}. Just these were skipped.")?;
            }
            repairs => bail!("claims were skipped that nobody left behind: {repairs:?}"),
        }
        Ok(())
    }
}
