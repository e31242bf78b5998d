//! Contestants take turns, so that the drift of a machine hits all of them.

use anyhow::Result;

use super::{Contestant, Played, Stage};
use crate::bench::clock;
use crate::bench::part::Turn;
use crate::other_process::while_there;
use crate::progress::Steps;

/// So long before all begin at once, in nanoseconds, for each process.
const LEAD: u64 = 1_000_000;

/// How many rounds it takes to see which of several is best.
const TRIALS: usize = 3;

/// Lets each of them warm up, and then all of them play one turn in each round. Returns what came of
/// it, by contestant and round.
pub(in crate::bench) fn take_turns(
    stage: &mut Stage<'_>,
    title: &str,
    contestants: &mut [Contestant],
) -> Result<Vec<Vec<Played>>> {
    let plan = stage.plan;
    let steps = Steps::new(title, (plan.rounds + 1) * contestants.len());
    play_round(stage, &steps, contestants, plan.warm_up, false)?;
    play_rounds(stage, &steps, contestants, plan.rounds, plan.time)
}

/// The same in few rounds, each as long as the warm-up, which it is.
pub(in crate::bench) fn try_in_turns(
    stage: &mut Stage<'_>,
    title: &str,
    contestants: &mut [Contestant],
) -> Result<Vec<Vec<Played>>> {
    let steps = Steps::new(title, TRIALS * contestants.len());
    play_rounds(stage, &steps, contestants, TRIALS, stage.plan.warm_up)
}

fn play_rounds(
    stage: &mut Stage<'_>,
    steps: &Steps,
    contestants: &mut [Contestant],
    rounds: usize,
    time: u64,
) -> Result<Vec<Vec<Played>>> {
    let mut by_contestant = vec![Vec::new(); contestants.len()];
    for round in 0..rounds {
        // Every other round in the opposite order: who comes before whom may matter, too.
        let played = play_round(stage, steps, contestants, time, round % 2 == 1)?;
        for (all, played) in by_contestant.iter_mut().zip(played) {
            all.push(played);
        }
    }
    Ok(by_contestant)
}

/// One turn of each.
fn play_round(
    stage: &mut Stage<'_>,
    steps: &Steps,
    contestants: &mut [Contestant],
    time: u64,
    from_the_last: bool,
) -> Result<Vec<Played>> {
    stage.remove_names()?;
    let mut play = |contestant| {
        let played = stage.play(contestant, time)?;
        steps.count();
        Ok(played)
    };
    if from_the_last {
        let played: Result<Vec<_>> = contestants.iter_mut().rev().map(play).collect();
        played.map(|played| played.into_iter().rev().collect())
    } else {
        contestants.iter_mut().map(&mut play).collect()
    }
}

impl Stage<'_> {
    /// When a turn is to begin. With several processes, in a while: all should be there.
    pub(super) fn begin(&self, contestant: &Contestant) -> u64 {
        let others = contestant.there.len() as u64;
        let lead = if others > 1 || contestant.gap > 0 {
            LEAD * (others + 1)
        } else {
            0
        };
        clock::now() + lead
    }

    pub(super) fn play_turn(&mut self, contestant: &mut Contestant, turn: &Turn) -> Result<Played> {
        self.watch.check()?;
        let there = self.others.iter_mut().zip(&contestant.there);
        for (other, part) in there {
            other.play(*part, *turn)?;
        }
        let here = match contestant.here.rouse()? {
            None => contestant.here.play(turn, &self.watch)?,
            Some(rouse) => {
                let watch = self.watch.clone();
                let is_there = move || watch.check().is_ok();
                while_there(is_there, rouse, || contestant.here.play(turn, &self.watch))?
            }
        };
        let there = self.others.iter_mut().take(contestant.there.len());
        let there = there.map(|other| other.outcome());
        Ok(Played {
            here,
            there: there.collect::<Result<_>>()?,
        })
    }
}
