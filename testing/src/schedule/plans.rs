//! Schedules that tests run at every step, and fuzzers start from.

use super::{Consumption, Message, Production, TO_THE_END, Turn};

/// A producer makes some steps, of this job if it has none.
#[must_use]
pub fn goes_on(who: u8, steps: u8, job: Production) -> Turn {
    Turn::Producer { who, steps, job }
}

/// A producer attaches.
#[must_use]
pub fn comes(who: u8) -> Turn {
    goes_on(who, TO_THE_END, Production::Look)
}

/// A record of so many bytes.
#[must_use]
pub fn send(len: u16) -> Production {
    Production::Send(Message { len, seed: 0 })
}

/// The consumer makes some steps, of this job if it has none.
#[must_use]
pub fn consumes(steps: u8, job: Consumption) -> Turn {
    Turn::Consumer { steps, job }
}

/// The consumer drains what is there.
#[must_use]
pub fn drains() -> Turn {
    let drain = Consumption::Drain {
        limit: 100,
        release_every: 1000,
    };
    consumes(TO_THE_END, drain)
}

/// The consumer receives what it can, past what is dead. Its first turn may be used up by attaching.
#[must_use]
pub fn consumes_everything() -> Vec<Turn> {
    let round = [drains(), consumes(TO_THE_END, Consumption::Recover)];
    round.iter().cycle().take(8).cloned().collect()
}

/// Producer 0 is killed behind `steps` steps of a job; producer 1 sends before, meanwhile, and behind;
/// then the next one comes into the slot.
#[must_use]
pub fn killed_in(job: Production, steps: u8) -> Vec<Turn> {
    let mut turns = vec![comes(0), comes(1), goes_on(1, TO_THE_END, send(5))];
    turns.push(goes_on(0, steps, job));
    turns.push(goes_on(1, TO_THE_END, send(6)));
    turns.push(Turn::KillProducer { who: 0 });
    turns.push(goes_on(1, TO_THE_END, send(7)));
    turns.extend(consumes_everything());
    turns.extend([comes(0), goes_on(0, TO_THE_END, send(8))]);
    turns
}

/// Two producers are killed, the first of them `steps.0` steps into a record, and `steps.2` steps
/// further behind the second's `steps.1`; a third one does its jobs before they die.
#[must_use]
pub fn two_killed(
    lengths: (u16, u16),
    steps: (u8, u8, u8),
    third: impl IntoIterator<Item = Production>,
) -> Vec<Turn> {
    let mut turns: Vec<_> = (0..3).map(comes).collect();
    turns.push(goes_on(0, steps.0, send(lengths.0)));
    turns.push(goes_on(1, steps.1, send(lengths.1)));
    turns.push(goes_on(0, steps.2, send(lengths.0)));
    turns.extend(third.into_iter().map(|job| goes_on(2, TO_THE_END, job)));
    turns.extend([0, 1].map(|who| Turn::KillProducer { who }));
    turns.extend(consumes_everything());
    turns
}

/// Producer 0 is stopped `steps` steps into a job, and goes on when the consumer has been.
#[must_use]
pub fn stopped_in(job: &Production, steps: u8) -> Vec<Turn> {
    let mut turns = vec![comes(0), comes(1), goes_on(0, steps, job.clone())];
    turns.push(Turn::StopProducer { who: 0 });
    turns.push(goes_on(1, TO_THE_END, send(6)));
    turns.extend(consumes_everything());
    turns.push(Turn::StopProducer { who: 0 });
    turns.push(goes_on(0, TO_THE_END, job.clone()));
    turns.extend(consumes_everything());
    turns
}
