//! Single messages, and what is measured with them.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::channel::{
    Buffer, Channel, Ends, Futex, GREATEST, LAST, Receiver, RingEnds, Sender, Word,
};
use super::payload::{Make, Payload, with_payload};
use super::{Outcome, Play, Rouse, Times, Turn, wait_until};
use crate::bench::clock;
use crate::bench::watch::Watch;

/// Who does what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Role {
    /// Sends a message when the last one was answered; measures round trips.
    Ping,
    /// Answers.
    Pong,
    /// Sends messages when it is time for them.
    Pace,
    /// Measures how long after its time each of them arrives.
    Hear,
    /// After a pause, sends a message that wakes; measures how long that takes.
    Wake,
    /// Measures how long after that it is awake; answers.
    Sleep,
}

/// Opens both channels for the role.
pub(super) fn open(role: Role, there: &Channel, back: &Channel) -> Result<Box<dyn Play>> {
    match (there, back) {
        (Channel::Word { file: there }, Channel::Word { file: back }) => {
            over(role, &Word(there), &Word(back))
        }
        (Channel::Futex { file: there }, Channel::Futex { file: back }) => {
            over(role, &Futex(there), &Futex(back))
        }
        (Channel::Buffer { size, .. } | Channel::Ring { size, .. }, _) => {
            with_payload(*size, OfPayloads { role, there, back })
        }
        _ => unmatched(),
    }
}

fn unmatched() -> Result<Box<dyn Play>> {
    anyhow::bail!("the ways there and back are of different kinds")
}

struct OfPayloads<'a> {
    role: Role,
    there: &'a Channel,
    back: &'a Channel,
}

impl Make for OfPayloads<'_> {
    fn make<P: Payload>(self, payload: P) -> Result<Box<dyn Play>> {
        match (self.there, self.back) {
            (Channel::Buffer { file: there, .. }, Channel::Buffer { file: back, .. }) => {
                let (there, back) = (Buffer(there, payload.clone()), Buffer(back, payload));
                over(self.role, &there, &back)
            }
            (Channel::Ring { name, waiting, .. }, Channel::Ring { name: back, .. }) => {
                let ends = |name, payload| RingEnds {
                    name,
                    waiting: *waiting,
                    payload,
                };
                over(
                    self.role,
                    &ends(name, payload.clone()),
                    &ends(back, payload),
                )
            }
            _ => unmatched(),
        }
    }
}

fn over<E: Ends>(role: Role, there: &E, back: &E) -> Result<Box<dyn Play>> {
    Ok(match role {
        Role::Ping => Box::new(Ping(there.sender()?, back.receiver()?)),
        Role::Pong => Box::new(Pong(back.sender()?, there.receiver()?)),
        Role::Pace => Box::new(Pace(there.sender()?, back.receiver()?)),
        Role::Hear => Box::new(Hear(back.sender()?, there.receiver()?)),
        Role::Wake => Box::new(Wake(there.sender()?, back.receiver()?)),
        Role::Sleep => Box::new(Sleep(back.sender()?, there.receiver()?)),
    })
}

struct Ping<S, R>(S, R);

impl<S: Sender, R: Receiver> Play for Ping<S, R> {
    fn play(&mut self, turn: &Turn, watch: &Watch) -> Result<Outcome> {
        let Self(there, back) = self;
        let mut times = Times::new()?;
        let over = turn.wait_for_begin(watch)?;
        let begin = clock::now();
        let mut number = 0;
        let end = loop {
            number = number % GREATEST + 1;
            let start = clock::now();
            there.send(number, watch)?;
            let answer = back.receive(watch)?;
            let now = clock::now();
            times.record(now - start);
            ensure!(answer == number, "message {number} came back as {answer}");
            if now >= over {
                break now;
            }
        };
        there.send(LAST, watch)?;
        back.receive(watch)?;
        Ok(Outcome {
            count: times.count(),
            begin,
            end,
            times: Some(times),
        })
    }

    fn rouse(&self) -> Result<Option<Rouse>> {
        self.1.rouse()
    }
}

struct Pong<S, R>(S, R);

impl<S: Sender, R: Receiver> Play for Pong<S, R> {
    fn play(&mut self, turn: &Turn, watch: &Watch) -> Result<Outcome> {
        let Self(back, there) = self;
        let mut count = 0;
        loop {
            let number = there.receive(watch)?;
            back.send(number, watch)?;
            if number == LAST {
                return Ok(Outcome {
                    count,
                    begin: turn.begin,
                    end: clock::now(),
                    times: None,
                });
            }
            count += 1;
        }
    }
}

/// How many messages are due in a turn.
fn due(turn: &Turn) -> u64 {
    (turn.time / turn.gap.max(1)).clamp(1, u64::from(GREATEST))
}

struct Pace<S, R>(S, R);

impl<S: Sender, R: Receiver> Play for Pace<S, R> {
    fn play(&mut self, turn: &Turn, watch: &Watch) -> Result<Outcome> {
        let Self(there, back) = self;
        // Who is far behind gives up: it might take hours.
        let give_up = turn.begin + 2 * turn.time.max(turn.gap);
        let mut count = 0;
        while count < due(turn) {
            let now = wait_until(turn.begin + count * turn.gap, watch)?;
            if now >= give_up {
                break;
            }
            count += 1;
            there.send(count as u32, watch)?;
        }
        let end = clock::now();
        if count == due(turn) {
            // The end would come in the way of the last one, where there is room for one only.
            back.receive(watch)?;
        }
        there.send(LAST, watch)?;
        back.receive(watch)?;
        Ok(Outcome {
            count,
            begin: turn.begin,
            end,
            times: None,
        })
    }

    fn rouse(&self) -> Result<Option<Rouse>> {
        self.1.rouse()
    }
}

struct Hear<S, R>(S, R);

impl<S: Sender, R: Receiver> Play for Hear<S, R> {
    fn play(&mut self, turn: &Turn, watch: &Watch) -> Result<Outcome> {
        let Self(back, there) = self;
        let mut times = Times::new()?;
        let mut heard = 0;
        let mut end = turn.begin;
        loop {
            let number = there.receive(watch)?;
            if number == LAST {
                back.send(LAST, watch)?;
                return Ok(Outcome {
                    count: heard,
                    begin: turn.begin,
                    end,
                    times: Some(times),
                });
            }
            end = clock::now();
            // Also those that it has missed were due, and have been overtaken by now.
            while heard < u64::from(number) {
                let was_due = turn.begin + heard * turn.gap;
                times.record(end.saturating_sub(was_due));
                heard += 1;
            }
            if heard == due(turn) {
                back.send(number, watch)?;
            }
        }
    }

    fn rouse(&self) -> Result<Option<Rouse>> {
        self.1.rouse()
    }
}

/// A moment as a message: the low half of it. It is even, and so it is not [`LAST`].
fn stamp(moment: u64) -> u32 {
    moment as u32 & !1
}

struct Wake<S, R>(S, R);

impl<S: Sender, R: Receiver> Play for Wake<S, R> {
    fn play(&mut self, turn: &Turn, watch: &Watch) -> Result<Outcome> {
        let Self(there, back) = self;
        let mut times = Times::new()?;
        let over = turn.wait_for_begin(watch)?;
        let begin = clock::now();
        let mut answered = begin;
        while answered < over || times.count() == 0 {
            wait_until(answered + turn.gap, watch)?;
            let start = clock::now();
            let message = stamp(start);
            there.send(message, watch)?;
            times.record(clock::now() - start);
            let answer = back.receive(watch)?;
            ensure!(answer == message, "message {message} came back as {answer}");
            answered = clock::now();
        }
        there.send(LAST, watch)?;
        back.receive(watch)?;
        Ok(Outcome {
            count: times.count(),
            begin,
            end: answered,
            times: Some(times),
        })
    }

    fn rouse(&self) -> Result<Option<Rouse>> {
        self.1.rouse()
    }
}

struct Sleep<S, R>(S, R);

impl<S: Sender, R: Receiver> Play for Sleep<S, R> {
    fn play(&mut self, turn: &Turn, watch: &Watch) -> Result<Outcome> {
        let Self(back, there) = self;
        let mut times = Times::new()?;
        loop {
            let message = there.receive(watch)?;
            let end = clock::now();
            if message == LAST {
                back.send(LAST, watch)?;
                return Ok(Outcome {
                    count: times.count(),
                    begin: turn.begin,
                    end,
                    times: Some(times),
                });
            }
            // Of wakes that take less than four seconds, the low half says all.
            times.record(u64::from(stamp(end).wrapping_sub(message)));
            back.send(message, watch)?;
        }
    }
}
