//! Gives the participants their turns.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use mapring::layout::{self, Fences, Geometry, WORD, Wakeups, Word};
use mapring::memory::{Memory, ReadMemory};
use mapring::ring::attach::{self, Identity};
use mapring::ring::{Position, RecordHeader};

use crate::Bytes;

use super::baton::{Baton, Status, Steered, lock};
use super::consuming::consume;
use super::ledger::Ledger;
use super::locks::Locks;
use super::producing::produce;
use super::{Consumption, Message, Production, TO_THE_END, Tally, Turn};

/// What all participants share.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) geometry: Geometry,
    pub(super) memory: Bytes,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    pub(super) locks: Locks,
}

/// A participant, and how far it has come.
#[derive(Debug)]
struct Participant<J> {
    thread: Steered,
    jobs: Sender<J>,
    status: Status,
    stopped: bool,
}

pub(super) struct Runner {
    world: World,
    producers: Vec<Option<Participant<Production>>>,
    consumer: Option<Participant<Consumption>>,
}

impl Runner {
    pub(super) fn new(geometry: Geometry, start: Position) -> Self {
        let memory = region(geometry, start);
        let ledger = Ledger::new(geometry, memory.clone(), start);
        Self {
            world: World {
                geometry,
                memory,
                ledger: Arc::new(Mutex::new(ledger)),
                locks: Locks::new(geometry.producers()),
            },
            // One more than there are slots, so that there can be one too many.
            producers: (0..=geometry.producers()).map(|_| None).collect(),
            consumer: None,
        }
    }

    pub(super) fn take(&mut self, turn: &Turn) {
        match turn {
            Turn::Producer { who, steps, job } => {
                self.produce(self.place(*who), count(*steps), job);
            }
            Turn::Consumer { steps, job } => self.consume(count(*steps), *job),
            Turn::KillProducer { who } => {
                let place = self.place(*who);
                self.producers[place] = None;
            }
            Turn::StopProducer { who } => {
                let place = self.place(*who);
                if let Some(producer) = &mut self.producers[place] {
                    producer.stopped = !producer.stopped;
                }
            }
            Turn::KillConsumer => self.consumer = None,
        }
    }

    /// Lets everybody come to an end, and looks at what is left.
    pub(super) fn finish(mut self) -> Tally {
        for place in 0..self.producers.len() {
            // Dropping it kills it.
            let producer = &mut self.producers[place];
            drop(producer.take_if(|producer| producer.stopped));
            // What it has begun, then its leave; unless that was it.
            while self.producers[place].is_some() {
                self.produce(place, usize::MAX, &Production::Leave);
            }
        }
        self.drain();
        self.check_the_end();
        // Every slot can be taken again, and the ring is as good as new.
        for slot in 0..self.world.geometry.producers() {
            let longest = Message {
                len: self.world.geometry.max_payload() as u16,
                seed: 0,
            };
            self.produce(slot, usize::MAX, &Production::Look);
            assert!(self.producers[slot].is_some(), "slot {slot} is stuck");
            self.produce(slot, usize::MAX, &Production::Send(longest));
            self.drain();
        }
        self.check_the_end();
        let ledger = lock(&self.world.ledger);
        let claims = ledger.claim_count() as u64;
        Tally {
            claims,
            ..ledger.tally
        }
    }

    fn produce(&mut self, place: usize, steps: usize, job: &Production) {
        let world = self.world.clone();
        let start = || Participant::new(move |baton, jobs| produce(&world, baton, &jobs));
        let producer = self.producers[place].get_or_insert_with(start);
        if !producer.stopped && producer.run(steps, job) == Status::Ended {
            self.producers[place] = None;
        }
    }

    fn consume(&mut self, steps: usize, job: Consumption) {
        let world = self.world.clone();
        let start = || Participant::new(move |baton, jobs| consume(&world, baton, &jobs));
        self.consumer.get_or_insert_with(start).run(steps, &job);
    }

    /// Receives all there is, past everything that dead producers have claimed.
    fn drain(&mut self) {
        let claims = lock(&self.world.ledger).claim_count();
        let all = Consumption::Drain {
            limit: u8::MAX,
            release_every: u16::MAX,
        };
        // The first two may only end what it had begun, or let it attach.
        for _ in 0..claims + 3 {
            self.consume(usize::MAX, all);
            self.consume(usize::MAX, Consumption::Recover);
            if lock(&self.world.ledger).is_drained() {
                return;
            }
        }
        panic!("the ring does not drain: {:?}", self.world.ledger);
    }

    fn check_the_end(&self) {
        let memory = &self.world.memory;
        let tail = memory.load(layout::TAIL, Relaxed);
        assert_eq!(memory.load(layout::HEAD, Relaxed), tail);
        assert_eq!(memory.load(layout::RELEASE_TO, Relaxed), tail);
        for at in headers(&self.world.geometry) {
            assert_eq!(memory.load(at, Relaxed), 0, "{at:?} of an empty ring");
        }
        lock(&self.world.ledger).check_nothing_is_lost();
    }

    fn place(&self, who: u8) -> usize {
        usize::from(who) % self.producers.len()
    }
}

impl<J: Clone + Send + 'static> Participant<J> {
    fn new(live: impl FnOnce(&Arc<Baton>, Receiver<J>) + Send + 'static) -> Self {
        let (jobs, received) = mpsc::channel();
        Self {
            thread: Steered::spawn(move |baton| live(baton, received)),
            jobs,
            status: Status::Busy,
            stopped: false,
        }
    }

    /// Goes on, with `job` if it has nothing to do.
    fn run(&mut self, steps: usize, job: &J) -> Status {
        if self.status == Status::Idle {
            self.jobs.send(job.clone()).expect("it waits for a job");
        }
        self.status = self.thread.run(steps);
        self.status
    }
}

fn count(steps: u8) -> usize {
    if steps < TO_THE_END {
        usize::from(steps)
    } else {
        usize::MAX
    }
}

/// A new region. All of it that is no place for a header looks like one.
fn region(geometry: Geometry, start: Position) -> Bytes {
    let memory = Bytes::zeroed(geometry.total_size());
    let stale = RecordHeader { tag: 7, len: 1 }.to_word();
    for offset in (geometry.data().offset()..geometry.total_size()).step_by(WORD) {
        memory.store(Word::at(offset), stale, Relaxed);
    }
    for at in headers(&geometry) {
        memory.store(at, 0, Relaxed);
    }
    let identity = Identity {
        geometry,
        persistent: false,
        generation: 7,
        wakeups: Wakeups::None,
        fences: Fences::Symmetric,
    };
    attach::initialise(&memory, &identity, start);
    memory
}

/// Every word where a header may stand.
fn headers(geometry: &Geometry) -> impl Iterator<Item = Word> {
    let (data, capacity) = (geometry.data(), geometry.capacity());
    let indices = (0..capacity).step_by(geometry.record_align());
    indices.map(move |index| data.plus(index))
}
