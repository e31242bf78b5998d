//! A flow through bare shared memory: the limit of the others.

use std::path::Path;

use anyhow::Result;
use mapring_limits::{PayloadReceiver, PayloadSender};

use super::seen::Seen;
use super::{LAST, send_until_over, write_number};
use crate::bench::clock;
use crate::bench::part::channel::open_file;
use crate::bench::part::payload::Payload;
use crate::bench::part::{Outcome, Play, Turn};
use crate::bench::watch::{Slices, Watch};

pub(super) struct Sender<P> {
    stream: PayloadSender,
    payload: P,
    slices: Slices,
}

impl<P: Payload> Sender<P> {
    pub(super) fn open(file: &Path, interval: usize, payload: P) -> Result<Self> {
        let file = open_file(file)?;
        // SAFETY: the first process makes the file for one stream of payloads of this size, which has
        // one sender and one receiver, and neither of them is made twice; nobody shortens it.
        let stream = unsafe { PayloadSender::new(&file, payload.as_ref().len(), interval) }?;
        Ok(Self {
            stream,
            payload,
            slices: Slices::new(),
        })
    }
}

impl<P: Payload> Play for Sender<P> {
    fn play(&mut self, turn: &Turn, watch: &Watch) -> Result<Outcome> {
        let Self {
            stream,
            payload,
            slices,
        } = self;
        let size = payload.as_ref().len();
        let outcome = send_until_over(turn, watch, size, |numbers| {
            for number in numbers {
                write_number(payload.as_mut(), number);
                slices.wait(watch, |until| stream.send(payload.as_ref(), until))?;
            }
            Ok(())
        })?;
        write_number(payload.as_mut(), LAST);
        slices.wait(watch, |until| stream.send(payload.as_ref(), until))?;
        stream.publish();
        Ok(outcome)
    }
}

pub(super) struct Receiver<P> {
    stream: PayloadReceiver,
    payload: P,
    slices: Slices,
}

impl<P: Payload> Receiver<P> {
    pub(super) fn open(file: &Path, interval: usize, payload: P) -> Result<Self> {
        let file = open_file(file)?;
        // SAFETY: as in `Sender::open`.
        let stream = unsafe { PayloadReceiver::new(&file, payload.as_ref().len(), interval) }?;
        Ok(Self {
            stream,
            payload,
            slices: Slices::new(),
        })
    }
}

impl<P: Payload> Play for Receiver<P> {
    fn play(&mut self, turn: &Turn, watch: &Watch) -> Result<Outcome> {
        let Self {
            stream,
            payload,
            slices,
        } = self;
        let mut seen = Seen::new(1);
        while !seen.is_over() {
            slices.wait(watch, |until| stream.receive(payload.as_mut(), until))?;
            seen.see(0, payload.as_ref());
        }
        Ok(Outcome {
            count: seen.count()?,
            begin: turn.begin,
            end: clock::now(),
            times: None,
        })
    }
}
