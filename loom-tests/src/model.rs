//! What a model consists of, and what it runs on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use loom::thread;
use mapring::layout::{self, Geometry, Kind, WORD, Word};
use mapring::memory::Memory;
use mapring::ring::spsc::{self, Producer};
use mapring::ring::{Consumer, Produce, Protocol, RecordHeader};
use mapring::{Corrupt, TrySendError};

use crate::{Dying, LoomMemory, Site, Weakened, Weakening};

/// Most accesses of one execution; a model beyond it has a loop that does not end.
const MAX_BRANCHES: usize = 20_000;

/// What every participant of a model works on.
pub type ModelMemory = Weakened<LoomMemory>;

/// A scenario that loom explores.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Its file and function.
    pub name: &'static str,
    /// How often a thread may be preempted in one execution; `None` for any number of times.
    pub preemptions: Option<usize>,
    /// In how many places a participant is killed, the last "place" being that it lives
    /// on; 1 where nobody is killed. Each place is explored on its own.
    pub deaths: usize,
    /// One execution.
    pub body: fn(&Setup),
}

/// How much was explored.
#[derive(Clone, Copy, Debug)]
pub struct Totals {
    /// Executions.
    pub executions: usize,
    /// The time they took.
    pub time: Duration,
}

impl Model {
    /// Explores it as it is, and says how much that was.
    ///
    /// # Panics
    /// When an execution does.
    pub fn check(&self) -> Totals {
        let totals = self.explore(&Weakening::none());
        let Totals { executions, time } = totals;
        println!("{}: {executions} executions, {time:.1?}", self.name);
        totals
    }

    /// The sites it comes by, and what that cost.
    ///
    /// # Panics
    /// When an execution does.
    #[must_use]
    pub fn sites(&self) -> (Vec<Site>, Totals) {
        let weakening = Weakening::none();
        let totals = self.explore(&weakening);
        (weakening.seen().into_iter().collect(), totals)
    }

    /// Explores it with `site` weakened; returns what the first execution that fails says.
    #[must_use]
    pub fn fails_without(&self, site: Site) -> Option<String> {
        let weakening = Weakening::of(site);
        let cause = catch_unwind(AssertUnwindSafe(|| self.explore(&weakening))).err()?;
        let text = cause.downcast_ref::<String>().cloned();
        let text = text.or_else(|| cause.downcast_ref::<&str>().map(ToString::to_string));
        let text = text.unwrap_or_default();
        // That would be a model that is too large, and says nothing of the ordering.
        assert!(
            !text.contains("maximum number of branches"),
            "{site:?}: {text}"
        );
        Some(text)
    }

    fn explore(&self, weakening: &Weakening) -> Totals {
        let start = Instant::now();
        let executions = Arc::new(Mutex::new(0));
        for dies_after in 0..self.deaths {
            let setup = Setup {
                weakening: weakening.clone(),
                dies_after,
                lives: dies_after + 1 == self.deaths,
            };
            let (body, executions) = (self.body, Arc::clone(&executions));
            let mut builder = loom::model::Builder::new();
            builder.max_branches = MAX_BRANCHES;
            builder.preemption_bound = self.preemptions;
            builder.check(move || {
                *executions.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                body(&setup);
            });
        }
        let executions = *executions.lock().unwrap_or_else(PoisonError::into_inner);
        let time = start.elapsed();
        Totals { executions, time }
    }
}

/// What an execution of a model is given.
#[derive(Clone, Debug)]
pub struct Setup {
    weakening: Weakening,
    dies_after: usize,
    lives: bool,
}

impl Setup {
    /// Memory of `geometry`'s shape, all zero: its cursors, its slots and its data area, and
    /// the words of `more`.
    #[must_use]
    pub fn memory(&self, geometry: &Geometry, more: impl IntoIterator<Item = Word>) -> ModelMemory {
        let fields = [
            layout::SLOT_STATE,
            layout::SLOT_PID,
            layout::SLOT_ATTACHMENTS,
            layout::SLOT_RECORDS,
            layout::SLOT_BYTES,
            layout::SLOT_STALLS,
            layout::SLOT_WAITS,
            layout::SLOT_REPAIRS,
            layout::SLOT_SLEEPS,
            layout::SLOT_LATE,
        ];
        let claim_fields = match geometry.kind() {
            Kind::Spsc => [].as_slice(),
            Kind::Mpsc => &[
                layout::SLOT_CLAIM_SIZE,
                layout::SLOT_INTENT,
                layout::SLOT_CLAIMED,
            ],
        };
        let producers = (0..geometry.producers()).map(|index| geometry.producer_slot(index));
        let producers: Vec<_> = producers.collect();
        let claims = producers
            .iter()
            .flat_map(|slot| claim_fields.iter().map(|field| slot.plus(*field)));
        let slots = producers
            .iter()
            .chain([&layout::CONSUMER_SLOT])
            .flat_map(|slot| fields.map(|field| slot.plus(field)));
        let control = [
            layout::TAIL,
            layout::HEAD,
            layout::RELEASE_TO,
            layout::PRESENCE,
        ]
        .into_iter()
        .chain(slots)
        .chain(claims)
        .chain(more);
        let start = geometry.data().offset();
        // A record can start in the last word of the ring, and its payload is then behind it.
        let overrun = geometry.record_size(geometry.max_payload()) - WORD;
        let data = start..start + geometry.capacity() + overrun;
        Weakened::new(LoomMemory::zeroed(control, data), self.weakening.clone())
    }

    /// A ring of `capacity` bytes for payloads of up to `max_payload` bytes, whose
    /// cursors stand at `start`.
    ///
    /// # Panics
    /// When there is no such ring.
    #[must_use]
    pub fn ring(&self, capacity: u64, max_payload: u64, start: u64) -> Ring {
        self.ring_with(capacity, max_payload, start, &[])
    }

    /// As [`Setup::ring`], in memory that has the words of `more` as well.
    pub(crate) fn ring_with(
        &self,
        capacity: u64,
        max_payload: u64,
        start: u64,
        more: &[Word],
    ) -> Ring {
        let geometry = geometry(capacity, max_payload);
        let memory = self.memory(&geometry, more.iter().copied());
        memory.store(layout::TAIL, start, Relaxed);
        memory.store(layout::HEAD, start, Relaxed);
        Ring { memory, geometry }
    }

    /// The ring's memory for the participant that is killed in this execution.
    #[must_use]
    pub fn dying(&self, ring: &Ring) -> Dying<ModelMemory> {
        Dying::after(self.dies_after, ring.memory.clone())
    }

    /// Whether the participant with the dying memory should have lived to its end. If it
    /// makes more stores than [`Model::deaths`] covers, the model says so by this.
    #[must_use]
    pub fn lives(&self) -> bool {
        self.lives
    }

    /// How many stores the participant that is killed makes before.
    #[must_use]
    pub fn dies_after(&self) -> usize {
        self.dies_after
    }
}

/// A ring of one producer in a model's memory. A clone is the same ring.
#[derive(Clone, Debug)]
pub struct Ring {
    /// Where it is.
    pub memory: ModelMemory,
    /// Its shape.
    pub geometry: Geometry,
}

impl Ring {
    /// Its producer. The model sees to it that there is one at a time.
    ///
    /// # Panics
    /// When the ring is corrupt.
    #[must_use]
    pub fn producer(&self) -> Producer<ModelMemory> {
        attached(Producer::attach(self.memory.clone(), self.geometry))
    }

    /// Its consumer. The model sees to it that there is one at a time.
    ///
    /// # Panics
    /// When the ring is corrupt.
    #[must_use]
    pub fn consumer(&self) -> spsc::Consumer<ModelMemory> {
        attached(spsc::Consumer::attach(self.memory.clone(), self.geometry))
    }
}

/// A shape with records aligned to words.
pub(crate) fn geometry(capacity: u64, max_payload: u64) -> Geometry {
    Geometry::of_any_capacity(Kind::Spsc, capacity, max_payload, WORD as u64, 1)
        .expect("a shape within the limits")
}

/// The endpoint, which must have found nothing wrong.
pub(crate) fn attached<T>(endpoint: Result<T, Corrupt>) -> T {
    endpoint.expect("a ring that is not corrupt")
}

/// The payload of the record `tag`: `len` bytes that differ from those of every other, and whose
/// words would pass for headers, so that one that is taken for a header is not noticed at once.
pub(crate) fn payload(tag: u32, len: usize) -> Vec<u8> {
    let impostor = RecordHeader {
        tag: 0xbad0_0000 | tag,
        len: 0,
    };
    let word = impostor.to_word().to_le_bytes();
    word.into_iter().cycle().take(len).collect()
}

/// Sends the record `tag`, waiting for room.
pub(crate) fn send(producer: &mut impl Produce, tag: u32, len: usize) {
    let payload = payload(tag, len);
    wait_for_room(|| producer.try_send(tag, &payload));
}

/// Repeats `attempt` until the ring is not full.
pub(crate) fn wait_for_room(mut attempt: impl FnMut() -> Result<(), TrySendError>) {
    loop {
        match attempt() {
            Ok(()) => return,
            Err(TrySendError::Full) => thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// The header of the next record, waiting for one.
pub(crate) fn wait_for_record<M: Memory, P: Protocol>(
    consumer: &mut Consumer<M, P>,
) -> RecordHeader {
    loop {
        match consumer.peek() {
            Ok(Some(header)) => return header,
            Ok(None) => thread::yield_now(),
            Err(corrupt) => panic!("{corrupt}"),
        }
    }
}

/// Checks the payload of the record at the consumer's head, of which `header` was peeked,
/// and goes past it.
pub(crate) fn take<M: Memory, P: Protocol>(consumer: &mut Consumer<M, P>, header: &RecordHeader) {
    let mut found = vec![0; header.len];
    consumer.read(header, &mut found);
    assert_eq!(
        found,
        payload(header.tag, header.len),
        "the payload of {header:?}"
    );
    consumer.advance(header);
}

/// Receives the record `tag`, waiting for it, and releases it.
pub(crate) fn receive<M: Memory, P: Protocol>(consumer: &mut Consumer<M, P>, tag: u32, len: usize) {
    let header = wait_for_record(consumer);
    assert_eq!(header, RecordHeader { tag, len });
    take(consumer, &header);
    consumer.release();
}

/// Checks that there is no record.
pub(crate) fn assert_empty<M: Memory, P: Protocol>(consumer: &mut Consumer<M, P>) {
    assert_eq!(consumer.peek(), Ok(None), "a record that nobody sent");
}

/// Claims and fills with words that look like headers, and gives the claim up.
pub(crate) fn claim_and_drop(producer: &mut impl Produce, len: usize) {
    let mut claim = producer.try_claim(len).expect("room");
    claim.write(0, &payload(9, len));
}
