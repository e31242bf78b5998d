//! Measurements between threads of this process.

use std::sync::Barrier;
use std::thread::{self, ScopedJoinHandle};

use anyhow::{Context, Result, anyhow, bail};

use super::places::{Places, stay};
use super::{Job, Outcome, mode, work};
use crate::channel::Threads;
use crate::payload::{Lines, Payload, Words};

/// Puts the question of the job to `C`. The calling thread takes part in it, and stays pinned.
pub(crate) fn run<C: Threads>(job: &Job) -> Result<Outcome> {
    match job.question.bytes() {
        8 => run_with::<C, Words<1>>(job),
        56 => run_with::<C, Words<7>>(job),
        64 => run_with::<C, Lines<8>>(job),
        1024 => run_with::<C, Lines<128>>(job),
        16384 => run_with::<C, Lines<2048>>(job),
        other => bail!("there are no payloads of {other} bytes"),
    }
}

fn run_with<C: Threads, P: Payload>(job: &Job) -> Result<Outcome> {
    let size = job.size();
    if job.question.is_round_trip() {
        let (there, mut from_there) = C::open::<P>(&size)?;
        let (back, mut from_back) = C::open::<P>(&size)?;
        let (mut there, mut back) = (only(there)?, only(back)?);
        let rounds = job.records;
        return two_sides(
            move || work::ask(&mut there, &mut from_back, rounds),
            move || work::answer(&mut from_there, &mut back, rounds),
        );
    }
    let (senders, mut receiver) = C::open::<P>(&size)?;
    let (shares, mode) = (job.shares(), mode(job.question));
    let producers = senders.into_iter().zip(&shares).enumerate();
    let producers = producers.map(|(number, (mut sender, share))| {
        move || work::produce(&mut sender, *share, number, mode)
    });
    many_sides(
        || work::consume(&mut receiver, &shares, mode),
        producers.collect(),
    )
}

fn only<T>(senders: Vec<T>) -> Result<T> {
    senders.into_iter().next().context("there is no sender")
}

/// Runs both at once, the second one on a thread and a core of its own.
pub(crate) fn two_sides<T>(
    here: impl FnOnce() -> Result<T>,
    there: impl FnOnce() -> Result<()> + Send,
) -> Result<T> {
    many_sides(here, vec![there])
}

/// Runs all of them at once, those of `there` on threads of their own. The error is that of the
/// first who has one, and `here`'s if nobody else has: when one side fails, the other one waits in vain.
fn many_sides<T, F: FnOnce() -> Result<()> + Send>(
    here: impl FnOnce() -> Result<T>,
    there: Vec<F>,
) -> Result<T> {
    let places = Places::new()?;
    let start = &Barrier::new(there.len() + 1);
    thread::scope(|scope| {
        let threads: Vec<_> = there
            .into_iter()
            .enumerate()
            .map(|(number, work)| {
                let core = places.producer(number);
                scope.spawn(move || {
                    let pinned = stay(core);
                    start.wait();
                    pinned?;
                    work()
                })
            })
            .collect();
        let pinned = stay(places.consumer());
        start.wait();
        pinned?;
        let outcome = here();
        threads.into_iter().try_for_each(joined)?;
        outcome
    })
}

fn joined(thread: ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    let ended = thread.join();
    ended.map_err(|_| anyhow!("the other thread panicked"))?
}
