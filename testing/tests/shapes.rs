//! Shapes of regions, word by word: the limits of each number, one below and one above, and what
//! is computed from them, against sums made by hand.

use mapring::layout::{
    CONSUMER_LOCK, CONSUMER_SLOT, FIRST_PRODUCER_LOCK, Fences, Geometry, HEADER_SIZE, Kind,
    MAX_CAPACITY, MAX_PAYLOAD, MAX_PRODUCERS, MAX_RECORD_ALIGN, MIN_CAPACITY, PAGE, PRODUCER_SLOTS,
    SLOT_SIZE, Seat, WORD, Wakeups, Word, layout_hash,
};
use mapring::{LayoutError, Role};

const KINDS: [Kind; 2] = [Kind::Spsc, Kind::Mpsc];

/// What a region may have as its shape, in the order of the identity page.
type Shape = (Kind, u64, u64, u64, u64);

fn new(shape: Shape) -> Result<Geometry, LayoutError> {
    let (kind, capacity, max_payload, record_align, producers) = shape;
    Geometry::new(kind, capacity, max_payload, record_align, producers)
}

fn small(shape: Shape) -> Result<Geometry, LayoutError> {
    let (kind, capacity, max_payload, record_align, producers) = shape;
    Geometry::of_any_capacity(kind, capacity, max_payload, record_align, producers)
}

#[test]
fn a_word_is_named_by_its_offset() {
    assert_eq!(WORD, 8);
    for offset in [0, 8, 4096, isize::MAX as usize - 7] {
        assert_eq!(Word::at(offset).offset(), offset);
    }
    assert_eq!(Word::at(64).next(), Word::at(72));
    assert_eq!(Word::at(64).plus(0), Word::at(64));
    assert_eq!(Word::at(64).plus(24), Word::at(88));
}

#[test]
#[should_panic(expected = "a word starts at a multiple of eight")]
fn no_word_starts_within_another() {
    let _ = Word::at(12);
}

#[test]
#[should_panic(expected = "an offset into a region is below 2^63")]
fn no_word_is_too_far_for_a_slice() {
    let _ = Word::at(isize::MAX as usize + 1);
}

#[test]
#[should_panic(expected = "a word starts at a multiple of eight")]
fn no_word_lies_a_part_of_a_word_behind_another() {
    let _ = Word::at(8).plus(4);
}

/// Version 1 has this fingerprint for ever; `docs/format.md` says so, too.
#[test]
fn the_fingerprint_of_the_layout_stays() {
    assert_eq!(layout_hash(), 0x76d9_58d0_d9d8_6b07);
}

#[test]
fn capacities_have_limits() {
    for kind in KINDS {
        for capacity in [0, 1, 2048, 4095, 4097, 6000, 2 << 40, u64::MAX, 1 << 63] {
            let refused = Err(LayoutError::Capacity { capacity });
            assert_eq!(new((kind, capacity, 8, 8, 1)), refused);
        }
        for capacity in [0, 1, 8, 16, 31, 33, 48, (1 << 40) + 8, 2 << 40, 1 << 63] {
            let refused = Err(LayoutError::Capacity { capacity });
            assert_eq!(small((kind, capacity, 8, 8, 1)), refused);
        }
        for capacity in [MIN_CAPACITY, 8192, MAX_CAPACITY] {
            let shape = new((kind, capacity, 8, 8, 1)).expect("a shape that can be");
            assert_eq!(shape.capacity() as u64, capacity);
        }
        for capacity in [32, 64, 4096] {
            let shape = small((kind, capacity, 8, 8, 1)).expect("a shape that can be");
            assert_eq!(shape.capacity() as u64, capacity);
        }
    }
}

#[test]
fn alignments_have_limits() {
    for kind in KINDS {
        for record_align in [0, 1, 2, 4, 7, 9, 12, 24, 96, 127, 129, 256, 1 << 63] {
            let refused = Err(LayoutError::RecordAlign { record_align });
            assert_eq!(new((kind, 4096, 8, record_align, 1)), refused);
        }
        for record_align in [8, 16, 32, 64, 128] {
            let shape = new((kind, 4096, 8, record_align, 1)).expect("a shape that can be");
            assert_eq!(shape.record_align() as u64, record_align);
        }
    }
}

#[test]
fn producers_have_limits() {
    let refused = |found| {
        Err(LayoutError::Field {
            field: "producer slots",
            found,
        })
    };
    for producers in [0, 2, 3, MAX_PRODUCERS, u64::MAX] {
        assert_eq!(new((Kind::Spsc, 4096, 8, 8, producers)), refused(producers));
    }
    for producers in [0, MAX_PRODUCERS + 1, u64::MAX] {
        assert_eq!(new((Kind::Mpsc, 4096, 8, 8, producers)), refused(producers));
    }
    for producers in [1, 2, 64, MAX_PRODUCERS] {
        let shape = new((Kind::Mpsc, 4096, 8, 8, producers)).expect("a shape that can be");
        assert_eq!(shape.producers() as u64, producers);
        assert_eq!(shape.seats() as u64, producers + 1);
    }
}

/// Capacity, alignment, and the longest payload: of one producer, of many.
const LONGEST: [(u64, u64, u64, u64); 8] = [
    (32, 8, 16, 16),
    (64, 64, 0, 0),
    (128, 64, 56, 56),
    (4096, 8, 4080, 4080),
    (4096, 64, 4024, 4024),
    (4096, 128, 3960, 3960),
    // The longest that a header can say; and one of padding must be able to say it, too.
    (1 << 31, 8, (1 << 30) - 1, (1 << 30) - 16),
    (1 << 40, 128, (1 << 30) - 1, (1 << 30) - 136),
];

#[test]
fn payloads_have_limits() {
    for (capacity, record_align, single, many) in LONGEST {
        for (kind, limit) in [(Kind::Spsc, single), (Kind::Mpsc, many)] {
            let largest = Geometry::largest_payload(kind, capacity, record_align);
            assert_eq!(largest, limit, "{kind:?} {capacity} {record_align}");
            if capacity > MAX_CAPACITY {
                continue;
            }
            for max_payload in [limit + 1, u64::MAX] {
                let refused = Err(LayoutError::MaxPayload {
                    max_payload,
                    capacity,
                    limit,
                });
                assert_eq!(
                    small((kind, capacity, max_payload, record_align, 1)),
                    refused
                );
            }
            let shape = small((kind, capacity, limit, record_align, 1));
            let shape = shape.expect("a shape that can be");
            assert_eq!(shape.max_payload() as u64, limit);
            assert_eq!(shape.kind(), kind);
        }
    }
}

#[test]
fn claims_have_limits() {
    for (capacity, record_align, largest) in [
        (32, 8, 24),
        (64, 64, 0),
        (4096, 8, 4088),
        (4096, 64, 4032),
        (4096, 128, 3968),
        (1 << 31, 8, (1 << 30) - 8),
        (1 << 40, 128, (1 << 30) - 128),
    ] {
        if capacity > MAX_CAPACITY {
            continue;
        }
        let shape = small((Kind::Mpsc, capacity, 0, record_align, 1)).expect("a shape");
        assert_eq!(shape.largest_claim(), largest, "{capacity} {record_align}");
    }
}

#[test]
fn records_are_rounded_up() {
    for (align, len, size) in [
        (8, 0, 8),
        (8, 1, 16),
        (8, 8, 16),
        (8, 9, 24),
        (64, 0, 64),
        (64, 56, 64),
        (64, 57, 128),
        (128, 120, 128),
        (128, 121, 256),
        (8, MAX_PAYLOAD as usize, (1 << 30) + 8),
    ] {
        let shape = new((Kind::Spsc, 1 << 29, 0, align, 1)).expect("a shape");
        assert_eq!(shape.record_size(len), size, "{align} {len}");
    }
    assert_eq!(HEADER_SIZE, 8);
}

/// The largest region of either kind is no longer than a slice can be.
#[test]
fn the_largest_region_fits_into_an_address_space() {
    for kind in KINDS {
        for record_align in [8, MAX_RECORD_ALIGN] {
            let max_payload = Geometry::largest_payload(kind, MAX_CAPACITY, record_align);
            let producers = if kind == Kind::Spsc { 1 } else { MAX_PRODUCERS };
            let shape = (kind, MAX_CAPACITY, max_payload, record_align, producers);
            let shape = new(shape).expect("a shape that can be");
            let total = shape.data().offset() as u128
                + u128::from(MAX_CAPACITY)
                + shape.overrun_size() as u128;
            assert!(total <= isize::MAX as u128, "{kind:?} {total}");
            assert_eq!(shape.total_size() as u128, total);
        }
    }
}

#[test]
fn a_region_is_slots_then_ring_then_one_record() {
    // Producers, longest payload, alignment; pages of slots and of the overrun area.
    for (producers, max_payload, align, slots, overrun) in [
        (1, 0, 8, 1, 1),
        (32, 4088 - 8, 8, 1, 1),
        (33, 4088, 8, 2, 1),
        (64, 4089, 8, 2, 2),
        (1024, 4089, 128, 32, 2),
    ] {
        let shape = new((Kind::Mpsc, 1 << 14, max_payload, align, producers)).expect("a shape");
        assert_eq!(shape.data().offset(), (3 + slots) * PAGE);
        assert_eq!(shape.overrun_size(), overrun * PAGE);
        assert_eq!(shape.total_size(), (3 + slots + overrun) * PAGE + (1 << 14));
        for index in [0, producers as usize - 1] {
            let slot = shape.producer_slot(index);
            assert_eq!(slot.offset(), 3 * PAGE + 128 * index);
            assert!(slot.offset() + SLOT_SIZE <= shape.data().offset());
        }
    }
}

#[test]
#[should_panic(expected = "producer slot 3 of 3")]
fn there_is_no_slot_behind_the_last() {
    let shape = new((Kind::Mpsc, 4096, 8, 8, 3)).expect("a shape");
    let _ = shape.producer_slot(3);
}

#[test]
fn every_position_names_a_word_of_the_ring() {
    for capacity in [4096_u64, 1 << 20] {
        let shape = new((Kind::Spsc, capacity, 64, 8, 1)).expect("a shape");
        let data = shape.data().offset();
        for (position, index) in [
            (0, 0),
            (8, 8),
            (capacity - 8, capacity - 8),
            (capacity, 0),
            (3 * capacity + 16, 16),
            (u64::MAX - 7, capacity - 8),
            // Also one that names no word is led to one.
            (13, 8),
        ] {
            assert_eq!(shape.word_at(position), Word::at(data + index as usize));
        }
    }
}

#[test]
fn names_and_numbers_of_kinds() {
    assert_eq!(KINDS.map(Kind::name), ["SPSC", "MPSC"]);
    assert_eq!(Kind::try_from(1), Ok(Kind::Spsc));
    assert_eq!(Kind::try_from(2), Ok(Kind::Mpsc));
    let wakeups = [Wakeups::None, Wakeups::Futex, Wakeups::Event];
    assert_eq!(wakeups.map(Wakeups::name), ["none", "futex", "event"]);
    assert_eq!([0, 1, 2].map(Wakeups::try_from), wakeups.map(Ok));
    let fences = [Fences::Symmetric, Fences::Membarrier];
    assert_eq!(fences.map(Fences::name), ["symmetric", "membarrier"]);
    assert_eq!([0, 1].map(Fences::try_from), fences.map(Ok));
    let refused = |field, found| LayoutError::Field { field, found };
    for found in [0, 3, 257, u64::MAX] {
        assert_eq!(Kind::try_from(found), Err(refused("kind", found)));
    }
    for found in [3, 257, u64::MAX] {
        assert_eq!(Wakeups::try_from(found), Err(refused("wakeups", found)));
    }
    for found in [2, 257, u64::MAX] {
        assert_eq!(Fences::try_from(found), Err(refused("fences", found)));
    }
}

#[test]
fn every_seat_has_a_number_a_lock_and_a_slot() {
    let consumer = Seat::Consumer;
    assert_eq!(consumer.role(), Role::Consumer);
    assert_eq!(consumer.number(), 0);
    assert_eq!(consumer.lock(), CONSUMER_LOCK);
    assert_eq!(consumer.slot(), CONSUMER_SLOT);
    for index in [0, 1, 63, 1023] {
        let producer = Seat::Producer(index);
        assert_eq!(producer.role(), Role::Producer);
        assert_eq!(producer.number(), index + 1);
        assert_eq!(producer.lock(), FIRST_PRODUCER_LOCK + index as u64);
        assert_eq!(
            producer.slot().offset(),
            PRODUCER_SLOTS.offset() + 128 * index
        );
    }
}
