//! How batches start: in a ring of one producer with nothing said before, in one of many
//! with the room that they will need, for others claim what is behind that.

use crate::error::{SendError, TrySendError};
use crate::memory::Memory;
use crate::os::wait::Deadline;
use crate::ring::mpsc::Mpsc;
use crate::ring::spsc::Spsc;
use crate::wakeups::Signal;

use super::{Batch, Producer};

impl<M: Memory> Producer<Spsc, M> {
    /// Starts a batch of records that are sent all at once, or not at all.
    ///
    /// # Errors
    /// [`TrySendError::Forked`] in a child of the process that made this producer.
    #[inline]
    pub fn batch(&mut self) -> Result<Batch<'_, Spsc, M>, TrySendError> {
        self.check_process()?;
        let signal = Signal::new(&mut self.waking, self.attachment.region());
        Ok(Batch::new(self.ring.batch(), &self.process, signal))
    }
}

impl<M: Memory> Producer<Mpsc, M> {
    /// Starts a batch of records that are sent all at once, or not at all, and sets `room` bytes of
    /// the ring aside for it: the sum of what [`record_size`](Producer::record_size) says of its
    /// payloads. What it does not use is skipped.
    ///
    /// # Errors
    /// [`TrySendError`]; [`TooMuchRoom`](TrySendError::TooMuchRoom) when the ring never has so much
    /// room at once.
    ///
    /// ```
    /// # use mapring::mpsc::Options;
    /// # let ring = Options::new().create(&format!("doc-room-{}", std::process::id()))?;
    /// # let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
    /// let room = producer.record_size(5) + producer.record_size(6);
    /// let mut batch = producer.try_batch(room)?;
    /// batch.push(1, b"debit")?;
    /// batch.push(2, b"credit")?;
    /// batch.publish();
    /// # assert_eq!(consumer.drain(10, |_| ())?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_batch(&mut self, room: usize) -> Result<Batch<'_, Mpsc, M>, TrySendError> {
        self.check_process()?;
        // Before: a claim that fails may have aborted one that was leaked.
        let signal = Signal::new(&mut self.waking, self.attachment.region());
        let batch = self.ring.try_batch(room)?;
        Ok(Batch::new(batch, &self.process, signal))
    }

    /// As [`Producer::try_batch`], waiting for the room until the deadline.
    ///
    /// # Errors
    /// As [`Producer::send`].
    pub fn batch(
        &mut self,
        room: usize,
        deadline: impl Into<Deadline>,
    ) -> Result<Batch<'_, Mpsc, M>, SendError> {
        self.check_process().map_err(TrySendError::without_full)?;
        let size = self
            .ring
            .batch_size(room)
            .map_err(TrySendError::without_full)?;
        let extent = self.repeat(size, deadline.into(), |ring| ring.reserve_batch(room))?;
        let signal = Signal::new(&mut self.waking, self.attachment.region());
        let batch = self.ring.batch_in(&extent);
        Ok(Batch::new(batch, &self.process, signal))
    }
}
