//! What a consumer is handed, and where it may put it.

use std::ops::Deref;

use crate::memory::Memory;
use crate::os::mapped::{Mapped, TrustedMapped};
use crate::ring as protocol;

/// What is known of a record whose payload was copied out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Received {
    /// What the producer says the bytes are.
    pub tag: u32,
    /// Bytes of payload.
    pub len: usize,
}

/// Where a payload can be copied to: a `Vec<u8>`, which becomes as long as the
/// payload, or a slice or array of bytes, which must be long enough.
pub trait Buffer: sealed::Buffer {}

impl Buffer for Vec<u8> {}
impl Buffer for [u8] {}
impl<const N: usize> Buffer for [u8; N] {}

pub(super) mod sealed {
    pub trait Buffer {
        /// Room for `len` bytes at least, or else how many bytes there are. It is longer where its
        /// length is known to the compiler: then the copy's often is, too.
        fn room(&mut self, len: usize) -> Result<&mut [u8], usize>;
    }

    impl Buffer for Vec<u8> {
        #[inline]
        fn room(&mut self, len: usize) -> Result<&mut [u8], usize> {
            self.resize(len, 0);
            Ok(self)
        }
    }

    impl Buffer for [u8] {
        #[inline(always)]
        fn room(&mut self, len: usize) -> Result<&mut [u8], usize> {
            let given = self.len();
            if len <= given { Ok(self) } else { Err(given) }
        }
    }

    impl<const N: usize> Buffer for [u8; N] {
        #[inline(always)]
        fn room(&mut self, len: usize) -> Result<&mut [u8], usize> {
            if len <= N { Ok(self) } else { Err(N) }
        }
    }
}

/// A record, while it is still in the ring.
///
/// Its bytes can be copied out. They are a peer's to write, so there is no
/// `&[u8]` of them; only a record of a consumer that
/// [trusts its peers](super::Consumer::trust_peers) derefs to its payload.
#[derive(Debug)]
pub struct Record<'a, M = Mapped> {
    record: protocol::Record<'a, M>,
}

impl<'a, M: Memory> Record<'a, M> {
    #[inline]
    pub(super) fn new(record: protocol::Record<'a, M>) -> Self {
        Self { record }
    }

    /// What the producer says the bytes are.
    #[inline]
    #[must_use]
    pub fn tag(&self) -> u32 {
        self.record.header().tag
    }

    /// Bytes of payload.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.record.header().len
    }

    /// Whether the payload has no bytes.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.record.header().len == 0
    }

    /// Where the record starts: bytes that went through the ring before it.
    #[inline]
    #[must_use]
    pub fn position(&self) -> u64 {
        self.record.position().0
    }

    /// Copies the start of the payload: as many bytes as fit into `into`. Returns how many.
    #[inline]
    pub fn copy_to(&self, into: &mut [u8]) -> usize {
        self.record.read(into);
        self.len().min(into.len())
    }

    /// Copies the whole payload to the end of `into`.
    #[inline]
    pub fn append_to(&self, into: &mut Vec<u8>) {
        let before = into.len();
        into.resize(before + self.record.header().len, 0);
        self.record.read(&mut into[before..]);
    }
}

impl Deref for Record<'_, TrustedMapped> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.record
            .memory()
            .slice(self.record.payload(), self.len())
    }
}
