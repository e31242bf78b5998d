//! Those who follow the protocol, whatever somebody else writes.

use std::thread;
use std::time::{Duration, Instant};

use mapring::generic::{Mpsc, Options, Ring, Spsc};
use mapring::{OpenError, WaitStrategy, Wakeups};

use super::counts::{Counts, Outcome, attached, opened};
use super::endpoints::{observe, receive_something, send_something, strategy};
use super::kinds::Kind;
use crate::common::{Random, hear, say};

/// How long the waits of those are who do not mean to sleep, at most: milliseconds.
const SHORT: u64 = 3;
/// How long the waits of sleepers are, at most, in milliseconds: longer than one sleep.
const LONG: u64 = 150;

/// After so many ends a region has nothing more to show, and it is time for a new one.
const MOST_ENDS: u32 = 50;

/// One honest peer, in one region, for one round.
struct Honest<'a> {
    role: &'a str,
    name: &'a str,
    end: Instant,
    /// How many endpoints are over, or were refused.
    ends: u32,
    counts: Counts,
    random: Random,
}

/// What the role `role_honest` does: round by round it hears a region's name, a seed and a time in
/// milliseconds, uses the region for so long, and says what came of it.
pub(crate) fn play(arguments: &[String]) {
    say("ready");
    while let Some(line) = hear() {
        let mut parts = line.split(' ');
        let name = parts.next().expect("a name");
        let mut number = || -> u64 {
            let part = parts.next().expect("a number");
            part.parse().expect("a number")
        };
        let honest = Honest {
            role: &arguments[1],
            name,
            random: Random::with_seed(number()),
            end: Instant::now() + Duration::from_millis(number()),
            ends: 0,
            counts: Counts::default(),
        };
        let counts = match arguments[0].as_str() {
            "spsc" => honest.live::<Spsc>(),
            _ => honest.live::<Mpsc>(),
        };
        say(counts.to_line());
    }
}

impl Honest<'_> {
    fn live<P: Kind>(mut self) -> Counts {
        while !self.is_over() {
            if self.role == "opener" {
                self.open_somehow::<P>();
            } else if let Some(ring) = self.open::<P>() {
                // As long as the region is mapped it does not matter what it says of itself.
                while !self.is_over() {
                    self.attach(&ring);
                }
            }
            // The machine may have fewer cores than a storm has processes.
            thread::yield_now();
        }
        self.counts
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.end || self.ends >= MOST_ENDS
    }

    fn open<P: Kind>(&mut self) -> Option<Ring<P>> {
        let create = self.random.below(4) == 0;
        let open = |options: Options<P>| match create {
            true => options.create_or_open(self.name),
            false => options.open(self.name),
        };
        let ring = if cfg!(feature = "event") {
            // Events are for peers that trust each other, so it says which other ones it expects.
            match open(P::options().wakeups(Wakeups::Futex)) {
                Err(OpenError::Mismatch { found: 0, .. }) => {
                    open(P::options().wakeups(Wakeups::None))
                }
                ring => ring,
            }
        } else {
            open(P::options())
        };
        self.counts.add("open", opened(&ring));
        self.ends += u32::from(ring.is_err());
        ring.ok()
    }

    /// As one who comes and goes.
    fn open_somehow<P: Kind>(&mut self) {
        match self.random.below(8) {
            0 => {
                let created = P::options().create(self.name);
                assert!(created.is_err(), "a region in use was replaced");
                self.counts.add("create", opened(&created));
            }
            1 => {
                let removed = P::options().remove(self.name);
                assert!(!matches!(removed, Ok(true)), "a region in use was removed");
                self.counts.add("remove", opened(&removed));
            }
            _ => {
                if let Some(ring) = self.open::<P>() {
                    self.attach(&ring);
                }
            }
        }
    }

    /// Takes a role, and plays it until it is over.
    fn attach<P: Kind>(&mut self, ring: &Ring<P>) {
        let brief = self.role == "opener";
        let calls = if brief { 3 } else { u64::MAX };
        let role = match self.role {
            "opener" => ["producer", "consumer", "observer"][self.random.below(3) as usize],
            role => role,
        };
        match role {
            "producer" => self.produce(ring, calls, SHORT),
            "sleeping-producer" => self.produce(ring, calls, LONG),
            "consumer" => self.consume(ring, calls, SHORT),
            "sleeping-consumer" => self.consume(ring, calls, LONG),
            _ => {
                let observer = ring.observer().expect("memory for a mapping");
                for _ in 0..calls {
                    let outcome = observe(&observer, &mut self.random);
                    self.counts.add("observer", outcome);
                    if self.is_over() {
                        break;
                    }
                    thread::yield_now();
                }
            }
        }
    }

    fn produce<P: Kind>(&mut self, ring: &Ring<P>, calls: u64, most: u64) {
        let producer = ring.producer();
        self.counts.add("producer-attach", attached(&producer));
        let Ok(mut producer) = producer else {
            self.ends += 1;
            return thread::yield_now();
        };
        producer.set_wait_strategy(if most == LONG {
            WaitStrategy::LowCpu
        } else {
            strategy(&mut self.random)
        });
        for _ in 0..calls {
            let (counts, random) = (&mut self.counts, &mut self.random);
            let outcome = send_something(&mut producer, counts, random, most);
            self.counts.add("producer", outcome);
            match outcome {
                Outcome::Done => {}
                Outcome::NotNow(_) => thread::yield_now(),
                Outcome::Over(end) => {
                    self.ends += 1;
                    let again = producer.try_send(1, b"").map(drop);
                    assert_eq!(again, Err(end.of_sending()), "for ever");
                    return;
                }
            }
            if self.is_over() {
                break;
            }
        }
        if self.random.below(4) == 0 {
            producer.abandon();
        }
    }

    fn consume<P: Kind>(&mut self, ring: &Ring<P>, calls: u64, most: u64) {
        let consumer = ring.consumer();
        self.counts.add("consumer-attach", attached(&consumer));
        let Ok(mut consumer) = consumer else {
            self.ends += 1;
            return thread::yield_now();
        };
        consumer.set_wait_strategy(if most == LONG {
            WaitStrategy::LowCpu
        } else {
            strategy(&mut self.random)
        });
        for _ in 0..calls {
            let (counts, random) = (&mut self.counts, &mut self.random);
            let outcome = receive_something(&mut consumer, counts, random, most);
            self.counts.add("consumer", outcome);
            match outcome {
                Outcome::Done => {}
                Outcome::NotNow(_) => thread::yield_now(),
                Outcome::Over(end) => {
                    self.ends += 1;
                    let again = consumer.try_recv(&mut Vec::new()).map(drop);
                    assert_eq!(again, Err(end.of_receiving()), "for ever");
                    return;
                }
            }
            if self.is_over() {
                return;
            }
        }
    }
}
