//! One of the producers.

use std::io::{self, Read};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mapring::mpsc::{Options, Producer};

use crate::args::DemoProducerArgs;
use crate::demo::wait::PATIENCE;

use super::content;

/// A payload is written in so many parts.
const PARTS: usize = 4;
/// Passes between two parts.
const PAUSE: Duration = Duration::from_micros(5);

/// Sends for the time that it is given, and says at last how much.
pub(crate) fn run(args: &DemoProducerArgs) -> Result<()> {
    let ring = Options::new().prefault(true).open(&args.name)?;
    let mut producer = ring.producer()?;
    // All begin together: at a byte from the first process, which has gone if there is none.
    let go = io::stdin().read_exact(&mut [0]);
    go.context("the first process is gone")?;
    let end = Instant::now() + args.seconds;
    let mut payload = Vec::new();
    let mut sent = 0_u64;
    while Instant::now() < end {
        content::write(args.number, sent, &mut payload);
        send_slowly(&mut producer, content::tag(args.number), &payload)?;
        sent += 1;
    }
    producer.send(content::end_tag(args.number), &sent.to_le_bytes(), PATIENCE)?;
    Ok(())
}

/// Claims room, and takes its time to fill it.
fn send_slowly(producer: &mut Producer, tag: u32, payload: &[u8]) -> Result<()> {
    let mut claim = producer.claim(payload.len(), PATIENCE)?;
    let part = payload.len().div_ceil(PARTS);
    for (number, bytes) in payload.chunks(part).enumerate() {
        claim.write(number * part, bytes);
        let pause = Instant::now();
        while pause.elapsed() < PAUSE {
            // There may be more producers than cores.
            thread::yield_now();
        }
    }
    claim.commit(tag);
    Ok(())
}
