//! The limit of a flow: plain copies into bare memory and out of it.

use anyhow::Result;

use super::part::{Flow, Outcome, Part, Via};
use super::report::{Figure, Unit};
use super::spread::Spread;
use super::stage::{Contestant, Played, Stage, try_in_turns};

/// What it is called.
pub(super) const LIMIT: &str = "bare stream";

/// Bytes between two publications of a cursor, of which the best is found out.
const INTERVALS: [usize; 3] = [1 << 10, 4 << 10, 16 << 10];
/// Bytes of a limit's file that are not its ring.
const HEAD: usize = 4096;

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    ThisSends,
    OtherSends,
}

/// A stream of payloads of `size` bytes between this process and another one.
pub(super) fn contestant(
    stage: &mut Stage<'_>,
    size: usize,
    interval: usize,
    direction: Direction,
) -> Result<Contestant> {
    let flow = Flow {
        via: Via::Stream {
            file: stage.file(HEAD + stage.plan.capacity)?,
            interval,
        },
        size,
        sender: 0,
        senders: 1,
    };
    let (send, receive) = (Part::Send(flow.clone()), Part::Receive(flow));
    match direction {
        Direction::ThisSends => stage.contestant(&send, &[receive]),
        Direction::OtherSends => stage.contestant(&receive, &[send]),
    }
}

/// With which interval such a stream is fastest.
pub(super) fn best_interval(
    stage: &mut Stage<'_>,
    title: &str,
    size: usize,
    direction: Direction,
) -> Result<usize> {
    let intervals = worth_trying(size, stage.plan.capacity);
    if let [only] = intervals.as_slice() {
        return Ok(*only);
    }
    let mut contestants = Vec::new();
    for interval in &intervals {
        contestants.push(contestant(stage, size, *interval, direction)?);
    }
    let title = format!("{title}: the bare stream");
    let played = try_in_turns(stage, &title, &mut contestants)?;
    stage.close(contestants)?;
    let rate = |played: &Played| match direction {
        Direction::ThisSends => rate(&played.here, &played.there[0]),
        Direction::OtherSends => rate(&played.there[0], &played.here),
    };
    let rates = played
        .iter()
        .map(|played| Spread::of(played.iter().map(rate).collect()).median);
    let best = intervals
        .iter()
        .zip(rates)
        .max_by(|(_, one), (_, other)| one.total_cmp(other));
    // There is one at least.
    Ok(best.map_or(INTERVALS[0], |(interval, _)| *interval))
}

/// The intervals that differ, for such payloads, and leave room for two of them.
fn worth_trying(size: usize, capacity: usize) -> Vec<usize> {
    let mut worth: Vec<usize> = Vec::new();
    let payloads = |interval: usize| (interval / size).max(1);
    for interval in INTERVALS {
        let differs = worth
            .iter()
            .all(|other| payloads(*other) != payloads(interval));
        let fits = 2 * payloads(interval) * size <= capacity;
        if differs && fits {
            worth.push(interval);
        }
    }
    worth
}

/// Records a second: those that have arrived, from the first that was sent to the last that was
/// received.
pub(super) fn rate(sender: &Outcome, receiver: &Outcome) -> f64 {
    receiver.count as f64 / sender.seconds_until(receiver.end)
}

/// What is said of rates.
pub(super) fn figures(rates: &[f64], limit: &[f64], size: usize) -> Vec<Figure> {
    let bytes = |rates: &[f64]| rates.iter().map(|rate| rate * size as f64).collect();
    vec![
        Figure::more("records", Unit::RecordsPerSecond, rates.into()).beside(limit.into()),
        Figure::more("bytes", Unit::BytesPerSecond, bytes(rates)).beside(bytes(limit)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_intervals_that_differ_and_fit_are_tried() {
        assert_eq!(worth_trying(8, 1 << 20), INTERVALS);
        assert_eq!(worth_trying(8, 4096), [1 << 10]);
        assert_eq!(worth_trying(2 << 10, 1 << 20), [1 << 10, 4 << 10, 16 << 10]);
        assert_eq!(worth_trying(16 << 10, 1 << 20), [1 << 10]);
        // The longest payload that a plan allows.
        assert_eq!(worth_trying(1 << 10, 4 << 10), [1 << 10]);
    }

    #[test]
    fn a_rate_is_that_of_what_has_arrived() {
        let outcome = |count, begin, end| Outcome {
            count,
            begin,
            end,
            times: None,
        };
        let sender = outcome(600, 1_000_000_000, 2_000_000_000);
        let receiver = outcome(500, 0, 3_000_000_000);
        assert_eq!(rate(&sender, &receiver), 250.0);
    }
}
