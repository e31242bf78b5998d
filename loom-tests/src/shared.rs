//! A ring of many producers in a model, and what the kernel knows of its participants.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use loom::sync::atomic::AtomicBool;
use loom::thread::JoinHandle;
use mapring::layout::{self, Geometry, Kind, WORD, Word};
use mapring::memory::{Memory, ReadMemory};
use mapring::ring::mpsc::{Consumer, Mpsc, Producer};
use mapring::ring::{Gap, Liveness, Position, Protocol, RecordHeader, Repair};

use crate::model::{ModelMemory, assert_empty, attached, take, wait_for_record};
use crate::{Dying, Setup, until_death};

/// The process that a model's slot `index` belongs to.
const FIRST_PID: u32 = 100;

/// A ring of many producers in a model's memory, with the locks of their slots. A clone is the same
/// ring.
#[derive(Clone, Debug)]
pub struct SharedRing {
    /// Where it is.
    pub memory: ModelMemory,
    /// Its shape.
    pub geometry: Geometry,
    /// The kernel's locks of the producers' slots, all of them held in the beginning.
    pub locks: Locks,
}

/// A producer that stops after some stores.
pub(crate) type DyingProducer = Producer<Dying<ModelMemory>>;

impl Setup {
    /// A ring of `capacity` bytes for payloads of up to `max_payload` bytes and for so many
    /// `producers`, whose cursors stand at `start`.
    ///
    /// # Panics
    /// When there is no such ring.
    #[must_use]
    pub fn shared_ring(
        &self,
        capacity: u64,
        max_payload: u64,
        start: u64,
        producers: usize,
    ) -> SharedRing {
        self.shared_ring_with(capacity, max_payload, start, producers, &[])
    }

    /// As [`Setup::shared_ring`], in memory that has the words of `more` as well.
    pub(crate) fn shared_ring_with(
        &self,
        capacity: u64,
        max_payload: u64,
        start: u64,
        producers: usize,
        more: &[Word],
    ) -> SharedRing {
        let align = WORD as u64;
        let geometry =
            Geometry::of_any_capacity(Kind::Mpsc, capacity, max_payload, align, producers as u64)
                .expect("a shape within the limits");
        let memory = self.memory(&geometry, more.iter().copied());
        for cursor in [layout::TAIL, layout::HEAD, layout::RELEASE_TO] {
            memory.store(cursor, start, Relaxed);
        }
        for index in 0..producers {
            let pid = geometry.producer_slot(index).plus(layout::SLOT_PID);
            memory.store(pid, u64::from(pid_of(index)), Relaxed);
        }
        let locks = Locks::held(producers);
        SharedRing {
            memory,
            geometry,
            locks,
        }
    }

    /// The ring's memory for the consumer that is killed in this execution.
    pub(crate) fn dying_in(&self, ring: &SharedRing) -> Dying<ModelMemory> {
        Dying::after(self.dies_after(), ring.memory.clone())
    }
}

/// The process that holds slot `index`.
pub(crate) fn pid_of(index: usize) -> u32 {
    FIRST_PID + index as u32
}

impl SharedRing {
    /// Its consumer. The model sees to it that there is one at a time.
    ///
    /// # Panics
    /// When the ring is corrupt.
    #[must_use]
    pub fn consumer(&self) -> Consumer<ModelMemory> {
        attached(Consumer::attach(self.memory.clone(), self.geometry))
    }

    /// The producer in slot `index`, which nothing needs any more of a holder before.
    ///
    /// # Panics
    /// When the ring is corrupt, or a claim of a holder before is unresolved.
    #[must_use]
    pub fn producer(&self, index: usize) -> Producer<ModelMemory> {
        self.try_producer(index).expect("a slot without a past")
    }

    /// The producer in slot `index`, unless a claim of a holder before is unresolved.
    ///
    /// # Panics
    /// When the ring is corrupt.
    #[must_use]
    pub fn try_producer(&self, index: usize) -> Option<Producer<ModelMemory>> {
        attached(Producer::attach(self.memory.clone(), self.geometry, index))
    }

    /// Lives as `producer` does until it wants to make one store more than `stores`. Its lock stays
    /// held.
    pub(crate) fn live<R>(
        &self,
        producer: &Producer<ModelMemory>,
        stores: usize,
        life: impl FnOnce(&mut DyingProducer) -> R,
    ) -> Option<R> {
        let dying = Dying::after(stores, self.memory.clone());
        let mut producer = Mpsc::over(producer, dying);
        until_death(|| life(&mut producer))
    }

    /// As [`SharedRing::live`]; then the kernel ends the process, and frees its lock.
    pub(crate) fn live_and_end<R>(
        &self,
        producer: &Producer<ModelMemory>,
        stores: usize,
        life: impl FnOnce(&mut DyingProducer) -> R,
    ) -> Option<R> {
        let outcome = self.live(producer, stores, life);
        self.locks.free(producer.index());
        outcome
    }

    /// What stands behind the last claim.
    pub(crate) fn tail(&self) -> Position {
        Position(self.memory.load(layout::TAIL, Relaxed))
    }

    /// Where the producer in slot `index` says that it is about to claim; 0 for nowhere.
    pub(crate) fn intent(&self, index: usize) -> u64 {
        let slot = self.geometry.producer_slot(index);
        self.memory.load(slot.plus(layout::SLOT_INTENT), Relaxed)
    }
}

/// What a consumer comes by at its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A record, whose payload was right, and which was released.
    Record(RecordHeader),
    /// A dead producer's claim, which was skipped.
    Repair(Repair),
    /// A producer that is alive may be writing.
    Alive(usize),
    /// Nothing.
    Nothing,
}

/// One step of a consumer that goes on as long as it can.
pub(crate) fn step<M: Memory>(consumer: &mut Consumer<M>, locks: &Locks) -> Step {
    match attached(consumer.peek()) {
        Some(header) => {
            take(consumer, &header);
            consumer.release();
            Step::Record(header)
        }
        None => match attached(consumer.recover(&mut locks.ask())) {
            Gap::None => Step::Nothing,
            Gap::Alive { index } => Step::Alive(index),
            Gap::Dead(repair) => Step::Repair(repair),
        },
    }
}

/// What is left when everybody else has come to an end: everything up to where nothing is, or
/// where somebody who is alive may be writing.
pub(crate) fn rest<M: Memory>(consumer: &mut Consumer<M>, locks: &Locks) -> (Vec<Step>, Step) {
    let mut steps = Vec::new();
    loop {
        match step(consumer, locks) {
            end @ (Step::Nothing | Step::Alive(_)) => return (steps, end),
            other => steps.push(other),
        }
    }
}

/// The kernel's locks of the producers' slots. A clone is the same locks.
///
/// Like a lock of a file, one is held until its holder's process has ended, can be taken without
/// waiting, and then shows all that its holder has done.
#[derive(Clone, Debug)]
pub struct Locks(Arc<[AtomicBool]>);

impl Locks {
    fn held(count: usize) -> Self {
        Self((0..count).map(|_| AtomicBool::new(true)).collect())
    }

    /// Takes the lock of slot `index`, if nobody holds it.
    #[must_use]
    pub fn try_take(&self, index: usize) -> bool {
        let exchanged = self.0[index].compare_exchange(false, true, Acquire, Relaxed);
        exchanged.is_ok()
    }

    /// Gives the lock of slot `index` back, as the end of a process does.
    pub fn free(&self, index: usize) {
        self.0[index].store(false, Release);
    }

    /// What a consumer asks in a recovery.
    #[must_use]
    pub fn ask(&self) -> Undertaker {
        Undertaker {
            locks: self.clone(),
            taken: Vec::new(),
        }
    }
}

/// Says who has died by taking their locks. It holds them until it is dropped.
#[derive(Debug)]
pub struct Undertaker {
    locks: Locks,
    taken: Vec<usize>,
}

impl Liveness for Undertaker {
    fn take(&mut self, index: usize) -> bool {
        let taken = self.locks.try_take(index);
        if taken {
            self.taken.push(index);
        }
        taken
    }
}

impl Drop for Undertaker {
    fn drop(&mut self) {
        for index in self.taken.drain(..) {
            self.locks.free(index);
        }
    }
}

/// Receives the records 1 and 2, in whichever order they were claimed, and nothing else. Waits for
/// the two producers that send one each.
pub(crate) fn receive_from_both<M: Memory>(
    consumer: &mut Consumer<M>,
    senders: [JoinHandle<()>; 2],
) {
    let mut tags = [(); 2].map(|()| {
        let header = wait_for_record(consumer);
        take(consumer, &header);
        consumer.release();
        header.tag
    });
    tags.sort_unstable();
    assert_eq!(tags, [1, 2]);
    assert_empty(consumer);
    for sender in senders {
        sender.join().expect("a producer");
    }
}
