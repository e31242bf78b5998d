//! What a contestant must be able to do.

use std::path::Path;

use anyhow::{Context, Result};

use crate::payload::{Payload, Payloads};

/// Bytes of room that every contestant has, as far as it can be told to.
pub(crate) const ROOM: usize = 1 << 20;
/// Records of one batch at most.
const BATCH: usize = 256;

/// The sending end.
pub(crate) trait Sender<P: Payload> {
    /// Sends one payload; waits while there is no room.
    ///
    /// # Errors
    /// What the contestant says, or that the other side does nothing.
    fn send(&mut self, payload: &P) -> Result<()>;

    /// Sends one payload at least, as many at once as is best, if a contestant has a call for that.
    ///
    /// # Errors
    /// As [`Sender::send`].
    #[inline(always)]
    fn send_batch(&mut self, payloads: &mut Payloads<P>) -> Result<()> {
        match payloads.next() {
            Some(payload) => self.send(payload),
            None => Ok(()),
        }
    }

    /// Lets all that was sent be received; nothing is sent afterwards.
    ///
    /// # Errors
    /// As [`Sender::send`].
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

/// The receiving end.
pub(crate) trait Receiver<P: Payload> {
    /// Waits for one payload and shows it to `see`.
    ///
    /// # Errors
    /// What the contestant says, or that the other side does nothing.
    fn receive(&mut self, see: impl FnMut(&[u8])) -> Result<()>;

    /// Waits for one payload at least and shows `see` as many as are best received at once, if a
    /// contestant has a call for that.
    ///
    /// # Errors
    /// As [`Receiver::receive`].
    #[inline(always)]
    fn receive_batch(&mut self, see: impl FnMut(&[u8])) -> Result<()> {
        self.receive(see)
    }
}

/// How a receiver waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// By looking, over and over.
    Busy,
    /// Asleep in the kernel.
    Asleep,
    /// As moves most, of a stream.
    Freely,
}

/// What a channel is for.
#[derive(Clone, Debug)]
pub(crate) struct Size {
    /// Producers; one, but for many to one.
    pub(crate) producers: usize,
    /// In a producer's process, its number.
    pub(crate) producer: usize,
    /// Payloads that there is room for.
    pub(crate) slots: usize,
    /// Payloads of one batch at most.
    pub(crate) batch: usize,
    /// How the receiver waits.
    pub(crate) wait: Wait,
}

impl Size {
    /// For payloads of so many bytes.
    pub(crate) fn new(bytes: usize, producers: usize, wait: Wait) -> Self {
        let slots = (ROOM / bytes).next_power_of_two();
        Self {
            producers,
            producer: 0,
            slots,
            batch: BATCH.min(slots / 16),
            wait,
        }
    }
}

/// A sender for each producer, and the receiver.
pub(crate) type Opened<S, R> = (Vec<S>, R);

/// A channel between threads of one process.
pub(crate) trait Threads {
    /// Its sending end.
    type Sender<P: Payload>: Sender<P> + Send;
    /// Its receiving end.
    type Receiver<P: Payload>: Receiver<P> + Send;

    /// Makes one, with a sender for each producer.
    ///
    /// # Errors
    /// What the contestant says.
    fn open<P: Payload>(size: &Size) -> Result<Opened<Self::Sender<P>, Self::Receiver<P>>>;
}

/// One of the two ends of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Sender,
    Receiver,
}

/// A channel between processes: one creates it, the others join it, and each takes one end.
pub(crate) trait Processes {
    /// Created or joined, before an end is taken.
    type Channel<P: Payload>;
    /// Its sending end.
    type Sender<P: Payload>: Sender<P>;
    /// Its receiving end.
    type Receiver<P: Payload>: Receiver<P>;

    /// Makes one, of which this process will take `end`. The text is all that another process needs
    /// to join it, besides the same `size`; file descriptors without `CLOEXEC` are the same there.
    ///
    /// No file is at `path`, which is in a folder in shared memory that is removed afterwards with
    /// all that is in it. Names elsewhere in shared memory must begin with that folder's, to be
    /// removed too.
    ///
    /// # Errors
    /// What the contestant says.
    fn create<P: Payload>(path: &Path, end: End, size: &Size)
    -> Result<(Self::Channel<P>, String)>;

    /// Joins the one that another process has created and described by `ticket`.
    ///
    /// # Errors
    /// What the contestant says.
    fn join<P: Payload>(ticket: &str, size: &Size) -> Result<Self::Channel<P>>;

    /// Takes the sending end. Each producer does, in a process of its own.
    ///
    /// # Errors
    /// What the contestant says.
    fn sender<P: Payload>(channel: Self::Channel<P>) -> Result<Self::Sender<P>>;

    /// Takes the receiving end.
    ///
    /// # Errors
    /// What the contestant says.
    fn receiver<P: Payload>(channel: Self::Channel<P>) -> Result<Self::Receiver<P>>;
}

/// The path as text, for tickets.
pub(crate) fn text(path: &Path) -> Result<String> {
    let text = path.to_str().context("the path of a folder is no text")?;
    Ok(text.to_owned())
}
