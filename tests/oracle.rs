//! The ring against a naive model of it: random operations on rings of every shape,
//! and every layout of a small ring, one by one.

use mapring::layout::{Geometry, Kind};
use mapring::ring::Position;
use mapring_testing::Bytes;
use mapring_testing::operations::{End, Message, Operation, Part, Tally, plans, run};
use proptest::collection::vec;
use proptest::prelude::*;

/// Cases of one property: what a slow machine does in a few seconds, unoptimised.
const CASES: u32 = 300;
/// Operations of one case.
const OPERATIONS: usize = 60;

fn geometry(capacity: u64, max_payload: u64, record_align: u64) -> Geometry {
    Geometry::of_any_capacity(Kind::Spsc, capacity, max_payload, record_align, 1)
        .expect("a shape that can be")
}

fn run_in_bytes(operations: &[Operation], geometry: Geometry, start: Position) -> Tally {
    run(
        operations,
        geometry,
        start,
        &Bytes::zeroed(geometry.total_size()),
    )
}

/// Rings from 64 to 4096 bytes, of every alignment, for payloads from none to the longest.
fn any_geometry() -> impl Strategy<Value = Geometry> {
    let shape =
        (6..=12_u32, 3..=7_u32).prop_map(|(capacity, align)| (1_u64 << capacity, 1_u64 << align));
    shape.prop_flat_map(|(capacity, align)| {
        let longest = Geometry::largest_payload(Kind::Spsc, capacity, align);
        prop_oneof![0..=longest, Just(0), Just(longest)]
            .prop_map(move |max_payload| geometry(capacity, max_payload, align))
    })
}

/// Cursors that are about to pass 2^32, 2^63 or 2^64, within a few laps.
fn any_start(geometry: Geometry) -> impl Strategy<Value = Position> {
    let boundary = prop_oneof![Just(0), Just(1_u64 << 32), Just(1_u64 << 63)];
    let align = geometry.record_align() as u64;
    let laps = 3 * geometry.capacity() as u64 / align;
    (boundary, 0..=laps)
        .prop_map(move |(boundary, steps)| Position(boundary.wrapping_sub(steps * align)))
}

fn any_message() -> impl Strategy<Value = Message> {
    // Short ones, so that a ring holds several; any; and ones too long for any ring here.
    let len = prop_oneof![4 => 0..64_u16, 2 => any::<u16>(), 1 => Just(u16::MAX)];
    (any::<u32>(), len, any::<u8>()).prop_map(|(tag, len, seed)| Message { tag, len, seed })
}

fn any_end() -> impl Strategy<Value = End> {
    prop_oneof![3 => Just(End::Commit), 1 => Just(End::Abort), 1 => Just(End::Forget)]
}

fn any_part() -> impl Strategy<Value = Part> {
    prop_oneof![
        any_message().prop_map(Part::Push),
        (any_message(), any_end()).prop_map(|(message, end)| Part::Claim { message, end }),
    ]
}

fn any_operation() -> impl Strategy<Value = Operation> {
    let stream = (any::<u16>(), any::<u8>(), any::<u8>()).prop_map(|(count, len, waiting)| {
        Operation::Stream {
            count,
            len,
            waiting,
        }
    });
    let drain = (0..6_u8, 0..512_u16).prop_map(|(limit, release_every)| Operation::Drain {
        limit,
        release_every,
    });
    let kill = (vec(any_message(), 0..4), any::<u16>())
        .prop_map(|(messages, stores)| Operation::KillProducer { messages, stores });
    prop_oneof![
        12 => any_message().prop_map(Operation::Send),
        6 => (any_message(), any_end())
            .prop_map(|(message, end)| Operation::Claim { message, end }),
        6 => (vec(any_part(), 0..6), any_end())
            .prop_map(|(parts, end)| Operation::Batch { parts, end }),
        1 => stream,
        8 => (0..512_u16).prop_map(|room| Operation::Receive { room }),
        4 => drain,
        4 => Just(Operation::Advance),
        4 => Just(Operation::Release),
        2 => Just(Operation::Look),
        1 => Just(Operation::ReplaceProducer),
        3 => kill,
        2 => Just(Operation::ReplaceConsumer),
    ]
}

fn any_run() -> impl Strategy<Value = (Geometry, Position, Vec<Operation>)> {
    any_geometry().prop_flat_map(|geometry| {
        (
            Just(geometry),
            any_start(geometry),
            vec(any_operation(), 1..=OPERATIONS),
        )
    })
}

proptest! {
    // Failures are shrunk and printed; what they found becomes a test of its own, not a seed file.
    #![proptest_config(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 500,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_operations_do_what_the_oracle_does((geometry, start, operations) in any_run()) {
        run_in_bytes(&operations, geometry, start);
    }
}

/// Every payload length at every index, with every kind of contents: the records that
/// end with the ring, that run over its end, and those before and behind them.
#[test]
fn every_length_at_every_index() {
    for align in [8, 16, 64] {
        let capacity = 128;
        let geometry = geometry(
            capacity,
            Geometry::largest_payload(Kind::Spsc, capacity, align),
            align,
        );
        for start in (0..capacity).step_by(align as usize) {
            for len in 0..=geometry.max_payload() {
                for seed in 0..4 {
                    let longest = geometry.max_payload() as u16;
                    let operations = plans::one_length(len as u16, longest, seed);
                    let tally = run_in_bytes(&operations, geometry, Position(start));
                    assert!(tally.sent >= 4, "{tally:?}");
                }
            }
        }
    }
}

/// A ring filled to the last byte that it can hold is refilled again and again.
#[test]
fn a_full_ring_never_sticks() {
    for align in [8, 16, 32] {
        for len in 0..=Geometry::largest_payload(Kind::Spsc, 128, align) {
            let geometry = geometry(128, len, align);
            let operations = plans::filled_again(len as u16, 40);
            let tally = run_in_bytes(&operations, geometry, Position(0));
            assert!(tally.sent >= 40 && tally.full >= 40, "{tally:?}");
        }
    }
}

/// A producer killed at every single store, in every layout: all of what it was
/// sending is there, or nothing.
#[test]
fn a_producer_killed_at_any_store_leaves_all_or_nothing() {
    let geometry = geometry(128, 40, 8);
    let mut total = Tally::default();
    for start in (0..128).step_by(8) {
        for lengths in [&[0][..], &[33], &[9, 0, 17], &[8, 40]] {
            for stores in 0..50 {
                let operations = plans::killed_sending(lengths, stores);
                let tally = run_in_bytes(&operations, geometry, Position(start));
                total.killed_before += tally.killed_before;
                total.killed_after += tally.killed_after;
            }
        }
    }
    assert!(total.killed_before > 1000, "{total:?}");
    assert!(total.killed_after > 1000, "{total:?}");
}
