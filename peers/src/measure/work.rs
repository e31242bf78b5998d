//! What the two sides do, the same for every contestant.
//!
//! The first eighth of everything is warm-up: it is sent and checked like the rest, but not timed.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::Outcome;
use crate::channel::{Receiver, Sender};
use crate::check::Check;
use crate::payload::{Payload, Payloads};
use crate::question::Mode;

/// How many of so many are warm-up.
fn warm_up(records: u64) -> u64 {
    records / 8
}

/// Sends all of a producer's share.
pub(crate) fn produce<P: Payload>(
    sender: &mut impl Sender<P>,
    share: u64,
    producer: usize,
    mode: Mode,
) -> Result<()> {
    let mut payloads = Payloads::new(share, producer);
    if mode == Mode::Batch {
        while payloads.left() > 0 {
            sender.send_batch(&mut payloads)?;
        }
    } else {
        while let Some(payload) = payloads.next() {
            sender.send(payload)?;
        }
    }
    sender.finish()
}

/// Receives all that the producers send, and checks it.
pub(crate) fn consume<P: Payload>(
    receiver: &mut impl Receiver<P>,
    shares: &[u64],
    mode: Mode,
) -> Result<Outcome> {
    let total = shares.iter().sum();
    let mut check = Check::new(shares.len());
    receive_until(receiver, warm_up(total), &mut check, mode)?;
    let (begin, warm) = (Instant::now(), check.records());
    receive_until(receiver, total, &mut check, mode)?;
    let took = begin.elapsed();
    check.finish::<P>(shares)?;
    let timed = check.records() - warm;
    Ok((timed > 0).then(|| took.as_nanos() as f64 / timed as f64))
}

fn receive_until<P: Payload>(
    receiver: &mut impl Receiver<P>,
    records: u64,
    check: &mut Check,
    mode: Mode,
) -> Result<()> {
    while check.records() < records {
        if mode == Mode::Single {
            receiver.receive(|bytes| check.see::<P>(black_box(bytes)))?;
        } else {
            receiver.receive_batch(|bytes| check.see::<P>(black_box(bytes)))?;
        }
    }
    Ok(())
}

/// Sends each payload, waits until it is back, and checks that it is the same.
pub(crate) fn ask<P: Payload>(
    to: &mut impl Sender<P>,
    from: &mut impl Receiver<P>,
    rounds: u64,
) -> Result<Outcome> {
    let mut payloads = Payloads::new(rounds, 0);
    let mut check = Check::new(1);
    let outcome = time_rounds(rounds, |round| {
        if let Some(payload) = payloads.next() {
            to.send(payload)?;
        }
        from.receive(|bytes| check.see::<P>(bytes))?;
        ensure!(
            check.records() == round + 1,
            "more than one answer came back"
        );
        Ok(())
    })?;
    check.finish::<P>(&[rounds])?;
    to.finish()?;
    Ok(outcome)
}

/// Sends back whatever comes.
pub(crate) fn answer<P: Payload>(
    from: &mut impl Receiver<P>,
    to: &mut impl Sender<P>,
    rounds: u64,
) -> Result<()> {
    let mut payload = P::zeroed();
    for _ in 0..rounds {
        let mut length = P::BYTES;
        from.receive(|bytes| {
            length = bytes.len();
            if length == P::BYTES {
                payload.bytes_mut().copy_from_slice(bytes);
            }
        })?;
        ensure!(
            length == P::BYTES,
            "{length} bytes arrived, not {}",
            P::BYTES
        );
        to.send(&payload)?;
    }
    to.finish()
}

/// Times so many rounds, numbered from zero; the first of them are warm-up.
pub(crate) fn time_rounds(
    rounds: u64,
    mut round: impl FnMut(u64) -> Result<()>,
) -> Result<Outcome> {
    let warm = warm_up(rounds);
    (0..warm).try_for_each(&mut round)?;
    let begin = Instant::now();
    (warm..rounds).try_for_each(&mut round)?;
    let took = begin.elapsed().as_nanos() as f64;
    Ok((rounds > warm).then(|| took / (rounds - warm) as f64))
}
