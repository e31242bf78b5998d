//! Several producers and a consumer, each of whose accesses to memory is a step of its own: random
//! schedules of the steps, and each single one in which somebody dies where it matters.

use mapring::layout::{Geometry, Kind};
use mapring::ring::Position;
use mapring_testing::operations::End;
use mapring_testing::schedule::plans::{self, comes, consumes, consumes_everything, goes_on, send};
use mapring_testing::schedule::{Consumption, Message, Production, TO_THE_END, Tally, Turn, run};
use proptest::collection::vec;
use proptest::prelude::*;

/// Cases of the property, unless the environment's `PROPTEST_CASES` says another number.
const CASES: u32 = 600;
/// Turns of one case.
const TURNS: usize = 120;

fn geometry(capacity: u64, max_payload: u64, record_align: u64, producers: u64) -> Geometry {
    Geometry::of_any_capacity(Kind::Mpsc, capacity, max_payload, record_align, producers)
        .expect("a shape that can be")
}

/// A small ring, so that it is full and wraps around all the time; its cursors are about to pass
/// 2^32, 2^63 or 2^64. Made of plain numbers, so that a failure is shrunk in one go.
fn any_ring() -> impl Strategy<Value = (Geometry, Position)> {
    let align = prop_oneof![3 => Just(8), 3 => Just(64), 1 => Just(16), 1 => Just(128)];
    let payload = prop_oneof![3 => any::<u16>(), 1 => Just(0), 2 => Just(u16::MAX)];
    let boundary = prop_oneof![Just(0), Just(1_u64 << 32), Just(1_u64 << 63)];
    let ring = (
        6..=12_u32,
        align,
        payload,
        1..=4_u64,
        boundary,
        any::<u16>(),
    );
    ring.prop_map(|(capacity, align, payload, producers, boundary, steps)| {
        let capacity = (1_u64 << capacity).max(2 * align);
        let longest = Geometry::largest_payload(Kind::Mpsc, capacity, align);
        let payload = match payload {
            u16::MAX => longest,
            payload => u64::from(payload) % (longest + 1),
        };
        // Within a few laps.
        let steps = u64::from(steps) % (3 * capacity / align);
        let start = Position(boundary.wrapping_sub(steps * align));
        (geometry(capacity, payload, align, producers), start)
    })
}

fn any_message() -> impl Strategy<Value = Message> {
    let len = prop_oneof![6 => 0..48_u16, 1 => any::<u16>()];
    (len, any::<u8>()).prop_map(|(len, seed)| Message { len, seed })
}

fn any_end() -> impl Strategy<Value = End> {
    prop_oneof![4 => Just(End::Commit), 1 => Just(End::Abort), 1 => Just(End::Forget)]
}

fn any_production() -> impl Strategy<Value = Production> {
    let batch =
        (vec(any_message(), 0..4), -4..8_i8, any_end()).prop_map(|(messages, spare, end)| {
            Production::Batch {
                messages,
                spare,
                end,
            }
        });
    prop_oneof![
        8 => any_message().prop_map(Production::Send),
        4 => (any_message(), any_end())
            .prop_map(|(message, end)| Production::Claim { message, end }),
        3 => batch,
        1 => Just(Production::Look),
        1 => Just(Production::Leave),
    ]
}

fn any_consumption() -> impl Strategy<Value = Consumption> {
    let drain = (0..6_u8, 0..512_u16).prop_map(|(limit, release_every)| Consumption::Drain {
        limit,
        release_every,
    });
    prop_oneof![
        4 => Just(Consumption::Receive),
        3 => Just(Consumption::Advance),
        2 => Just(Consumption::Release),
        3 => drain,
        5 => Just(Consumption::Recover),
    ]
}

fn any_steps() -> impl Strategy<Value = u8> {
    prop_oneof![4 => 0..6_u8, 2 => 0..40_u8, 3 => Just(TO_THE_END)]
}

fn any_turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        14 => (any::<u8>(), any_steps(), any_production())
            .prop_map(|(who, steps, job)| Turn::Producer { who, steps, job }),
        7 => (any_steps(), any_consumption())
            .prop_map(|(steps, job)| Turn::Consumer { steps, job }),
        2 => any::<u8>().prop_map(|who| Turn::KillProducer { who }),
        1 => any::<u8>().prop_map(|who| Turn::StopProducer { who }),
        1 => Just(Turn::KillConsumer),
    ]
}

/// The configuration of a property whose failures are shrunk and printed; what they found becomes a
/// test of its own, not a seed file.
fn configuration() -> ProptestConfig {
    let default = ProptestConfig::default();
    let is_chosen = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig {
        cases: if is_chosen { default.cases } else { CASES },
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..default
    }
}

proptest! {
    #![proptest_config(configuration())]

    #[test]
    fn any_schedule_does_what_the_oracle_allows(
        (geometry, start) in any_ring(),
        turns in vec(any_turn(), 1..=TURNS),
    ) {
        run(&turns, geometry, start);
    }
}

const ALL: u8 = TO_THE_END;

/// Everything that a claim can be, of lengths that are those of a few words.
fn productions() -> Vec<Production> {
    let message = |len| Message { len, seed: 0 };
    let ends = [End::Commit, End::Abort, End::Forget];
    let mut all = vec![send(0), send(20), send(33)];
    for end in ends {
        all.push(Production::Claim {
            message: message(20),
            end,
        });
        all.push(Production::Batch {
            messages: vec![message(9), message(0), message(17)],
            spare: 1,
            end,
        });
    }
    all
}

/// A record of a dead producer is there as a whole, or its claim is skipped as a whole, wherever it
/// was killed; what others sent before and behind is there. The next one in its slot goes on.
#[test]
fn a_producer_killed_at_any_step_loses_its_own_claim_at_most() {
    let mut repairs = 0;
    for align in [8, 64] {
        let geometry = geometry(512, 40, align, 2);
        for start in [0, 384, 448] {
            for job in productions() {
                for steps in 0..40 {
                    let turns = plans::killed_in(job.clone(), steps);
                    let tally = run(&turns, geometry, Position(start));
                    assert!(tally.received >= 4, "{tally:?}");
                    assert_eq!(tally.repairs, tally.killed_in_claim, "{tally:?}");
                    repairs += tally.repairs;
                }
            }
        }
    }
    assert!(repairs > 500, "{repairs}");
}

/// What a third one does while two others die: nothing, or it claims behind them; it has gone on from
/// there or has not, and it may not have published.
fn thirds() -> [Vec<Production>; 4] {
    let leaks = Production::Claim {
        message: Message { len: 3, seed: 0 },
        end: End::Forget,
    };
    // Its second record starts, and ends, where longer claims of the others would have ended.
    [vec![], vec![send(3)], vec![send(3), send(0)], vec![leaks]]
}

/// Two that die together, wherever each of them was, and both may be claiming the same place.
#[test]
fn two_producers_killed_at_any_two_steps() {
    let geometry = geometry(512, 40, 8, 3);
    let mut total = Tally::default();
    for (first, second) in [(0, 20), (20, 0), (0, 16), (9, 9)] {
        for before in 0..7 {
            for between in 0..8 {
                for after in 0..4 {
                    for third in thirds() {
                        let steps = (before, between, after);
                        let turns = plans::two_killed((first, second), steps, third);
                        let tally = run(&turns, geometry, Position(448));
                        assert_eq!(tally.repairs, tally.killed_in_claim, "{tally:?}");
                        total.repairs += tally.repairs;
                        total.repairs_of_twins += tally.repairs_of_twins;
                    }
                }
            }
        }
    }
    assert!(total.repairs > 1000, "{total:?}");
    assert!(total.repairs_of_twins > 0, "{total:?}");
}

/// A consumer is killed at each step of receiving, releasing and repairing, and so is the one after it.
#[test]
fn consumers_killed_at_any_two_steps_are_succeeded() {
    let geometry = geometry(256, 40, 8, 3);
    let drain = Consumption::Drain {
        limit: 10,
        release_every: 1000,
    };
    let (mut redelivered, mut repairs) = (0, 0);
    // Takes one record, drains what is left, and recovers behind it: as one goes on, or the next.
    let dies_after = |draining: u8, recovering: u8| {
        [
            consumes(ALL, drain),
            consumes(ALL, Consumption::Advance),
            consumes(draining, drain),
            consumes(recovering, Consumption::Recover),
            Turn::KillConsumer,
        ]
    };
    for draining in [0, 2, 4, 6, 8, 12, 16, ALL] {
        for recovering in 0..28 {
            for next in [0, 3, 6, 9, 12, 15, 20] {
                let mut turns = vec![comes(0), comes(1), comes(2)];
                turns.extend([goes_on(2, ALL, send(5)), goes_on(2, ALL, send(6))]);
                // Two that have claimed one behind the other.
                turns.extend([goes_on(0, 5, send(9)), goes_on(1, 4, send(20))]);
                turns.extend([
                    Turn::KillProducer { who: 0 },
                    Turn::KillProducer { who: 1 },
                    goes_on(2, ALL, send(7)),
                ]);
                turns.extend(dies_after(draining, recovering));
                turns.extend(dies_after(ALL, next));
                let tally = run(&turns, geometry, Position(128));
                redelivered += tally.redelivered;
                repairs += tally.repairs;
            }
        }
    }
    assert!(redelivered >= 20, "{redelivered}");
    assert!(repairs > 2000, "{repairs}");
}

/// A producer that is stopped is alive: what it has claimed is never skipped, and when it goes on, its
/// record comes as if nothing had been.
#[test]
fn a_stopped_producer_is_never_repaired() {
    let geometry = geometry(512, 40, 8, 2);
    let mut waits = 0;
    for job in productions() {
        for steps in 0..40 {
            let turns = plans::stopped_in(&job, steps);
            let tally = run(&turns, geometry, Position(0));
            assert_eq!(tally.repairs, 0, "{tally:?}");
            waits += tally.waits;
        }
    }
    assert!(waits > 500, "{waits}");
}

/// A claim that its dead producer has marked as its own waits for nobody else, even if somebody who
/// is alive, and stopped, had meant to claim there.
#[test]
fn a_marked_claim_of_a_dead_producer_waits_for_nobody_else() {
    let geometry = geometry(512, 40, 8, 2);
    // From the step behind the mark up to the header's.
    for steps in 5..9 {
        let mut turns = vec![comes(0), comes(1)];
        // It is stopped with its intent stored.
        turns.extend([goes_on(0, 3, send(9)), Turn::StopProducer { who: 0 }]);
        turns.push(goes_on(1, steps, send(20)));
        turns.push(Turn::KillProducer { who: 1 });
        turns.extend(consumes_everything());
        let tally = run(&turns, geometry, Position(0));
        assert_eq!(tally.repairs, 1, "{tally:?}");
        assert_eq!(tally.waits_for_another, 0, "{steps} steps: {tally:?}");
    }
}

/// Who takes the slot of one that died before it could claim, is not taken for somebody who claims.
#[test]
fn a_successor_in_a_slot_does_not_hold_things_up() {
    let geometry = geometry(512, 40, 8, 2);
    for steps in 4..9 {
        let mut turns = vec![comes(0), comes(1), goes_on(0, 3, send(9))];
        turns.extend([Turn::KillProducer { who: 0 }, comes(0)]);
        turns.push(goes_on(1, steps, send(20)));
        turns.push(Turn::KillProducer { who: 1 });
        turns.extend(consumes_everything());
        let tally = run(&turns, geometry, Position(0));
        assert_eq!((tally.repairs, tally.waits), (1, 0), "{tally:?}");
    }
}

/// A ring that is full, and a dead claim is the oldest thing in it, or the newest.
#[test]
fn a_full_ring_with_a_dead_claim_never_sticks() {
    for align in [8, 16, 64] {
        for len in [
            0,
            1,
            24,
            56,
            Geometry::largest_payload(Kind::Mpsc, 256, align) as u16,
        ] {
            let geometry = geometry(256, u64::from(len), align, 2);
            let fill = vec![goes_on(1, ALL, send(len)); 33];
            for steps in 3..8 {
                let dies = [
                    comes(0),
                    goes_on(0, steps, send(len)),
                    Turn::KillProducer { who: 0 },
                ];
                let mut turns = vec![comes(1)];
                for _ in 0..3 {
                    turns.extend(dies.clone());
                    turns.extend(fill.clone());
                    turns.extend(consumes_everything());
                    turns.extend(fill[1..].iter().cloned());
                    turns.extend(dies.clone());
                    turns.extend(consumes_everything());
                }
                let tally = run(&turns, geometry, Position(0));
                assert!(tally.full > 0 && tally.received > 2, "{tally:?}");
            }
        }
    }
}
