//! What is sent: payloads whose size and alignment the compiler knows.

use std::fmt::Debug;
use std::hint::black_box;

use bytemuck::{Pod, Zeroable};
use mapring_limits::{StreamReceiver, StreamSender};
use zerocopy::{AsBytes, FromBytes};

use crate::channel::{Receiver, Sender};
use crate::contestants::limits::Raw;

/// A payload: so many bytes. Those of a cache line and more start where a line starts, wherever a
/// contestant stores values as they are.
pub(crate) trait Payload: Pod + Debug + Send + Sync {
    /// Bytes of it.
    const BYTES: usize = size_of::<Self>();

    /// The same bytes, for contestants that take plain arrays only.
    type Array: Pod + AsBytes + FromBytes;

    /// The sender of [`mapring_limits`] for so many bytes.
    type RawSender: Raw + Sender<Self> + Send;
    /// The receiver of [`mapring_limits`] for so many bytes.
    type RawReceiver: Raw + Receiver<Self> + Send;

    /// Its bytes.
    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        bytemuck::bytes_of(self)
    }

    /// Its bytes.
    #[inline(always)]
    fn bytes_mut(&mut self) -> &mut [u8] {
        bytemuck::bytes_of_mut(self)
    }
}

/// Less than a cache line: so many words.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct Words<const WORDS: usize>([u64; WORDS]);

/// Whole cache lines: a multiple of eight words.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Lines<const WORDS: usize>([u64; WORDS]);

// SAFETY: zeros are words.
unsafe impl<const WORDS: usize> Zeroable for Words<WORDS> {}
// SAFETY: it is an array of words and nothing else.
unsafe impl<const WORDS: usize> Pod for Words<WORDS> {}
// SAFETY: zeros are words.
unsafe impl<const WORDS: usize> Zeroable for Lines<WORDS> {}
// SAFETY: it is an array of words and, as these fill whole lines, has no padding; that they do is
// asserted for each `Payload` below.
unsafe impl<const WORDS: usize> Pod for Lines<WORDS> {}

impl Payload for Words<1> {
    type Array = [u8; 8];
    type RawSender = StreamSender<8>;
    type RawReceiver = StreamReceiver<8>;
}

impl Payload for Words<7> {
    type Array = [u8; 56];
    type RawSender = StreamSender<56>;
    type RawReceiver = StreamReceiver<56>;
}

impl Payload for Lines<8> {
    type Array = [u8; 64];
    type RawSender = StreamSender<64>;
    type RawReceiver = StreamReceiver<64>;
}

impl Payload for Lines<128> {
    type Array = [u8; 1024];
    type RawSender = StreamSender<1024>;
    type RawReceiver = StreamReceiver<1024>;
}

impl Payload for Lines<2048> {
    type Array = [u8; 16384];
    type RawSender = StreamSender<16384>;
    type RawReceiver = StreamReceiver<16384>;
}

const _: () = assert!(size_of::<Lines<8>>() == 64);
const _: () = assert!(size_of::<Lines<128>>() == 1024);
const _: () = assert!(size_of::<Lines<2048>>() == 16384);

/// The payloads that one producer sends, one after the other: word 0 is a count from zero on,
/// word 1 the producer's number, and the others are always the same.
#[derive(Debug)]
pub(crate) struct Payloads<P> {
    payload: P,
    next: u64,
    end: u64,
}

impl<P: Payload> Payloads<P> {
    /// So many, of this producer. Payloads of one word do not tell who sent them.
    pub(crate) fn new(count: u64, producer: usize) -> Self {
        let mut payload = P::zeroed();
        let words = payload.bytes_mut().chunks_exact_mut(8);
        for (index, word) in words.enumerate().skip(1) {
            let value = if index == 1 {
                producer as u64
            } else {
                constant(index)
            };
            word.copy_from_slice(&value.to_ne_bytes());
        }
        Self {
            payload,
            next: 0,
            end: count,
        }
    }

    /// How many there are still.
    #[inline(always)]
    pub(crate) fn left(&self) -> usize {
        (self.end - self.next) as usize
    }

    /// Offers one after the other, `limit` at most, as long as `take` takes them. Returns how many
    /// it took; what it did not take comes again.
    #[inline(always)]
    pub(crate) fn offer(&mut self, limit: usize, mut take: impl FnMut(&P) -> bool) -> usize {
        let mut taken = 0;
        while taken < limit {
            let Some(payload) = self.next() else { break };
            if !take(payload) {
                self.next -= 1;
                break;
            }
            taken += 1;
        }
        taken
    }

    /// The next one, if there is one.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<&P> {
        if self.next == self.end {
            return None;
        }
        self.payload.bytes_mut()[..8].copy_from_slice(&self.next.to_ne_bytes());
        self.next += 1;
        Some(black_box(&self.payload))
    }
}

/// Word `index` of every payload, from the third on.
pub(crate) fn constant(index: usize) -> u64 {
    (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
