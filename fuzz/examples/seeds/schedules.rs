//! Schedules of the unit tests, in which one step more or less is another case: a fuzzer does not
//! find its way to them.

use mapring::layout::{Geometry, Kind};
use mapring::ring::Position;
use mapring_testing::operations::End;
use mapring_testing::schedule::plans::{self, goes_on, send};
use mapring_testing::schedule::{self, Consumption, Message, Production, TO_THE_END, Turn};

use super::spelling::Spelling;

/// Where the ring starts, in bytes: the second claim runs over its end.
const START: u64 = 448;
const LONGEST: u16 = 40;
/// How many twins are kept, of some hundred that there are.
const TWINS: usize = 4;

/// All of them.
pub(crate) fn inputs() -> Vec<Vec<u8>> {
    let mut schedules: Vec<_> = twins().take(TWINS).collect();
    schedules.push(many_records());
    for steps in [3, 5, 9, 14] {
        let claim = Production::Claim {
            message: Message { len: 20, seed: 0 },
            end: End::Commit,
        };
        schedules.push(plans::killed_in(batch(3), steps));
        schedules.push(plans::stopped_in(&claim, steps));
    }
    schedules.iter().map(|turns| spell(turns)).collect()
}

/// Two producers that die together before either has marked the claim as its own, one of which has
/// made it; so its end must be found by what stands behind it.
fn twins() -> impl Iterator<Item = Vec<Turn>> {
    let lengths = [(0, 20), (20, 0), (0, 16), (9, 9)].into_iter();
    let steps = lengths.flat_map(|lengths| (0..7 * 8 * 4).map(move |steps| (lengths, steps)));
    steps.filter_map(|(lengths, steps)| {
        let steps = (steps % 7, steps / 7 % 8, steps / 7 / 8);
        let turns = plans::two_killed(lengths, steps, [send(3)]);
        let tally = schedule::run(&turns, geometry(), Position(START));
        (tally.repairs_of_twins > 0).then_some(turns)
    })
}

/// So many records of one producer that it shows what it has counted.
fn many_records() -> Vec<Turn> {
    let round = [goes_on(0, TO_THE_END, batch(10)), plans::drains()];
    round.iter().cycle().take(64).cloned().collect()
}

/// So many records without a payload.
fn batch(count: usize) -> Production {
    Production::Batch {
        messages: vec![Message { len: 0, seed: 0 }; count],
        spare: 0,
        end: End::Commit,
    }
}

/// The ring of all these schedules, as [`spell`] spells it.
fn geometry() -> Geometry {
    let geometry = Geometry::of_any_capacity(Kind::Mpsc, 512, LONGEST.into(), 8, 3);
    geometry.expect("a ring that can be")
}

fn spell(turns: &[Turn]) -> Vec<u8> {
    // 64 << 3 bytes, records at multiples of 8 << 0, 1 + 2 producers.
    let ring = Spelling::default().byte(3).byte(0).byte(2);
    let ring = ring.half(LONGEST).word(START);
    ring.last_list(turns, turn).into_bytes()
}

fn turn(to: Spelling, turn: &Turn) -> Spelling {
    match turn {
        Turn::Producer { who, steps, job } => {
            production(to.variant(0, 5).byte(*who).byte(*steps), job)
        }
        Turn::Consumer { steps, job } => consumption(to.variant(1, 5).byte(*steps), job),
        Turn::KillProducer { who } => to.variant(2, 5).byte(*who),
        Turn::StopProducer { who } => to.variant(3, 5).byte(*who),
        Turn::KillConsumer => to.variant(4, 5),
    }
}

fn production(to: Spelling, job: &Production) -> Spelling {
    match job {
        Production::Send(it) => message(to.variant(0, 5), it),
        Production::Claim { message: it, end } => message(to.variant(1, 5), it).end(*end),
        Production::Batch {
            messages,
            spare,
            end,
        } => {
            let to = to.variant(2, 5).list(messages, message);
            to.byte(spare.cast_unsigned()).end(*end)
        }
        Production::Look => to.variant(3, 5),
        Production::Leave => to.variant(4, 5),
    }
}

fn message(to: Spelling, message: &Message) -> Spelling {
    to.half(message.len).byte(message.seed)
}

fn consumption(to: Spelling, job: &Consumption) -> Spelling {
    match job {
        Consumption::Receive => to.variant(0, 5),
        Consumption::Advance => to.variant(1, 5),
        Consumption::Release => to.variant(2, 5),
        Consumption::Drain {
            limit,
            release_every,
        } => to.variant(3, 5).byte(*limit).half(*release_every),
        Consumption::Recover => to.variant(4, 5),
    }
}
