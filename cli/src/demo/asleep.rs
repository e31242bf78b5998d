//! How long it takes there and back, between two that sleep until they are woken.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use hdrhistogram::Histogram;

use super::histogram;
use super::link::Link;
use super::message::{Block, ECHO, ROUND, SLEEPING_BLOCK};
use super::round_trip::LONGEST;
use super::wait::{PATIENCE, asleep};

/// Round trips of one kind, before it is the other's turn.
const ROUNDS: u64 = 250;

/// Measures both kinds in turns, so that they see the same machine, and prints them.
pub(crate) fn run(link: &mut Link, out: &mut impl Write, time: Duration) -> Result<()> {
    let mut ring = Histogram::new_with_bounds(1, LONGEST, 3)?;
    let mut bare = ring.clone();
    let start = Instant::now();
    for number in 0.. {
        let block = Block {
            first: 1 + number * ROUNDS,
            rounds: ROUNDS,
        };
        link.there
            .send(SLEEPING_BLOCK, &block.to_bytes(), PATIENCE)?;
        bare_rounds(link, block, &mut bare)?;
        ring_rounds(link, block, &mut ring)?;
        if number == 0 {
            // The first turn only warms the caches up.
            bare.reset();
            ring.reset();
        } else if start.elapsed() >= time {
            break;
        }
    }
    histogram::print_percentiles(out, "futex", &ring, &bare)?;
    Ok(())
}

fn bare_rounds(link: &mut Link, block: Block, times: &mut Histogram<u64>) -> Result<()> {
    let Link { other, futexes, .. } = link;
    let rounds = || {
        for round in block.first..block.first + block.rounds {
            let start = Instant::now();
            // Only that both sides count alike matters.
            futexes.ping(round as u32)?;
            times.saturating_record(start.elapsed().as_nanos() as u64);
        }
        Ok(())
    };
    asleep(|| other.is_there(), rounds)
}

fn ring_rounds(link: &mut Link, block: Block, times: &mut Histogram<u64>) -> Result<()> {
    let mut payload = [0; ECHO];
    let mut answer = [0; ECHO];
    for round in block.first..block.first + block.rounds {
        payload[..8].copy_from_slice(&round.to_le_bytes());
        let start = Instant::now();
        link.ping.send(ROUND, &payload, PATIENCE)?;
        link.pong.recv(&mut answer, PATIENCE)?;
        times.saturating_record(start.elapsed().as_nanos() as u64);
        if answer != payload {
            bail!("round {round} came back with other bytes");
        }
    }
    Ok(())
}
