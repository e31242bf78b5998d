//! What has arrived from one producer.

use mapring::mpsc::Record;

use super::content;

/// What has arrived from one producer, compared with what it sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) producer: u32,
    /// How many, without the last one, which only says how many there were.
    pub(super) records: u64,
    /// Whether each was the one after that before, and nothing came after the last.
    pub(super) in_order: bool,
    /// Whether each was as it should be, byte by byte.
    pub(super) intact: bool,
    /// How many it says that it has sent, if its last record has come.
    pub(super) end: Option<u64>,
    /// What came, and what should come; kept for their room only.
    buffers: [Vec<u8>; 2],
}

impl Seen {
    /// Nothing, from the producer of that number.
    pub(super) fn new(producer: u32) -> Self {
        Self {
            producer,
            records: 0,
            in_order: true,
            intact: true,
            end: None,
            buffers: Default::default(),
        }
    }

    /// Takes the next record.
    pub(super) fn take(&mut self, record: &Record<'_>) {
        let [mut payload, expected] = std::mem::take(&mut self.buffers);
        payload.clear();
        record.append_to(&mut payload);
        self.buffers = [payload, expected];
        self.compare(record.tag());
    }

    /// Compares the payload in the first buffer.
    fn compare(&mut self, tag: u32) {
        let [payload, expected] = &mut self.buffers;
        let number = content::sequence_of(payload);
        if self.end.is_some() {
            self.in_order = false;
        }
        if content::is_end(tag) {
            self.intact &= payload.len() == 8;
            self.end = number;
            return;
        }
        self.in_order &= number == Some(self.records);
        // As the number says, so that a record that comes late is only that.
        content::write(self.producer, number.unwrap_or_default(), expected);
        self.intact &= payload == expected;
        self.records += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(records: &[(u32, Vec<u8>)]) -> Seen {
        let mut seen = Seen::new(2);
        for (tag, payload) in records {
            seen.buffers[0] = payload.clone();
            seen.compare(*tag);
        }
        seen
    }

    fn record(sequence: u64) -> (u32, Vec<u8>) {
        let mut payload = Vec::new();
        content::write(2, sequence, &mut payload);
        (content::tag(2), payload)
    }

    fn end(sent: u64) -> (u32, Vec<u8>) {
        (content::end_tag(2), sent.to_le_bytes().to_vec())
    }

    #[test]
    fn what_is_right_is_found_right() {
        let seen = seen(&[record(0), record(1), end(2)]);
        assert!(seen.in_order && seen.intact);
        assert_eq!((seen.records, seen.end), (2, Some(2)));
    }

    #[test]
    fn a_gap_a_repetition_and_a_late_record_are_out_of_order() {
        assert!(!seen(&[record(0), record(2)]).in_order);
        assert!(!seen(&[record(0), record(0)]).in_order);
        assert!(!seen(&[record(0), end(1), record(1)]).in_order);
        assert!(seen(&[record(0), record(2)]).intact);
    }

    #[test]
    fn a_wrong_byte_is_found() {
        let mut changed = record(0);
        *changed.1.last_mut().unwrap() ^= 1;
        assert!(!seen(&[changed]).intact);
        let mut short = record(0);
        short.1.pop();
        assert!(!seen(&[short]).intact);
        assert!(!seen(&[(content::tag(2), Vec::new())]).intact);
    }
}
