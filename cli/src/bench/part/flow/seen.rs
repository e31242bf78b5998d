//! What has arrived.

use std::hint;

use anyhow::{Result, bail};

use super::LAST;

/// What has arrived in a turn. More work for each record would measure the work.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// By sender: the number of its next record, which is how many it has sent.
    next: Vec<u64>,
    /// How many senders have come to their end.
    ended: usize,
    /// A record that should not have come: its sender and its number.
    wrong: Option<(u32, u64)>,
}

impl Seen {
    /// Nothing, from so many senders.
    pub(super) fn new(senders: u32) -> Self {
        Self {
            next: vec![0; senders as usize],
            ended: 0,
            wrong: None,
        }
    }

    /// One more record, of which all of the payload was copied out.
    #[inline(always)]
    pub(super) fn see(&mut self, sender: u32, payload: &[u8]) {
        // The compiler must believe that it is used.
        hint::black_box(payload);
        let number = payload
            .first_chunk()
            .map_or(LAST, |bytes| u64::from_le_bytes(*bytes));
        match self.next.get_mut(sender as usize) {
            Some(next) if *next == number => *next += 1,
            _ => self.see_other(sender, number),
        }
    }

    #[cold]
    fn see_other(&mut self, sender: u32, number: u64) {
        if number == LAST && (sender as usize) < self.next.len() {
            self.ended += 1;
        } else {
            self.wrong = self.wrong.or(Some((sender, number)));
        }
    }

    /// Whether all senders have come to their end, or something is wrong.
    pub(super) fn is_over(&self) -> bool {
        self.ended >= self.next.len() || self.wrong.is_some()
    }

    /// How many records have come; fails if they were not those that were sent.
    pub(super) fn count(&self) -> Result<u64> {
        if let Some((sender, number)) = self.wrong {
            let expected = self.next.get(sender as usize);
            bail!("record {number} of sender {sender} has arrived instead of {expected:?}");
        }
        Ok(self.next.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(senders: u32, records: &[(u32, u64)]) -> Seen {
        let mut seen = Seen::new(senders);
        for (sender, number) in records {
            assert!(!seen.is_over());
            seen.see(*sender, &number.to_le_bytes());
        }
        seen
    }

    #[test]
    fn it_is_over_when_all_have_ended() {
        let one = seen(2, &[(0, 0), (1, 0), (0, 1), (0, LAST)]);
        assert!(!one.is_over());
        let both = seen(2, &[(0, 0), (1, 0), (0, 1), (0, LAST), (1, LAST)]);
        assert!(both.is_over());
        assert_eq!(both.count().unwrap(), 3);
    }

    #[test]
    fn what_is_lost_doubled_or_of_nobody_is_wrong() {
        for records in [&[(0, 1)][..], &[(0, 0), (0, 0)], &[(2, 0)], &[(2, LAST)]] {
            let seen = seen(2, records);
            assert!(seen.is_over() && seen.count().is_err(), "{records:?}");
        }
    }
}
