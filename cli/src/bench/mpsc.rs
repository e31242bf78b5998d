//! Many producers: what becomes of the rate, and whether each gets its share.

use anyhow::Result;
use indicatif::HumanCount;
use mapring::mpsc::Options;

use super::part::{Flow, Part, Via};
use super::report::{Case, Figure, Unit};
use super::stage::{Contestant, Played, Stage, take_turns};
use super::streams;
use crate::args::Question;

const USUAL_SIZES: [usize; 1] = [64];

/// Measures every size.
pub(super) fn measure(stage: &mut Stage<'_>) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for size in stage.plan.sizes_or(&USUAL_SIZES) {
        cases.extend(of_size(stage, size)?);
    }
    Ok(cases)
}

fn of_size(stage: &mut Stage<'_>, size: usize) -> Result<Vec<Case>> {
    let shown = HumanCount(size as u64);
    let title = format!("many producers, {shown} bytes");
    let direction = streams::Direction::OtherSends;
    let interval = streams::best_interval(stage, &title, size, direction)?;
    let mut contestants = vec![streams::contestant(stage, size, interval, direction)?];
    let counts = &stage.plan.producers;
    for count in counts {
        contestants.push(producers(stage, size, *count)?);
    }
    let played = take_turns(stage, &title, &mut contestants)?;
    stage.close(contestants)?;
    let limit = rates(&played[0]);
    // The least of the counts is 1.
    let of_one = rates(&played[1]);
    let rings = counts.iter().zip(&played[1..]);
    Ok(rings
        .map(|(count, played)| {
            let rates = rates(played);
            let mut figures = streams::figures(&rates, &limit, size);
            let shares = played.iter().map(least_share).collect();
            figures.push(Figure::more("fairness", Unit::Ratio, shares));
            let scaling = rates
                .iter()
                .zip(&of_one)
                .map(|(rate, of_one)| rate / of_one);
            figures.push(Figure::more("scaling", Unit::Ratio, scaling.collect()));
            let producers = if *count == 1 { "producer" } else { "producers" };
            let name = format!("{count} {producers}, {shown} bytes");
            let mut case = Case::new(Question::Mpsc, name, streams::LIMIT, figures);
            case.payload_bytes = Some(size);
            case.batch = Some(1);
            case.producers = Some(*count);
            case
        })
        .collect())
}

/// So many processes that send into one ring; this one receives.
fn producers(stage: &mut Stage<'_>, size: usize, count: u32) -> Result<Contestant> {
    let options = Options::new()
        .capacity(stage.plan.capacity as u64)
        .max_payload(size as u64)
        .producers(u64::from(count));
    let name = stage.ring(&options)?;
    let flow = |sender| Flow {
        via: Via::Mpsc { name: name.clone() },
        size,
        sender,
        senders: count,
    };
    let senders: Vec<_> = (0..count).map(|sender| Part::Send(flow(sender))).collect();
    stage.contestant(&Part::Receive(flow(0)), &senders)
}

/// Records a second of all producers together, in each round.
fn rates(played: &[Played]) -> Vec<f64> {
    let rate = |played: &Played| {
        let first = played.there.iter().min_by_key(|sender| sender.begin);
        first.map_or(0.0, |first| streams::rate(first, &played.here))
    };
    played.iter().map(rate).collect()
}

/// What the producer that has sent least has sent, by what the one has that has sent most.
fn least_share(played: &Played) -> f64 {
    let counts = played.there.iter().map(|sender| sender.count);
    let (least, most) = (counts.clone().min(), counts.max());
    least.unwrap_or(0) as f64 / most.unwrap_or(0).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::part::Outcome;

    fn outcome(count: u64, begin: u64, end: u64) -> Outcome {
        Outcome {
            count,
            begin,
            end,
            times: None,
        }
    }

    #[test]
    fn all_count_from_the_first_on() {
        let played = Played {
            here: outcome(800, 0, 3_000_000_000),
            there: vec![
                outcome(600, 2_000_000_000, 2_500_000_000),
                outcome(200, 1_000_000_000, 2_000_000_000),
            ],
        };
        assert_eq!(rates(std::slice::from_ref(&played)), [400.0]);
        assert_eq!(least_share(&played), 200.0 / 600.0);
    }
}
