//! Whether what arrived is what was sent.

use anyhow::{Result, ensure};

use crate::payload::{Payload, constant};

/// Sees every payload that arrives: its length, its place in the order of its producer, and the sum
/// of all of its words. It is part of every measurement, the same for everybody.
#[derive(Debug)]
pub(crate) struct Check {
    /// What the next payload of each producer should begin with.
    expected: Vec<u64>,
    records: u64,
    sum: u64,
    /// Not zero when some payload was not the next one of its producer.
    disorder: u64,
}

impl Check {
    /// For so many producers, one at least.
    pub(crate) fn new(producers: usize) -> Self {
        Self {
            expected: vec![0; producers],
            records: 0,
            sum: 0,
            disorder: 0,
        }
    }

    /// Reads all of a payload.
    #[inline(always)]
    pub(crate) fn see<P: Payload>(&mut self, bytes: &[u8]) {
        self.records += 1;
        if bytes.len() != P::BYTES {
            self.disorder = u64::MAX;
            return;
        }
        let producer = if P::BYTES == 8 || self.expected.len() == 1 {
            0
        } else {
            word(bytes, 1) as usize
        };
        let Some(expected) = self.expected.get_mut(producer) else {
            self.disorder = u64::MAX;
            return;
        };
        self.disorder |= word(bytes, 0) ^ *expected;
        *expected += 1;
        let words = (0..P::BYTES / 8).map(|index| word(bytes, index));
        self.sum = words.fold(self.sum, u64::wrapping_add);
    }

    /// How many it has seen.
    #[inline(always)]
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// Whether that was all, in order, and every byte of it.
    ///
    /// # Errors
    /// When it was not, and what differs.
    pub(crate) fn finish<P: Payload>(&self, shares: &[u64]) -> Result<()> {
        let sent: u64 = shares.iter().sum();
        let received = self.records;
        ensure!(
            received == sent,
            "{received} records arrived, not the {sent} that were sent"
        );
        ensure!(
            self.disorder == 0,
            "records arrived in another order or another length"
        );
        let sums = shares.iter().enumerate();
        let expected = sums.fold(0, |sum: u64, (producer, share)| {
            sum.wrapping_add(sum_of::<P>(producer as u64, *share))
        });
        ensure!(
            self.sum == expected,
            "the bytes that arrived are not those that were sent"
        );
        Ok(())
    }
}

#[inline(always)]
fn word(bytes: &[u8], index: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[8 * index..8 * index + 8]);
    u64::from_ne_bytes(word)
}

/// The sum of all words of the first `count` payloads of this producer.
fn sum_of<P: Payload>(producer: u64, count: u64) -> u64 {
    let counts = (u128::from(count) * u128::from(count.saturating_sub(1)) / 2) as u64;
    let others = (1..P::BYTES / 8).map(|index| {
        if index == 1 {
            producer
        } else {
            constant(index)
        }
    });
    let each = others.fold(0, u64::wrapping_add);
    counts.wrapping_add(each.wrapping_mul(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::{Lines, Payloads, Words};

    /// What two producers sent, in turns.
    fn sent(counts: [u64; 2]) -> Vec<Lines<8>> {
        let mut all = Vec::new();
        for (producer, count) in counts.into_iter().enumerate() {
            let mut payloads = Payloads::<Lines<8>>::new(count, producer);
            while let Some(payload) = payloads.next() {
                all.push(*payload);
            }
        }
        all
    }

    fn error_of(received: &[Lines<8>]) -> Option<String> {
        let mut check = Check::new(2);
        for payload in received {
            check.see::<Lines<8>>(payload.bytes());
        }
        let result = check.finish::<Lines<8>>(&[3, 5]);
        result.err().map(|error| error.to_string())
    }

    #[test]
    fn what_was_sent_passes_in_whatever_order_the_producers_came() {
        let mut received = sent([3, 5]);
        assert_eq!(error_of(&received), None);
        received.rotate_left(3);
        assert_eq!(error_of(&received), None);
    }

    #[test]
    fn a_lost_a_doubled_a_swapped_and_a_changed_record_are_found() {
        let lost = error_of(&sent([3, 5])[1..]).unwrap();
        assert!(lost.contains("7 records"), "{lost}");
        let mut doubled = sent([3, 5]);
        doubled[1] = doubled[0];
        assert!(error_of(&doubled).unwrap().contains("order"));
        let mut swapped = sent([3, 5]);
        swapped.swap(4, 5);
        assert!(error_of(&swapped).unwrap().contains("order"));
        let mut changed = sent([3, 5]);
        changed[7].bytes_mut()[63] ^= 1;
        assert!(error_of(&changed).unwrap().contains("bytes"));
        let mut stranger = sent([3, 5]);
        stranger[0].bytes_mut()[8] = 2;
        assert!(error_of(&stranger).unwrap().contains("order"));
    }

    #[test]
    fn a_record_of_another_length_is_found() {
        let mut check = Check::new(1);
        check.see::<Words<7>>(&[0; 48]);
        assert!(check.finish::<Words<7>>(&[1]).is_err());
    }
}
