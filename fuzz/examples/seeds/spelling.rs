//! Plans as bytes: what the crate `arbitrary` makes of the bytes, the other way round.
//!
//! A number stands as its bytes, the lowest first; which variant as the least of those 32-bit
//! numbers that stand for it, when all of them are dealt out evenly; before each element of a list a
//! one, and a zero behind the last.

use std::fmt::Debug;

use arbitrary::{Arbitrary, Unstructured};
use mapring_testing::operations::End;

/// The bytes so far.
#[derive(Debug, Default)]
pub(crate) struct Spelling(Vec<u8>);

impl Spelling {
    pub(crate) fn byte(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub(crate) fn half(mut self, value: u16) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(crate) fn number(mut self, value: u32) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(crate) fn word(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Variant `index` of `count`.
    pub(crate) fn variant(self, index: u32, count: u32) -> Self {
        let first = (u64::from(index) << 32).div_ceil(u64::from(count));
        self.number(first as u32)
    }

    pub(crate) fn list<T>(
        mut self,
        items: impl IntoIterator<Item = T>,
        each: impl Fn(Self, T) -> Self,
    ) -> Self {
        for item in items {
            self = each(self.byte(1), item);
        }
        self.byte(0)
    }

    /// How a claim or a batch ends.
    pub(crate) fn end(self, end: End) -> Self {
        let index = match end {
            End::Commit => 0,
            End::Abort => 1,
            End::Forget => 2,
        };
        self.variant(index, 3)
    }

    /// A list, the last thing of a plan, of which the fuzzer will read the same.
    pub(crate) fn last_list<T>(self, items: &[T], each: impl Fn(Self, &T) -> Self) -> Self
    where
        T: for<'a> Arbitrary<'a> + PartialEq + Debug,
    {
        let list = Self::default().list(items, each).0;
        let read = Vec::<T>::arbitrary_take_rest(Unstructured::new(&list));
        assert_eq!(read.expect("a list"), items, "what the fuzzer will read");
        Self([self.0, list].concat())
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}
