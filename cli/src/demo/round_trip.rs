//! How long it takes there and back.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use hdrhistogram::Histogram;

use crate::spin::{receive, send};

use super::histogram;
use super::link::Link;
use super::message::{BLOCK, Block, ECHO, ROUND};
use super::wait::{PATIENCE, in_time};

/// Round trips of one kind, before it is the other's turn.
const ROUNDS: u64 = 2000;
/// Longer ones count as that, in nanoseconds.
pub(crate) const LONGEST: u64 = 10_000_000_000;

/// Measures both kinds in turns, so that they see the same machine, and prints them.
pub(crate) fn run(link: &mut Link, out: &mut impl Write, time: Duration) -> Result<()> {
    let mut ring = Histogram::new_with_bounds(1, LONGEST, 3)?;
    let mut raw = ring.clone();
    let start = Instant::now();
    for number in 0.. {
        let block = Block {
            first: 1 + number * ROUNDS,
            rounds: ROUNDS,
        };
        link.there.send(BLOCK, &block.to_bytes(), PATIENCE)?;
        raw_rounds(link, block, &mut raw)?;
        ring_rounds(link, block, &mut ring)?;
        if number == 0 {
            // The first turn only warms the caches up.
            raw.reset();
            ring.reset();
        } else if start.elapsed() >= time {
            break;
        }
    }
    histogram::print(out, &ring, &raw)?;
    Ok(())
}

fn raw_rounds(link: &Link, block: Block, times: &mut Histogram<u64>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    for round in block.first..block.first + block.rounds {
        let start = Instant::now();
        link.raw.ping(round, deadline)?;
        times.saturating_record(start.elapsed().as_nanos() as u64);
    }
    Ok(())
}

fn ring_rounds(link: &mut Link, block: Block, times: &mut Histogram<u64>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut payload = [0; ECHO];
    let mut answer = [0; ECHO];
    for round in block.first..block.first + block.rounds {
        payload[..8].copy_from_slice(&round.to_le_bytes());
        let start = Instant::now();
        send(&mut link.ping, ROUND, &payload, || in_time(deadline))?;
        receive(&mut link.pong, &mut answer, || in_time(deadline))?;
        times.saturating_record(start.elapsed().as_nanos() as u64);
        if answer != payload {
            bail!("round {round} came back with other bytes");
        }
    }
    Ok(())
}
