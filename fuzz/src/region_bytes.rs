//! A region full of bytes that a hostile peer chose, and goes on changing.
//!
//! First the bytes are a whole region, and `verify` says what it makes of them.
//! Then an identity page stands before them (perhaps with a few words changed
//! again), and a producer (or two, in a ring of many) and a consumer work on the rest, while
//! the peer changes words between their operations and in the middle of them.
//!
//! Nothing may panic or loop for ever, no role may write what belongs to another,
//! and an endpoint that has seen corruption must stay with it.

use std::sync::atomic::Ordering::Relaxed;

use arbitrary::{Arbitrary, Unstructured};
use mapring::layout::{self, Fences, Geometry, Kind, PAGE, WORD, Wakeups, Word};
use mapring::memory::{Memory, ReadMemory};
use mapring::ring::Position;
use mapring::ring::attach::{self, Identity};
use mapring::ring::mpsc::Mpsc;
use mapring::ring::spsc::Spsc;
use mapring_testing::{Bytes, Hostile};

mod endpoints;

use crate::identity::WORDS;
use endpoints::{Batches, Endpoints, Step};

/// Enough for a lap of short records.
const MOST_STEPS: usize = 128;
/// Producer slots of a ring of many.
const SLOTS: u64 = 3;
/// In a ring of many producers, so many words after HEAD and more are the claim words of slots.
const CLAIM_WORDS: u8 = 192;

/// A region, and what happens in it.
#[derive(Debug, Arbitrary)]
struct Plan {
    capacity: u8,
    record_align: u8,
    max_payload: u16,
    /// Words of the identity page that are not as they should be.
    lies: Vec<(u8, u64)>,
    tail: u64,
    /// How many alignments HEAD lies behind TAIL; or anywhere.
    head: Result<u8, u64>,
    steps: Vec<Step>,
    /// What the peer changes in the middle of things: after so many accesses, what.
    changes: Vec<(u8, Change)>,
}

/// A word that the peer stores.
#[derive(Clone, Copy, Debug, Arbitrary)]
struct Change {
    place: Place,
    value: Value,
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Place {
    /// HEAD.
    Head,
    /// TAIL.
    Tail,
    /// The header at HEAD, plus so many words.
    AfterHead(u8),
    /// The header at TAIL, plus so many words.
    AfterTail(u8),
    /// Any word of the region.
    Anywhere(u16),
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Value {
    Any(u64),
    /// The header of a record, which may be too long.
    Header {
        tag: u8,
        len: u16,
    },
    /// A position so many words before or after TAIL.
    NearTail(i8),
}

/// Does to a region what `data` spells.
///
/// # Panics
/// When the protocol does what it must not do, whatever a peer writes.
pub fn run(data: &[u8]) {
    run_ring::<Spsc>(data);
}

/// As [`run`], with a ring of many producers.
///
/// # Panics
/// As [`run`].
pub fn run_mpsc(data: &[u8]) {
    run_ring::<Mpsc>(data);
}

fn run_ring<P: Batches>(data: &[u8]) {
    judge_raw_bytes(data);

    let mut rest = Unstructured::new(data);
    let Ok(plan) = Plan::arbitrary(&mut rest) else {
        return;
    };
    let Some(geometry) = plan.geometry(P::KIND) else {
        return;
    };
    let memory = region(geometry, rest.take_rest());
    plan.lay_identity(&memory, geometry);
    let geometry = match plan.lie(&memory, P::KIND) {
        Some(geometry) => geometry,
        None => {
            plan.lay_identity(&memory, geometry);
            geometry
        }
    };

    let mut changes = plan.changes.iter();
    let mut next = changes.next();
    let mut accesses = 0;
    let hostile = Hostile::new(memory.clone(), move |memory: &Bytes| {
        accesses += 1;
        if let Some((after, change)) = next
            && accesses > u32::from(*after)
        {
            change.apply(memory, &geometry);
            next = changes.next();
            accesses = 0;
        }
    });
    let mut endpoints = Endpoints::<_, P>::new(hostile, geometry);
    for step in plan.steps.iter().take(MOST_STEPS) {
        match step {
            Step::Change(change) => change.apply(&memory, &geometry),
            step => endpoints.take(step),
        }
    }
}

/// `verify` never panics on a page or more, and what it accepts has the size it says.
fn judge_raw_bytes(data: &[u8]) {
    let memory = Bytes::zeroed(data.len().max(PAGE));
    memory.write(Word::at(0), data);
    let size = memory.len() as u64;
    if let Ok(identity) = attach::verify(&memory, size) {
        assert_eq!(identity.geometry.total_size() as u64, size);
    }
}

/// A region whose words are those of `contents`, again and again.
fn region(geometry: Geometry, contents: &[u8]) -> Bytes {
    let memory = Bytes::zeroed(geometry.total_size());
    let mut words: Vec<u64> = contents
        .chunks_exact(WORD)
        .map(|chunk| {
            chunk
                .iter()
                .rfold(0, |word, byte| word << 8 | u64::from(*byte))
        })
        .collect();
    // So that a step over a record does not always find the same word.
    words.push(0);
    for (offset, word) in (PAGE..memory.len()).step_by(WORD).zip(words.iter().cycle()) {
        memory.store(Word::at(offset), *word, Relaxed);
    }
    memory
}

impl Plan {
    fn geometry(&self, kind: Kind) -> Option<Geometry> {
        let producers = match kind {
            Kind::Spsc => 1,
            Kind::Mpsc => SLOTS,
        };
        let capacity = layout::MIN_CAPACITY << (self.capacity % 2);
        let align = 1_u64 << (3 + self.record_align % 5);
        let longest = Geometry::largest_payload(kind, capacity, align);
        let max_payload = u64::from(self.max_payload) % (longest + 1);
        Geometry::new(kind, capacity, max_payload, align, producers).ok()
    }

    /// An identity page that is right, and cursors that may be.
    fn lay_identity(&self, memory: &Bytes, geometry: Geometry) {
        let identity = Identity {
            geometry,
            persistent: self.tail & 1 == 1,
            generation: self.tail,
            wakeups: Wakeups::None,
            fences: Fences::Symmetric,
        };
        attach::initialise(memory, &identity, Position(0));
        let found = attach::verify(memory, memory.len() as u64);
        assert_eq!(found, Ok(identity));
        let align = geometry.record_align() as u64;
        let tail = self.tail / align * align;
        let head = match self.head {
            Ok(steps) => tail.wrapping_sub(u64::from(steps) * align),
            Err(anywhere) => anywhere,
        };
        memory.store(layout::TAIL, tail, Relaxed);
        memory.store(layout::HEAD, head, Relaxed);
        // As after a release that was finished, so that a consumer can take over.
        memory.store(layout::RELEASE_TO, head, Relaxed);
    }

    /// Changes the identity page; the shape of what can still be worked with.
    fn lie(&self, memory: &Bytes, kind: Kind) -> Option<Geometry> {
        for (word, value) in &self.lies {
            let at = Word::at(usize::from(*word % WORDS) * WORD);
            memory.store(at, *value, Relaxed);
        }
        let size = memory.len() as u64;
        let identity = attach::verify(memory, size).ok()?;
        assert_eq!(identity.geometry.total_size() as u64, size);
        // Whoever opens a ring of another kind than it wants, is told so.
        (identity.geometry.kind() == kind).then_some(identity.geometry)
    }
}

impl Change {
    fn apply(self, memory: &Bytes, geometry: &Geometry) {
        let cursor = |word| Position(memory.load(word, Relaxed));
        let after = |word, words: u8| {
            let position = cursor(word).plus(usize::from(words) * WORD);
            position.word(geometry)
        };
        let at = match self.place {
            Place::Head => layout::HEAD,
            Place::Tail => layout::TAIL,
            Place::AfterHead(words) if geometry.kind() == Kind::Mpsc && words >= CLAIM_WORDS => {
                return self.apply_to_slot(words - CLAIM_WORDS, memory, geometry);
            }
            Place::AfterHead(words) => after(layout::HEAD, words),
            Place::AfterTail(words) => after(layout::TAIL, words),
            Place::Anywhere(word) => Word::at(usize::from(word) * WORD % memory.len()),
        };
        memory.store(at, self.value.word(memory), Relaxed);
    }

    /// Stores one of the words in which a slot says what is claimed, or all three.
    fn apply_to_slot(self, which: u8, memory: &Bytes, geometry: &Geometry) {
        let slot = geometry.producer_slot(usize::from(which / 4) % geometry.producers());
        let value = self.value.word(memory);
        let store = |field, value| memory.store(slot.plus(field), value, Relaxed);
        match which % 4 {
            0 => store(layout::SLOT_CLAIM_SIZE, value),
            1 => store(layout::SLOT_INTENT, value | 1),
            2 => store(layout::SLOT_CLAIMED, value | 1),
            _ => {
                store(layout::SLOT_CLAIM_SIZE, geometry.record_align() as u64);
                store(layout::SLOT_INTENT, value | 1);
                store(layout::SLOT_CLAIMED, value | 1);
            }
        }
    }
}

impl Value {
    fn word(self, memory: &Bytes) -> u64 {
        match self {
            Value::Any(value) => value,
            Value::Header { tag, len } => 1 << 63 | u64::from(len) << 32 | u64::from(tag),
            Value::NearTail(words) => {
                let tail = memory.load(layout::TAIL, Relaxed);
                tail.wrapping_add_signed(i64::from(words) * WORD as i64)
            }
        }
    }
}
