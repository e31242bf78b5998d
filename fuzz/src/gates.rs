//! Endpoints that sleep at gates and wake each other, die and are succeeded, while a peer may
//! change any word of that, between their calls and in the middle of them.
//!
//! As long as the peer has changed nothing, nobody sleeps while what it waits for is there. From
//! its first change on, sleeps are only as good as what it wrote; but nothing may panic or go on
//! for ever, and no role may write what belongs to another.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use arbitrary::{Arbitrary, Unstructured};
use mapring::layout::{self, Fences, Geometry, Kind, WORD, Wakeups, Word};
use mapring::memory::{Memory, ReadMemory};
use mapring::ring::attach::{self, Identity};
use mapring::ring::mpsc::Mpsc;
use mapring::ring::spsc::Spsc;
use mapring::ring::{Position, Protocol};
use mapring_testing::{Bytes, Hostile};

mod goal;
mod sleepers;

use sleepers::{Sleepers, Step};

/// Enough for some sleeps after each other, of everybody.
const MOST_STEPS: usize = 64;
/// Producers of a ring of many.
const SLOTS: u64 = 3;
/// So many accesses to words are more than any step makes, if it ends at all.
const MOST_ACCESSES: u32 = 1 << 18;

/// A ring, what happens in it, and what a peer changes.
#[derive(Debug, Arbitrary)]
struct Plan {
    is_mpsc: bool,
    is_membarrier: bool,
    capacity: u8,
    record_align: u8,
    max_payload: u16,
    start: u64,
    steps: Vec<Step>,
    /// After so many accesses, and then with each access so many times.
    changes: Vec<(u8, u8, Change)>,
}

/// A word that the peer stores.
#[derive(Clone, Copy, Debug, Arbitrary)]
struct Change {
    place: Place,
    value: Value,
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Place {
    /// One of those that gates and cursors consist of.
    Shared(u8),
    /// A word of the slot of that producer, or of the consumer.
    Slot(u8, u8),
    /// The word at HEAD, plus so many.
    AfterHead(u8),
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Value {
    Any(u64),
    /// So much more than stands there.
    Plus(i8),
    /// So much more than stands in another of the shared words.
    Near(u8, i8),
}

/// Words that gates and cursors consist of.
const SHARED: [Word; 9] = [
    layout::DATA_PARKED,
    layout::DATA_ANSWERED,
    layout::SPACE_PARKED,
    layout::SPACE_WANTED,
    layout::SPACE_ANSWERED,
    layout::HEAD,
    layout::TAIL,
    layout::RELEASE_TO,
    layout::PRESENCE,
];

/// What is known of the peer.
#[derive(Debug, Default)]
struct Peer {
    /// Whether it has changed anything.
    has_meddled: Cell<bool>,
    /// How many accesses the step at hand has made.
    accesses: Cell<u32>,
}

impl Peer {
    /// Counts an access.
    fn saw(&self) {
        self.accesses.set(self.accesses.get() + 1);
        assert!(
            self.accesses.get() < MOST_ACCESSES,
            "a call that does not end"
        );
    }
}

/// Lets happen what `data` spells.
///
/// # Panics
/// When somebody oversleeps, or the protocol does what it must not do, whatever a peer writes.
pub fn run(data: &[u8]) {
    let Ok(plan) = Plan::arbitrary_take_rest(Unstructured::new(data)) else {
        return;
    };
    if plan.is_mpsc {
        plan.run::<Mpsc>();
    } else {
        plan.run::<Spsc>();
    }
}

impl Plan {
    fn run<P: Protocol>(&self) {
        let Some(geometry) = self.geometry(P::KIND) else {
            return;
        };
        let align = geometry.record_align() as u64;
        let start = Position(self.start / align * align);
        let fences = if self.is_membarrier {
            Fences::Membarrier
        } else {
            Fences::Symmetric
        };
        let memory = Bytes::zeroed(geometry.total_size());
        let identity = Identity {
            geometry,
            persistent: false,
            generation: 1,
            wakeups: Wakeups::Futex,
            fences,
        };
        attach::initialise(&memory, &identity, start);

        let peer = Rc::new(Peer::default());
        let hostile = Hostile::new(memory.clone(), self.between(&peer, geometry));
        let mut sleepers = Sleepers::<_, P>::new(hostile, &identity);
        for step in self.steps.iter().take(MOST_STEPS) {
            peer.accesses.set(0);
            if let Step::Change(change) = step {
                change.apply(&memory, &geometry);
                peer.has_meddled.set(true);
            } else {
                sleepers.take(step, &peer);
            }
            if !peer.has_meddled.get() {
                sleepers.nobody_oversleeps(&memory);
            }
        }
    }

    /// What happens after each access to a word.
    fn between(&self, peer: &Rc<Peer>, geometry: Geometry) -> impl FnMut(&Bytes) {
        let peer = Rc::clone(peer);
        let mut changes = self.changes.iter();
        let mut next = changes.next();
        let (mut waited, mut repeated) = (0, 0);
        move |memory| {
            peer.saw();
            let Some((after, times, change)) = next else {
                return;
            };
            waited += 1;
            if waited > u32::from(*after) {
                change.apply(memory, &geometry);
                peer.has_meddled.set(true);
                repeated += 1;
            }
            if repeated > u32::from(*times) {
                next = changes.next();
                (waited, repeated) = (0, 0);
            }
        }
    }

    /// 64 to 512 bytes, with every alignment.
    fn geometry(&self, kind: Kind) -> Option<Geometry> {
        let producers = match kind {
            Kind::Spsc => 1,
            Kind::Mpsc => SLOTS,
        };
        let capacity = 1_u64 << (6 + self.capacity % 4);
        let align = 1_u64 << (3 + self.record_align % 5);
        let longest = Geometry::largest_payload(kind, capacity, align);
        let max_payload = u64::from(self.max_payload) % (longest + 1);
        let geometry = Geometry::of_any_capacity(kind, capacity, max_payload, align, producers);
        // One of the smallest has no room for any record.
        let geometry = geometry.ok()?;
        (geometry.record_size(geometry.max_payload()) < geometry.capacity()).then_some(geometry)
    }
}

impl Change {
    fn apply(self, memory: &Bytes, geometry: &Geometry) {
        let at = match self.place {
            Place::Shared(which) => shared(which),
            Place::Slot(which, word) => {
                let slot = match usize::from(which) % geometry.seats() {
                    0 => layout::CONSUMER_SLOT,
                    number => geometry.producer_slot(number - 1),
                };
                slot.plus(usize::from(word) * WORD % layout::SLOT_SIZE)
            }
            Place::AfterHead(words) => {
                let head = Position(memory.load(layout::HEAD, Relaxed));
                head.plus(usize::from(words) * WORD).word(geometry)
            }
        };
        let plus = |word, more: i8| memory.load(word, Relaxed).wrapping_add_signed(more.into());
        let value = match self.value {
            Value::Any(value) => value,
            Value::Plus(more) => plus(at, more),
            Value::Near(which, more) => plus(shared(which), more),
        };
        memory.store(at, value, Relaxed);
    }
}

fn shared(which: u8) -> Word {
    SHARED[usize::from(which) % SHARED.len()]
}
