//! Round trips: how long a message takes there and back; and one way, when its time has come.

use anyhow::Result;
use indicatif::HumanCount;

use super::part::{Role, Waiting};
use super::report::{Case, Figure, Unit};
use super::stage::{Contestant, Played, Side, Stage, take_turns, times};
use super::talks::{self, Ways, contestant};
use crate::args::Question;

/// With its header, it is a cache line.
const USUAL_SIZES: [usize; 1] = [56];
/// The longest payload that can be on two lines with its header. Up to there the limit is one line
/// each way: what a second line costs is the ring's to answer for.
const TWO_LINES: usize = 120;
/// Less than this part of the rate means that it was not kept.
const KEPT: f64 = 0.99;

/// Measures every size.
pub(super) fn measure(stage: &mut Stage<'_>) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for size in stage.plan.sizes_or(&USUAL_SIZES) {
        cases.extend(round_trips(stage, size)?);
        if let Some(rate) = stage.plan.rate {
            cases.extend(paced(stage, size, rate)?);
        }
    }
    Ok(cases)
}

/// The limits, in the order in which they take their turns.
const POLLING: usize = 0;
const ASLEEP: usize = 1;
/// Before the rings.
const LIMITS: usize = 2;

/// The limits, and a ring for each way to wait.
fn contestants(stage: &mut Stage<'_>, roles: (Role, Role), size: usize) -> Result<Vec<Contestant>> {
    let polling: Ways = if size <= TWO_LINES {
        talks::words(stage)?
    } else {
        talks::buffers(stage, size)?
    };
    let asleep = talks::futexes(stage)?;
    let mut contestants = vec![
        contestant(stage, roles, polling)?,
        contestant(stage, roles, asleep)?,
    ];
    for waiting in stage.plan.waits.clone() {
        let rings = talks::rings(stage, size, waiting)?;
        contestants.push(contestant(stage, roles, rings)?);
    }
    Ok(contestants)
}

/// Which limit those have who wait in this way, and what it is called. Who spins first may be as
/// fast as who only spins.
fn limit_of(waiting: Waiting, size: usize) -> (usize, &'static str) {
    match waiting {
        Waiting::LowCpu => (ASLEEP, "bare futex"),
        Waiting::BusySpin | Waiting::Balanced if size <= TWO_LINES => (POLLING, "bare cache line"),
        Waiting::BusySpin | Waiting::Balanced => (POLLING, "bare copy"),
    }
}

/// What those do who wait, in a word or two.
fn called(waiting: Waiting) -> &'static str {
    match waiting {
        Waiting::BusySpin => "polling",
        Waiting::Balanced => "by default",
        Waiting::LowCpu => "asleep",
    }
}

fn round_trips(stage: &mut Stage<'_>, size: usize) -> Result<Vec<Case>> {
    let mut contestants = contestants(stage, (Role::Ping, Role::Pong), size)?;
    let title = format!("round trips of {size} bytes");
    let played = take_turns(stage, &title, &mut contestants)?;
    stage.close(contestants)?;
    let mut cases = Vec::new();
    for (number, waiting) in stage.plan.waits.iter().enumerate() {
        let (limit, limit_name) = limit_of(*waiting, size);
        let name = format!("{}, {} bytes", called(*waiting), HumanCount(size as u64));
        let ring = times(&played[LIMITS + number], Side::Here)?;
        let bare = times(&played[limit], Side::Here)?;
        let mut case = Case::of_times(Question::Rtt, name, limit_name, &ring, &bare)?;
        case.payload_bytes = Some(size);
        case.wait = Some(*waiting);
        cases.push(case);
    }
    Ok(cases)
}

/// At so many messages a second, one way.
fn paced(stage: &mut Stage<'_>, size: usize, rate: u32) -> Result<Vec<Case>> {
    let gap = 1_000_000_000 / u64::from(rate);
    let contestants = contestants(stage, (Role::Pace, Role::Hear), size)?;
    let contestants = contestants.into_iter();
    let mut contestants: Vec<_> = contestants.map(|one| one.with_gap(gap)).collect();
    let title = format!("{} messages a second", HumanCount(u64::from(rate)));
    let played = take_turns(stage, &title, &mut contestants)?;
    stage.close(contestants)?;
    let mut cases = Vec::new();
    for (number, waiting) in stage.plan.waits.iter().enumerate() {
        let (limit, limit_name) = limit_of(*waiting, size);
        let (ring, bare) = (&played[LIMITS + number], &played[limit]);
        let name = format!(
            "one way at {}/s, {}, {} bytes",
            HumanCount(u64::from(rate)),
            called(*waiting),
            HumanCount(size as u64)
        );
        let (ring_times, bare_times) = (times(ring, Side::There)?, times(bare, Side::There)?);
        let mut case = Case::of_times(Question::Rtt, name, limit_name, &ring_times, &bare_times)?;
        case.payload_bytes = Some(size);
        case.wait = Some(*waiting);
        let sent = |played: &[Played]| played.iter().map(|played| sent(played, gap)).collect();
        let sent = Figure::more("sent", Unit::RecordsPerSecond, sent(ring)).beside(sent(bare));
        case.note = rate_note(&sent, 1e9 / gap as f64);
        case.figures.push(sent);
        cases.push(case);
    }
    Ok(cases)
}

/// Messages a second, which are not more than were due.
fn sent(played: &Played, gap: u64) -> f64 {
    let sender = &played.here;
    let took = (sender.end - sender.begin).max(sender.count * gap);
    sender.count as f64 / (took.max(1) as f64 / 1e9)
}

/// Said when the rate was not kept.
fn rate_note(sent: &Figure, rate: f64) -> Option<String> {
    let least = |name, spread: &super::spread::Spread| {
        (spread.min < KEPT * rate).then(|| {
            let least = HumanCount(spread.min as u64);
            format!("{name} did not keep the rate: {least}/s in one round")
        })
    };
    let of_limit = sent
        .limit
        .as_ref()
        .and_then(|limit| least("the limit", limit));
    least("the sender", &sent.value).or(of_limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(ring: f64, bare: f64) -> Option<String> {
        let sent = Figure::more("sent", Unit::RecordsPerSecond, vec![1000.0, ring]);
        rate_note(&sent.beside(vec![bare, 1000.0]), 1000.0)
    }

    #[test]
    fn a_rate_that_was_not_kept_is_told() {
        assert_eq!(note(995.0, 1000.0), None);
        assert!(
            note(980.0, 1000.0)
                .unwrap()
                .contains("the sender did not keep the rate: 980/s")
        );
        assert!(
            note(1000.0, 500.0)
                .unwrap()
                .contains("the limit did not keep the rate: 500/s")
        );
    }
}
