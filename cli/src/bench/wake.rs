//! Waking: what it costs the one who wakes, and how long after it the sleeper is awake.

use anyhow::Result;

use super::part::{Role, Waiting};
use super::report::Case;
use super::stage::{Played, Side, Stage, take_turns, times};
use super::talks::{self, contestant};
use crate::args::Question;

const USUAL_SIZES: [usize; 1] = [8];
/// So long, in nanoseconds, nothing is sent, so that the other one sleeps.
const PAUSE: u64 = 100_000;

/// Measures every size.
pub(super) fn measure(stage: &mut Stage<'_>) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for size in stage.plan.sizes_or(&USUAL_SIZES) {
        cases.extend(of_size(stage, size)?);
    }
    Ok(cases)
}

fn of_size(stage: &mut Stage<'_>, size: usize) -> Result<Vec<Case>> {
    let roles = (Role::Wake, Role::Sleep);
    let title = format!("wakes, {size} bytes");
    let futexes = talks::futexes(stage)?;
    let asleep = talks::rings(stage, size, Waiting::LowCpu)?;
    let words = talks::words(stage)?;
    let polling = talks::rings(stage, size, Waiting::BusySpin)?;
    let mut contestants = vec![
        contestant(stage, roles, futexes)?.with_gap(PAUSE),
        contestant(stage, roles, asleep)?.with_gap(PAUSE),
        contestant(stage, roles, words)?,
        contestant(stage, roles, polling)?,
    ];
    let played = take_turns(stage, &title, &mut contestants)?;
    stage.close(contestants)?;
    let [futexes, asleep, words, polling] = played.as_slice() else {
        unreachable!("there are four contestants");
    };
    let case = |name: &str, limit, side, ring: &[Played], bare: &[Played]| {
        let name = format!("{name}, {size} bytes");
        let (ring, bare) = (times(ring, side)?, times(bare, side)?);
        let mut case = Case::of_times(Question::Wake, name, limit, &ring, &bare)?;
        case.payload_bytes = Some(size);
        Ok::<_, anyhow::Error>(case)
    };
    Ok(vec![
        case("send that wakes", "bare futex", Side::Here, asleep, futexes)?,
        case("sleeper awake", "bare futex", Side::There, asleep, futexes)?,
        case(
            "send that wakes nobody",
            "bare store",
            Side::Here,
            polling,
            words,
        )?,
    ])
}
