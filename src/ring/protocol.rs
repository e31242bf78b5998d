//! What rings of one and of many producers have in common, and in what they differ.

use core::fmt::Debug;

use crate::error::{Corrupt, TrySendError};
use crate::layout::{Geometry, Kind, Word};
use crate::memory::Memory;

use super::{Claim, Position};

/// A kind of ring. Its consumers are those of this protocol.
pub trait Protocol: Copy + Debug + Send + Sync + 'static {
    /// What its regions call it.
    const KIND: Kind;

    /// Its sending side.
    type Producer<M: Memory>: Produce<Memory = M> + Debug;

    /// Takes producer slot `index` over, whose lock the caller holds. `None` while what its dead
    /// holder may have claimed is unresolved.
    ///
    /// # Errors
    /// [`Corrupt`] when the cursors, or the headers behind TAIL, cannot be.
    fn attach<M: Memory>(
        memory: M,
        geometry: Geometry,
        index: usize,
    ) -> Result<Option<Self::Producer<M>>, Corrupt>;

    /// The same producer over another view of the same memory. Only one of the two may go on.
    fn over<M: Memory, N: Memory>(producer: &Self::Producer<M>, memory: N) -> Self::Producer<N>;
}

/// The sending side of a ring.
pub trait Produce: Sized {
    /// What the ring lives in.
    type Memory: Memory;

    /// Copies `payload` into the ring and publishes it.
    ///
    /// # Errors
    /// [`TrySendError::Full`], [`TrySendError::TooLong`] or [`TrySendError::Corrupt`]; nothing was
    /// sent.
    fn try_send(&mut self, tag: u32, payload: &[u8]) -> Result<(), TrySendError>;

    /// Sets room for a payload of `len` bytes aside, which is then published or aborted.
    ///
    /// # Errors
    /// As [`Produce::try_send`].
    fn reserve(&mut self, len: usize) -> Result<Extent, TrySendError>;

    /// Sets aside room for a payload of `len` bytes, to be written in place.
    ///
    /// # Errors
    /// As [`Produce::try_send`].
    #[inline(always)]
    fn try_claim(&mut self, len: usize) -> Result<Claim<'_, Self>, TrySendError> {
        let extent = self.reserve(len)?;
        Ok(Claim::new(self, extent, len))
    }

    /// Finds room for a payload of `len` bytes behind `from`, for the next record of a
    /// batch that may go on up to `limit`.
    ///
    /// # Errors
    /// As [`Produce::try_send`].
    fn reserve_in_batch(
        &mut self,
        from: Position,
        limit: Position,
        len: usize,
    ) -> Result<Extent, TrySendError>;

    /// Publishes what stands in `extent`, which is `records` records, by storing the header of
    /// the first. It is all that was reserved.
    fn publish(&mut self, header: u64, extent: &Extent, records: u64);

    /// As [`Produce::publish`], for the record that room was just set aside for.
    #[inline(always)]
    fn publish_claim(&mut self, header: u64, extent: &Extent) {
        self.publish(header, extent, 1);
    }

    /// As [`Produce::publish`], for a batch that may end before `limit`, or hold nothing at all.
    fn publish_batch(&mut self, header: u64, extent: &Extent, limit: Position, records: u64);

    /// To be called once for each reservation that is not published: gives up what was reserved
    /// from `extent.start` up to `limit`.
    fn abort(&mut self, extent: &Extent, limit: Position);

    /// What is to be done before nobody uses this producer any more. Returns whether there was a
    /// claim that was leaked, which is aborted: then what is behind it can be received.
    fn leave(&mut self) -> bool;

    /// Whether at least `bytes` bytes of the ring are free. Made to be called again and
    /// again: it looks at the words of other producers only when the consumer has released something.
    ///
    /// # Errors
    /// [`Corrupt`], now or before.
    fn has_room(&mut self, bytes: usize) -> Result<bool, Corrupt>;

    /// How far HEAD must come, by what was seen last, so that `bytes` bytes are free.
    fn head_wanted(&self, bytes: usize) -> Position;

    /// Bytes of the ring that are free for records and their headers now, at least.
    ///
    /// # Errors
    /// [`Corrupt`], now or before.
    fn free(&mut self) -> Result<usize, Corrupt>;

    /// Whether the consumer has released everything up to `position`.
    ///
    /// # Errors
    /// [`Corrupt`], now or before.
    fn is_released(&mut self, position: Position) -> Result<bool, Corrupt>;

    /// The end of what this producer has sent last, or of what was sent before it came.
    fn position(&self) -> Position;

    /// The shape of the ring.
    fn geometry(&self) -> &Geometry;

    /// The memory that the ring lives in.
    fn memory(&self) -> &Self::Memory;

    /// The same, for who vouches for its peers.
    fn memory_mut(&mut self) -> &mut Self::Memory;

    /// Counts a blocking call that has to wait.
    fn count_wait(&mut self);

    /// Counts a sleep, and whether only the clock has ended it though there was room.
    fn count_sleep(&mut self, is_late: bool);

    /// Shows the counters to observers.
    fn show_counters(&mut self);

    /// Remembers what was seen: nothing more is sent.
    fn poison(&mut self, corrupt: Corrupt) -> Corrupt;
}

/// Where a record goes, or a batch of them. The words are computed before the first store,
/// behind which the compiler would load again what they are made of.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// The position of the first header.
    pub(super) start: Position,
    /// The first header.
    pub(super) at: Word,
    /// The header behind the last record.
    pub(super) next: Word,
    /// The position of that.
    pub(super) end: Position,
}

impl Extent {
    /// Everything from `start` up to `end`.
    #[inline(always)]
    pub(super) fn new(start: Position, end: Position, geometry: &Geometry) -> Self {
        Self {
            start,
            at: start.word(geometry),
            next: end.word(geometry),
            end,
        }
    }

    /// The first payload.
    #[inline]
    pub(super) fn payload(&self) -> Word {
        self.at.next()
    }
}
