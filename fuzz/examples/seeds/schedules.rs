//! Schedules that a fuzzer does not find its way to: where one step more or less is another case.

use mapring::layout::{Geometry, Kind};
use mapring::ring::Position;
use mapring_testing::operations::End;
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
    schedules.iter().map(|turns| spell(turns)).collect()
}

/// Two producers that die together before either has marked the claim as its own, one of which has
/// made it; so its end must be found by what stands behind it.
fn twins() -> impl Iterator<Item = Vec<Turn>> {
    let lengths = [(0, 20), (20, 0), (0, 16), (9, 9)].into_iter();
    let steps = lengths.flat_map(|lengths| (0..7 * 8 * 4).map(move |steps| (lengths, steps)));
    steps.filter_map(|((first, second), steps)| {
        let (before, between, after) = (steps % 7, steps / 7 % 8, steps / 7 / 8);
        let attach = |who| goes_on(who, TO_THE_END, Production::Look);
        let mut turns: Vec<_> = (0..3).map(attach).collect();
        turns.push(goes_on(0, before, send(first)));
        turns.push(goes_on(1, between, send(second)));
        turns.push(goes_on(0, after, send(first)));
        turns.push(goes_on(2, TO_THE_END, send(3)));
        turns.extend([0, 1].map(|who| Turn::KillProducer { who }));
        turns.extend([drain(), recover(), drain(), recover(), drain()]);
        let tally = schedule::run(&turns, geometry(), Position(START));
        (tally.repairs_of_twins > 0).then_some(turns)
    })
}

/// So many records of one producer that it shows what it has counted.
fn many_records() -> Vec<Turn> {
    let batch = Production::Batch {
        messages: vec![Message { len: 0, seed: 0 }; 10],
        spare: 0,
        end: End::Commit,
    };
    let round = [goes_on(0, TO_THE_END, batch), drain()];
    round.iter().cycle().take(64).cloned().collect()
}

fn goes_on(who: u8, steps: u8, job: Production) -> Turn {
    Turn::Producer { who, steps, job }
}

fn send(len: u16) -> Production {
    Production::Send(Message { len, seed: 0 })
}

fn drain() -> Turn {
    let job = Consumption::Drain {
        limit: 100,
        release_every: 1000,
    };
    Turn::Consumer {
        steps: TO_THE_END,
        job,
    }
}

fn recover() -> Turn {
    Turn::Consumer {
        steps: TO_THE_END,
        job: Consumption::Recover,
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
    ring.list(turns, turn).into_bytes()
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
        Production::Claim {
            message: it,
            end: by,
        } => end(message(to.variant(1, 5), it), *by),
        Production::Batch {
            messages,
            spare,
            end: by,
        } => {
            let to = to.variant(2, 5).list(messages, message);
            end(to.byte(spare.cast_unsigned()), *by)
        }
        Production::Look => to.variant(3, 5),
        Production::Leave => to.variant(4, 5),
    }
}

fn message(to: Spelling, message: &Message) -> Spelling {
    to.half(message.len).byte(message.seed)
}

fn end(to: Spelling, end: End) -> Spelling {
    let index = match end {
        End::Commit => 0,
        End::Abort => 1,
        End::Forget => 2,
    };
    to.variant(index, 3)
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
