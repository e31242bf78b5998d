//! Throughput: as many records as possible, one way.

use anyhow::Result;
use indicatif::HumanCount;
use mapring::spsc::Options;

use super::part::{Flow, Part, Via};
use super::report::Case;
use super::stage::{Played, Stage, take_turns};
use super::streams;
use crate::args::Question;

const USUAL_SIZES: [usize; 6] = [8, 64, 256, 1 << 10, 16 << 10, 128 << 10];
/// Records of a batch, at most.
const BATCH: usize = 256;
/// No batch takes more than this part of the ring: the receiver is to work meanwhile.
const BATCH_SHARE: usize = 4;
/// Bytes of a record that are not its payload.
const HEADER: usize = 8;

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
    let title = format!("throughput of {shown} bytes");
    let direction = streams::Direction::ThisSends;
    let interval = streams::best_interval(stage, &title, size, direction)?;
    let mut contestants = vec![streams::contestant(stage, size, interval, direction)?];
    let in_a_share = stage.plan.capacity / BATCH_SHARE / (size + HEADER);
    let batches = [1, in_a_share.clamp(1, BATCH)];
    // Where two do not fit into a share, single sends are all there is.
    let batches = if batches[1] == 1 {
        &batches[..1]
    } else {
        &batches
    };
    for batch in batches {
        let options = Options::new().capacity(stage.plan.capacity as u64);
        let flow = Flow {
            via: Via::Spsc {
                name: stage.ring(&options.max_payload(size as u64))?,
                batch: *batch,
            },
            size,
            sender: 0,
            senders: 1,
        };
        contestants.push(stage.contestant(&Part::Send(flow.clone()), &[Part::Receive(flow)])?);
    }
    let played = take_turns(stage, &title, &mut contestants)?;
    stage.close(contestants)?;
    let limit = rates(&played[0]);
    let rings = batches.iter().zip(&played[1..]);
    Ok(rings
        .map(|(batch, played)| {
            let mode = if *batch == 1 {
                "single sends"
            } else {
                "batches"
            };
            let name = format!("{shown} bytes, {mode}");
            let figures = streams::figures(&rates(played), &limit, size);
            let mut case = Case::new(Question::Throughput, name, streams::LIMIT, figures);
            case.payload_bytes = Some(size);
            case.batch = Some(*batch);
            case
        })
        .collect())
}

/// Records a second, in each round.
fn rates(played: &[Played]) -> Vec<f64> {
    let rate = |played: &Played| streams::rate(&played.here, &played.there[0]);
    played.iter().map(rate).collect()
}
