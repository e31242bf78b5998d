//! Shapes of regions, and identity pages: of any five numbers a region is made as they say, or none
//! is, and a page that was changed anywhere is refused or means exactly what it says.

use std::sync::atomic::Ordering::Relaxed;

use arbitrary::{Arbitrary, Unstructured};
use mapring::Role;
use mapring::layout::{self, Fences, Geometry, Kind, PAGE, SLOT_SIZE, Seat, WORD, Wakeups, Word};
use mapring::memory::{Memory, ReadMemory};
use mapring::ring::Position;
use mapring::ring::attach::{self, Identity};
use mapring_testing::Bytes;

/// Identity page, producers' page, consumer's page: all that a creator writes.
const PAGES: usize = 3 * PAGE;
/// Words of an identity.
pub(crate) const WORDS: u8 = 13;
/// Smallest capacity of a model.
const SMALLEST: u64 = 32;

/// What somebody asks for, and what becomes of the page.
#[derive(Debug, Arbitrary)]
struct Plan {
    is_mpsc: bool,
    capacity: Number,
    max_payload: Number,
    record_align: Number,
    producers: Number,
    persistent: bool,
    generation: u64,
    wakeups: u8,
    is_symmetric: bool,
    /// Words of the page that change, and how.
    edits: Vec<(u8, Number)>,
    /// How many bytes the region seems to have more, or less, than it should.
    too_long: i8,
    position: u64,
}

/// A number, near a limit more often than not.
#[derive(Clone, Copy, Debug, Arbitrary)]
enum Number {
    Any(u64),
    Small(u8),
    /// That power of two, and so much more.
    NearPower(u8, i8),
}

impl Number {
    fn value(self) -> u64 {
        match self {
            Self::Any(number) => number,
            Self::Small(number) => u64::from(number),
            Self::NearPower(power, more) => {
                (1_u64 << (power % 64)).wrapping_add_signed(i64::from(more))
            }
        }
    }
}

/// Makes what `data` spells.
///
/// # Panics
/// When a shape is accepted that cannot work, or refused that can, and when a page is misread.
pub fn run(data: &[u8]) {
    let Ok(plan) = Plan::arbitrary_take_rest(Unstructured::new(data)) else {
        return;
    };
    let kind = if plan.is_mpsc { Kind::Mpsc } else { Kind::Spsc };
    let [capacity, max_payload, align, producers] = [
        plan.capacity,
        plan.max_payload,
        plan.record_align,
        plan.producers,
    ]
    .map(Number::value);
    let for_use = Geometry::new(kind, capacity, max_payload, align, producers);
    let for_models = Geometry::of_any_capacity(kind, capacity, max_payload, align, producers);
    let can_be = can_be(kind, capacity, max_payload, align, producers);
    assert_eq!(for_models.is_ok(), can_be, "{for_models:?}");
    assert_eq!(
        for_use.is_ok(),
        can_be && capacity >= layout::MIN_CAPACITY,
        "{for_use:?}"
    );
    // The limits of what must be powers of two.
    for power in (0..64).map(|shift| 1_u64 << shift) {
        for (capacity, align) in [(power, align), (capacity, power)] {
            let shape = Geometry::of_any_capacity(kind, capacity, max_payload, align, producers);
            let expected = self::can_be(kind, capacity, max_payload, align, producers);
            assert_eq!(shape.is_ok(), expected, "{shape:?}");
        }
    }
    match for_models {
        Ok(geometry) => {
            assert_eq!(for_use.unwrap_or(geometry), geometry);
            plan.everything_is_within(&geometry);
            plan.page_says_what_it_says(geometry);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Whether there can be a ring like that, by the rules of `docs/format.md`.
fn can_be(kind: Kind, capacity: u64, max_payload: u64, align: u64, producers: u64) -> bool {
    let most_producers = match kind {
        Kind::Spsc => 1,
        Kind::Mpsc => layout::MAX_PRODUCERS,
    };
    let numbers = (SMALLEST..=layout::MAX_CAPACITY).contains(&capacity)
        && capacity.is_power_of_two()
        && (8..=layout::MAX_RECORD_ALIGN).contains(&align)
        && align.is_power_of_two()
        && (1..=most_producers).contains(&producers);
    if !numbers || max_payload > layout::MAX_PAYLOAD {
        return false;
    }
    // The empty record of a ring too small for anything else.
    if max_payload == 0 {
        return true;
    }
    // A record and the header behind it; and one header must be able to stand for a claim.
    let record = (8 + max_payload).next_multiple_of(align);
    record + 8 <= capacity && (kind == Kind::Spsc || record <= layout::MAX_PAYLOAD)
}

impl Plan {
    /// Whatever a position, a record and a seat are, they lie within the region.
    fn everything_is_within(&self, geometry: &Geometry) {
        let total = geometry.total_size();
        let ring = geometry.data().offset()..geometry.data().offset() + geometry.capacity();
        let position = Position(self.position);
        let header = position.word(geometry).offset();
        assert!(ring.contains(&header) && header.is_multiple_of(WORD));
        let longest = geometry.record_size(geometry.max_payload());
        assert!(longest.is_multiple_of(geometry.record_align()));
        assert!(header + longest <= total);
        let is_for_use = geometry.capacity() as u64 >= layout::MIN_CAPACITY;
        assert!(total.is_multiple_of(PAGE) || !is_for_use);
        assert!(position.plus(geometry.capacity()).word(geometry).offset() == header);
        let claim = geometry.largest_claim();
        assert!(claim < geometry.capacity() && claim.is_multiple_of(geometry.record_align()));

        assert_eq!(geometry.seats(), 1 + geometry.producers());
        let last = geometry.producers() - 1;
        let slot = geometry.producer_slot(last);
        assert!(slot.offset() + SLOT_SIZE <= ring.start);
        assert_eq!(Seat::Producer(last).slot(), slot);
        assert_eq!(Seat::Producer(last).number(), geometry.seats() - 1);
        assert_eq!(Seat::Producer(last).role(), Role::Producer);
        assert_eq!(
            (Seat::Consumer.number(), Seat::Consumer.role()),
            (0, Role::Consumer)
        );
        let locks = [
            layout::USE_LOCK,
            Seat::Consumer.lock(),
            Seat::Producer(last).lock(),
        ];
        assert!(locks.is_sorted_by(|one, other| one < other));
    }

    /// A page reads as it was written, also when somebody has changed it since.
    fn page_says_what_it_says(&self, geometry: Geometry) {
        let wakeups = [Wakeups::None, Wakeups::Futex, Wakeups::Event];
        let fences = if self.is_symmetric {
            Fences::Symmetric
        } else {
            Fences::Membarrier
        };
        let identity = Identity {
            geometry,
            persistent: self.persistent,
            generation: self.generation,
            wakeups: wakeups[usize::from(self.wakeups) % wakeups.len()],
            fences,
        };
        let memory = Bytes::zeroed(PAGES);
        attach::initialise(&memory, &identity, Position(self.position));
        assert_eq!(
            attach::read(&memory, Geometry::of_any_capacity),
            Ok(identity)
        );
        assert_eq!(attach::generation(&memory), self.generation);
        // Its maker may have been killed before the last word, and before the others.
        assert!(!attach::is_unfinished(&memory));
        memory.store(layout::MAGIC_WORD, 0, Relaxed);
        assert!(attach::is_unfinished(&memory));
        memory.store(layout::MAGIC_WORD, layout::MAGIC, Relaxed);
        let size = geometry.total_size() as u64;
        let seeming = size.wrapping_add_signed(i64::from(self.too_long));
        let is_right = self.too_long == 0 && geometry.capacity() as u64 >= layout::MIN_CAPACITY;
        assert_eq!(attach::verify(&memory, seeming).is_ok(), is_right);

        for word in 0..WORDS {
            let at = Word::at(usize::from(word) * WORD);
            let right = memory.load(at, Relaxed);
            let near = [
                right.wrapping_add(1),
                right.wrapping_sub(1),
                right << 1,
                right >> 1,
            ];
            for wrong in near {
                memory.store(at, wrong, Relaxed);
                self.page_is_refused_or_right(&memory);
            }
            memory.store(at, right, Relaxed);
        }
        for (word, value) in &self.edits {
            let at = Word::at(usize::from(word % WORDS) * WORD);
            memory.store(at, value.value(), Relaxed);
        }
        self.page_is_refused_or_right(&memory);
    }

    /// Whoever writes what was read from this page, writes this page: no word was overlooked.
    fn page_is_refused_or_right(&self, memory: &Bytes) {
        let is_unfinished = attach::is_unfinished(memory);
        assert!(!is_unfinished || memory.load(layout::MAGIC_WORD, Relaxed) == 0);
        match attach::read(memory, Geometry::of_any_capacity) {
            Ok(found) => {
                let again = Bytes::zeroed(PAGES);
                attach::initialise(&again, &found, Position(self.position));
                let page = |memory: &Bytes| memory.snapshot()[..PAGE / WORD].to_vec();
                assert_eq!(page(&again), page(memory));
                let shape = &found.geometry;
                let numbers = [
                    shape.capacity(),
                    shape.max_payload(),
                    shape.record_align(),
                    shape.producers(),
                ];
                let [capacity, max_payload, align, producers] = numbers.map(|n| n as u64);
                assert!(can_be(
                    shape.kind(),
                    capacity,
                    max_payload,
                    align,
                    producers
                ));
                let names = [
                    found.wakeups.name(),
                    found.fences.name(),
                    shape.kind().name(),
                ];
                assert!(names.iter().all(|name| !name.is_empty()));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
