//! The two sides of a gate in a model: who sleeps there, and who wakes.

use mapring::layout::Fences;
use mapring::layout::{self, Word};
use mapring::memory::Memory;
use mapring::ring::gate::{Gate, Waker};
use mapring::ring::{Consumer, Position, Produce, Protocol, RecordHeader};

use crate::Futex;
use crate::futex::Slept;
use crate::model::{ModelMemory, attached, payload, take};

/// The words of both gates.
pub(crate) const WORDS: &[Word] = &[
    layout::DATA_PARKED,
    layout::DATA_ANSWERED,
    layout::SPACE_PARKED,
    layout::SPACE_ANSWERED,
    layout::SPACE_WANTED,
];

/// Where one who waits sleeps.
#[derive(Clone, Debug)]
pub(crate) struct Bed {
    gate: Gate,
    memory: ModelMemory,
    futex: Futex,
}

impl Bed {
    pub(crate) fn new(gate: Gate, memory: &ModelMemory, futex: &Futex) -> Self {
        Self {
            gate,
            memory: memory.clone(),
            futex: futex.clone(),
        }
    }

    /// Is about to sleep, looks, and sleeps if there is nothing; until it finds something, or
    /// has found nothing when the time was over.
    pub(crate) fn find<T>(
        &self,
        wanted: Position,
        mut look: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        loop {
            self.futex.count_park();
            let ticket = self.gate.park(&self.memory, Fences::Symmetric, wanted);
            if let Some(found) = look() {
                return Some(found);
            }
            if self.futex.sleep(&self.memory, ticket) == Slept::TimeOver {
                return look();
            }
        }
    }

    /// As [`Bed::find`], of what is sure to come.
    pub(crate) fn wait<T>(&self, wanted: Position, look: impl FnMut() -> Option<T>) -> T {
        self.find(wanted, look).expect("something to wake up for")
    }

    /// Sleeps until there is room for `bytes` bytes.
    pub(crate) fn wait_for_room(&self, producer: &mut impl Produce, bytes: usize) {
        let wanted = producer.head_wanted(bytes);
        self.wait(wanted, || attached(producer.has_room(bytes)).then_some(()));
    }

    /// Sleeps until there is the next record, whose payload must be right, and goes past it.
    pub(crate) fn wait_for_record<M: Memory, P: Protocol>(
        &self,
        consumer: &mut Consumer<M, P>,
    ) -> RecordHeader {
        let header = self.wait(consumer.position(), || attached(consumer.peek()));
        take(consumer, &header);
        header
    }
}

/// One who publishes, and wakes.
#[derive(Debug)]
pub(crate) struct Bell {
    waker: Waker,
    gate: Gate,
    futex: Futex,
}

impl Bell {
    pub(crate) fn new(gate: Gate, memory: &ModelMemory, futex: &Futex) -> Self {
        Self {
            waker: Waker::new(gate, memory, Fences::Symmetric),
            gate,
            futex: futex.clone(),
        }
    }

    /// What is to be woken now that something was published, or released up to `reached`.
    pub(crate) fn answer(&mut self, memory: &impl Memory, reached: Position) -> Option<Word> {
        if !self.waker.must_answer(self.gate, memory) {
            return None;
        }
        self.waker.answer(self.gate, memory, reached)
    }

    /// Wakes who sleeps for that.
    pub(crate) fn ring(&mut self, memory: &impl Memory, reached: Position) {
        if let Some(word) = self.answer(memory, reached) {
            self.futex.wake(word);
        }
    }

    /// Wakes whoever sleeps.
    pub(crate) fn ring_for_all(&mut self, memory: &impl Memory) {
        if let Some(word) = self.waker.answer_all(self.gate, memory) {
            self.futex.wake(word);
        }
    }

    /// Sends the record `tag`, for which there is room, and wakes the consumer.
    pub(crate) fn send<P: Produce<Memory = ModelMemory>>(&mut self, producer: &mut P, tag: u32) {
        producer.try_send(tag, &payload(tag, 8)).expect("room");
        self.ring(producer.memory(), Position(0));
    }

    /// Releases what the consumer has gone past, and wakes producers.
    pub(crate) fn release<P: Protocol>(&mut self, consumer: &mut Consumer<ModelMemory, P>) {
        consumer.release();
        self.ring(consumer.memory(), consumer.position());
    }
}

/// Bytes of a record as [`Bell::send`] sends them.
pub(crate) const RECORD: usize = 16;

/// One wake at most for each time that somebody was about to sleep.
pub(crate) fn assert_wakes_are_few(futex: &Futex) {
    let (parks, wakes) = futex.parks_and_wakes();
    assert!(wakes <= parks, "{wakes} wakes for {parks} sleeps");
}
