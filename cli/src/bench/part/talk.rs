//! Single messages, and what is measured with them.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::channel::{
    Buffer, Channel, END, Ends, Futex, GREATEST, LAST, Receiver, RingEnds, Sender, TURN, Word,
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
        Role::Pace => Box::new(Pace(there.sender()?, back.receiver()?, 0)),
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

/// The last is what marks the end of the last turn, beside the count.
struct Pace<S, R>(S, R, u32);

impl<S: Sender, R: Receiver> Play for Pace<S, R> {
    fn play(&mut self, turn: &Turn, watch: &Watch) -> Result<Outcome> {
        let Self(there, back, turn_mark) = self;
        // Who is far behind gives up: it might take hours.
        let give_up = turn.begin + 2 * turn.time.max(turn.gap);
        let mut count = 0;
        while count < due(turn) {
            let now = wait_until(turn.begin + count * turn.gap, watch)?;
            if now >= give_up && count > 0 {
                break;
            }
            count += 1;
            there.send(count as u32, watch)?;
        }
        let end = clock::now();
        *turn_mark ^= TURN;
        there.send(END | *turn_mark | count as u32, watch)?;
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
        loop {
            let number = there.receive(watch)?;
            let now = clock::now();
            // Also those that it has missed were due, and have been overtaken by now.
            while heard < u64::from(number & !(END | TURN)) {
                let was_due = turn.begin + heard * turn.gap;
                times.record(now.saturating_sub(was_due));
                heard += 1;
            }
            if number & END != 0 {
                back.send(LAST, watch)?;
                return Ok(Outcome {
                    count: heard,
                    begin: turn.begin,
                    end: now,
                    times: Some(times),
                });
            }
        }
    }

    fn rouse(&self) -> Result<Option<Rouse>> {
        self.1.rouse()
    }
}

/// A moment as a message: the lower bits of it. It is even, and so it is not [`LAST`].
fn stamp(moment: u64) -> u32 {
    moment as u32 & (LAST - 1)
}

/// From one stamp to another, if that is less than two seconds later.
fn between(earlier: u32, later: u32) -> u64 {
    u64::from(later.wrapping_sub(earlier) & LAST)
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
            times.record(between(message, stamp(end)));
            back.send(message, watch)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::path::Path;

    #[test]
    fn stamps_tell_how_long_it_was() {
        for begin in [
            0,
            7,
            u64::from(LAST) - 1,
            u64::from(u32::MAX) - 3,
            u64::MAX / 2,
        ] {
            for passed in [0, 2, 1_000, 1_999_999_998] {
                let between = between(stamp(begin), stamp(begin + passed));
                assert!(
                    between.abs_diff(passed) <= 1,
                    "{passed} from {begin}: {between}"
                );
                assert_ne!(stamp(begin + passed), LAST);
            }
        }
    }

    #[test]
    fn one_message_at_least_is_due() {
        let due = |time, gap| {
            due(&Turn {
                begin: 0,
                time,
                gap,
            })
        };
        assert_eq!(
            (due(100, 10), due(99, 10), due(5, 10), due(5, 0)),
            (10, 9, 1, 5)
        );
    }

    /// What is heard of two turns that are over before anybody listens, over a way with room for one
    /// message only.
    #[test]
    fn turns_that_were_missed_are_heard_at_their_ends() {
        let file = mapring_limits::shared_file(mapring_limits::FutexPingPong::SIZE).unwrap();
        let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        let channel = Futex(Path::new(&path));
        let (watch, mut sender) = (&Watch::of_nothing(), channel.sender().unwrap());
        let mut hear = Hear(Nowhere, channel.receiver().unwrap());
        for mark in [TURN, 0, TURN] {
            for number in [1, 2, 3, END | mark | 3] {
                sender.send(number, watch).unwrap();
            }
            let outcome = hear.play(&Turn::default(), watch).unwrap();
            assert_eq!((outcome.count, outcome.times.unwrap().count()), (3, 3));
        }
    }

    struct Nowhere;

    impl Sender for Nowhere {
        fn send(&mut self, _number: u32, _watch: &Watch) -> Result<()> {
            Ok(())
        }
    }
}
