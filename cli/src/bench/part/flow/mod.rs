//! As many records as possible, one way.

mod ring;
mod seen;
mod stream;

use std::path::PathBuf;

use anyhow::Result;
use mapring::generic::{Mpsc, Spsc};
use serde::{Deserialize, Serialize};

use super::payload::{Make, Payload, with_payload};
use super::{Outcome, Play, Turn};
use crate::bench::clock;
use crate::bench::watch::Watch;

/// The clock is read once in so many bytes.
const CLOCK_EVERY: usize = 64 << 10;
/// Instead of the number of a record: it is the last one of its sender.
const LAST: u64 = u64::MAX;

/// A flow of payloads of one size.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Flow {
    pub(crate) via: Via,
    /// Bytes of a payload: eight at least, which hold its number.
    pub(crate) size: usize,
    /// Which of the senders this is, from 0.
    pub(crate) sender: u32,
    /// How many there are.
    pub(crate) senders: u32,
}

/// What payloads flow through.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Via {
    /// Bare shared memory, with a cursor that is published once in so many bytes.
    Stream { file: PathBuf, interval: usize },
    /// The ring of that name, which has one producer; at most so many records in a batch.
    Spsc { name: String, batch: usize },
    /// The ring of that name, which has many.
    Mpsc { name: String },
}

impl Flow {
    pub(super) fn open_sender(&self) -> Result<Box<dyn Play>> {
        with_payload(self.size, OfSender(self))
    }

    pub(super) fn open_receiver(&self) -> Result<Box<dyn Play>> {
        with_payload(self.size, OfReceiver(self))
    }
}

struct OfSender<'a>(&'a Flow);

impl Make for OfSender<'_> {
    fn make<P: Payload>(self, payload: P) -> Result<Box<dyn Play>> {
        let flow = self.0;
        Ok(match &flow.via {
            Via::Stream { file, interval } => {
                Box::new(stream::Sender::open(file, *interval, payload)?)
            }
            Via::Spsc { name, batch: 1 } => {
                Box::new(ring::Sender::<Spsc, P>::open(name, flow.sender, payload)?)
            }
            Via::Spsc { name, batch } => Box::new(ring::BatchSender::open(name, *batch, payload)?),
            Via::Mpsc { name } => {
                Box::new(ring::Sender::<Mpsc, P>::open(name, flow.sender, payload)?)
            }
        })
    }
}

struct OfReceiver<'a>(&'a Flow);

impl Make for OfReceiver<'_> {
    fn make<P: Payload>(self, payload: P) -> Result<Box<dyn Play>> {
        let flow = self.0;
        Ok(match &flow.via {
            Via::Stream { file, interval } => {
                Box::new(stream::Receiver::open(file, *interval, payload)?)
            }
            Via::Spsc { name, .. } => Box::new(ring::Receiver::<Spsc, P>::open(
                name,
                flow.senders,
                payload,
            )?),
            Via::Mpsc { name } => Box::new(ring::Receiver::<Mpsc, P>::open(
                name,
                flow.senders,
                payload,
            )?),
        })
    }
}

/// Lets `send` send records, which it is given the numbers of, until the turn is over.
#[inline(always)]
fn send_until_over(
    turn: &Turn,
    watch: &Watch,
    size: usize,
    mut send: impl FnMut(std::ops::Range<u64>) -> Result<()>,
) -> Result<Outcome> {
    let at_once = (CLOCK_EVERY / size).clamp(1, 1024) as u64;
    let over = turn.wait_for_begin(watch)?;
    let begin = clock::now();
    let mut count = 0;
    let end = loop {
        send(count..count + at_once)?;
        count += at_once;
        let now = clock::now();
        if now >= over {
            break now;
        }
    };
    Ok(Outcome {
        count,
        begin,
        end,
        times: None,
    })
}

/// Writes the number of a record into its payload.
#[inline(always)]
fn write_number(payload: &mut [u8], number: u64) {
    payload[..8].copy_from_slice(&number.to_le_bytes());
}
