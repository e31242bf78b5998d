//! What the producers send, so that the consumer can tell whether it is that.

/// Longest payload.
pub(super) const LONGEST: usize = 4096;

/// In a tag, beside the number of the producer: its last record, which says how many came before.
const END: u32 = 1 << 31;

pub(super) fn tag(producer: u32) -> u32 {
    producer
}

pub(super) fn end_tag(producer: u32) -> u32 {
    producer | END
}

pub(super) fn producer_of(tag: u32) -> u32 {
    tag & !END
}

pub(super) fn is_end(tag: u32) -> bool {
    tag & END != 0
}

/// Writes the payload of a producer's record number `sequence` into `payload`: the number, and
/// words that follow from it and the producer, of which there are more or fewer.
pub(super) fn write(producer: u32, sequence: u64, payload: &mut Vec<u8>) {
    payload.clear();
    payload.extend_from_slice(&sequence.to_le_bytes());
    let mut state = sequence.wrapping_mul(64).wrapping_add(u64::from(producer));
    let words = next(&mut state) as usize % (LONGEST / 8);
    payload.extend((0..words).flat_map(|_| next(&mut state).to_le_bytes()));
}

/// The number in a payload; none is that of no record.
pub(super) fn sequence_of(payload: &[u8]) -> Option<u64> {
    let bytes = payload.get(..8)?.try_into().ok()?;
    Some(u64::from_le_bytes(bytes))
}

/// The next of a row of numbers that look random (`SplitMix64`).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_differ_in_length_and_content() {
        let of = |producer, sequence| {
            let mut payload = vec![1, 2, 3];
            write(producer, sequence, &mut payload);
            payload
        };
        assert_eq!(of(3, 9), of(3, 9));
        assert_eq!(sequence_of(&of(3, 9)), Some(9));
        assert_ne!(of(3, 9)[8..], of(2, 9)[8..]);
        assert_ne!(of(3, 9).len(), of(3, 10).len());
        let lengths: Vec<_> = (0..2000).map(|sequence| of(0, sequence).len()).collect();
        assert!(lengths.iter().all(|len| (8..=LONGEST).contains(len)));
        assert!(lengths.contains(&8) && lengths.contains(&LONGEST));
    }

    #[test]
    fn a_tag_says_who_and_whether_it_was_the_last() {
        assert_eq!((producer_of(tag(5)), is_end(tag(5))), (5, false));
        assert_eq!((producer_of(end_tag(5)), is_end(end_tag(5))), (5, true));
    }
}
