//! The oracle: every claim in the order of the claims, and what may happen to it.
//!
//! It is told of every change to the shared memory when it happens, and of what the consumers see.
//! Places are counted in bytes from where the ring started, so that they never wrap around.

use std::sync::atomic::Ordering::Relaxed;

use mapring::layout::{self, Geometry, HEADER_SIZE, PAGE, SLOT_SIZE, WORD, Word};
use mapring::memory::ReadMemory;
use mapring::ring::{Gap, Position, Repair};

use crate::Bytes;
use crate::oracle::Record;

use super::Tally;
use super::claims::{Claim, Claims, Span, Stage};

/// Who stores something.
#[derive(Clone, Copy, Debug)]
pub(super) enum Who {
    /// The producer of this number among all that there were.
    Producer(usize),
    Consumer,
}

/// What a producer is about to claim, if there is room.
#[derive(Clone, Debug)]
pub(super) struct Promise {
    /// Bytes of the ring.
    pub(super) size: usize,
    /// What will be published there; nothing, if it is to be given up.
    pub(super) records: Vec<Record>,
}

/// What is known of a producer.
#[derive(Debug)]
struct Producer {
    slot: usize,
    /// Also when it is stopped.
    alive: bool,
    /// Whether it attaches, or may be about to claim.
    busy: bool,
    /// What it is about to claim.
    promise: Option<Promise>,
    /// The number of its claim that has no header yet.
    open: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Ledger {
    geometry: Geometry,
    memory: Bytes,
    start: Position,
    claims: Claims,
    producers: Vec<Producer>,
    /// HEAD.
    released: u64,
    /// How far any consumer has said that it has come.
    furthest: u64,
    /// How far the present one has said so.
    cursor: u64,
    pub(super) tally: Tally,
}

impl Ledger {
    pub(super) fn new(geometry: Geometry, memory: Bytes, start: Position) -> Self {
        Self {
            geometry,
            memory,
            start,
            claims: Claims::new(geometry.record_align()),
            producers: Vec::new(),
            released: 0,
            furthest: 0,
            cursor: 0,
            tally: Tally::default(),
        }
    }

    /// A producer that has the lock of `slot`. Returns its number.
    pub(super) fn producer_comes(&mut self, slot: usize) -> usize {
        self.producers.push(Producer {
            slot,
            alive: true,
            busy: true,
            promise: None,
            open: None,
        });
        self.producers.len() - 1
    }

    /// It has died, or left; what it was doing when it died is judged from now on.
    pub(super) fn producer_ends(&mut self, number: usize) {
        self.producers[number].alive = false;
        self.tally.killed_in_claim += u64::from(self.producers[number].open.is_some());
    }

    /// The process number that stands in the slot of a producer.
    pub(super) fn pid(number: usize) -> u32 {
        1000 + number as u32
    }

    pub(super) fn promise(&mut self, number: usize, promise: Promise) {
        let producer = &mut self.producers[number];
        producer.promise = Some(promise);
        producer.busy = true;
    }

    /// It is in the middle of nothing.
    pub(super) fn rests(&mut self, number: usize) {
        self.producers[number].busy = false;
    }

    /// A number for a record that no other record has.
    pub(super) fn next_tag(&mut self) -> u32 {
        self.tally.tags += 1;
        self.tally.tags
    }

    /// At least so many bytes have been free at all times since HEAD was `released`.
    pub(super) fn always_free(&self, released: u64) -> u64 {
        self.room().saturating_sub(self.claims.end() - released)
    }

    /// What an empty ring has room for, in bytes.
    fn room(&self) -> u64 {
        (self.geometry.capacity() - HEADER_SIZE) as u64
    }

    /// HEAD, counted from the start.
    pub(super) fn released(&self) -> u64 {
        self.released
    }

    /// Whether everything was received and released.
    pub(super) fn is_drained(&self) -> bool {
        self.released == self.claims.end() && self.cursor == self.claims.end()
    }

    /// How many claims there were.
    pub(super) fn claim_count(&self) -> usize {
        self.claims.len()
    }

    /// What was claimed and never read as it should be.
    pub(super) fn check_nothing_is_lost(&self) {
        self.claims.check_nothing_is_lost();
    }

    // What happens to the memory.

    pub(super) fn exchanged(&mut self, who: Who, at: Word, old: u64, new: u64) {
        let Who::Producer(number) = who else {
            panic!("the consumer exchanges {at:?}");
        };
        assert_eq!(at, layout::TAIL, "a producer exchanges another word");
        let (start, end) = (self.offset(old), self.offset(new));
        assert_eq!(start, self.claims.end(), "claims follow each other");
        let producer = &mut self.producers[number];
        let promise = producer.promise.take().expect("one claim for each attempt");
        assert_eq!(end - start, promise.size as u64, "it claims what it wants");
        assert!(producer.open.is_none(), "one claim at a time");
        producer.open = Some(self.claims.len());
        self.claims.push(Claim {
            start,
            size: promise.size as u64,
            owner: number,
            records: promise.records,
            stage: Stage::Claimed,
        });
        assert!(end - self.released <= self.room(), "more than the ring has");
        // M1: the consumer has seen to it.
        self.check_headers_are_zero(start, end);
    }

    pub(super) fn added(&mut self, who: Who, at: Word) {
        assert!(matches!(who, Who::Producer(_)), "by the consumer");
        assert_eq!(at, layout::PRESENCE, "a producer adds to another word");
    }

    pub(super) fn stored(&mut self, who: Who, at: Word, value: u64) {
        let is_data = at >= self.geometry.data();
        match who {
            Who::Producer(number) if is_data => self.wrote(number, at, value),
            Who::Producer(number) => {
                let slot = self.geometry.producer_slot(self.producers[number].slot);
                let own = slot.offset()..slot.offset() + SLOT_SIZE;
                assert!(own.contains(&at.offset()), "a producer stores at {at:?}");
            }
            Who::Consumer if is_data => self.zeroed(at, value),
            Who::Consumer if at == layout::HEAD => self.head_moves(value),
            Who::Consumer => {
                let own = at.offset() / PAGE == layout::HEAD.offset() / PAGE;
                assert!(own, "the consumer stores at {at:?}");
            }
        }
    }

    /// The consumer sees the intent of somebody alive only at that one's own claim, or while that one
    /// is in the middle of something (M4): else it would be in the way for as long as it likes.
    pub(super) fn loaded(&self, who: Who, at: Word, value: u64) {
        let is_intent = |it: &&Producer| {
            let slot = self.geometry.producer_slot(it.slot);
            it.alive && at == slot.plus(layout::SLOT_INTENT)
        };
        let (Who::Consumer, Some(holder)) = (who, self.producers.iter().find(is_intent)) else {
            return;
        };
        // Zero says that it means to claim nowhere.
        let claim = (value != 0).then(|| self.claims.open_at(self.offset(value & !1)));
        if let Some(claim) = claim.flatten() {
            let may_claim = holder.busy || holder.open == Some(claim);
            let slot = holder.slot;
            assert!(may_claim, "slot {slot} is in the way, and does nothing");
        }
    }

    /// A producer writes only where it has claimed, and until it has published that.
    fn wrote(&mut self, number: usize, at: Word, value: u64) {
        let open = self.producers[number].open;
        let open = open.unwrap_or_else(|| panic!("stores at {at:?} without a claim"));
        let claim = self.claims.get_mut(open);
        let header = Position(self.start.0.wrapping_add(claim.start)).word(&self.geometry);
        // The records of a batch may stand on both sides of the ring's end, or run over it.
        let capacity = self.geometry.capacity();
        let distance = at.offset().wrapping_sub(header.offset());
        let in_ring = at.offset() - self.geometry.data().offset() < capacity;
        let within = if in_ring {
            distance & (capacity - 1)
        } else {
            distance
        };
        assert!(
            within < claim.size as usize,
            "stores at {at:?}, not its own"
        );
        if at == header {
            claim.publish(value);
            self.producers[number].open = None;
        }
    }

    /// The consumer writes only zeros, and only where it is about to release.
    fn zeroed(&mut self, at: Word, value: u64) {
        let until = self.offset(self.memory.load(layout::RELEASE_TO, Relaxed));
        let capacity = self.geometry.capacity();
        let index = at.offset() - self.geometry.data().offset();
        let first = self.word(self.released).offset();
        let within = at.offset().wrapping_sub(first) & (capacity - 1);
        let is_released = index < capacity && (within as u64) < until - self.released;
        assert!(is_released && value == 0, "{value:#x} stored at {at:?}");
    }

    /// The consumer releases: only what it has told, or what holds no record.
    fn head_moves(&mut self, head: u64) {
        let until = self.offset(head);
        assert!(until >= self.released && until <= self.claims.end());
        let mut at = self.released;
        while at < until {
            let span = self.claims.span(at);
            match span {
                Span::Record { end, .. } => {
                    assert!(end <= self.furthest, "a record is lost at {at}");
                }
                Span::Padding { .. } => {}
                Span::Open { claim, .. } => self.check_is_dead(claim),
            }
            at = span.end();
        }
        assert_eq!(at, until, "HEAD is where nothing starts");
        self.check_headers_are_zero(self.released, until);
        self.released = until;
    }

    // What consumers say.

    /// A consumer has taken over, at `position`.
    pub(super) fn consumer_comes(&mut self, position: Position) {
        let offset = self.offset(position.0);
        assert_eq!(offset, self.released, "what was not released comes again");
        self.tally.redelivered += u64::from(self.furthest > offset);
        self.cursor = offset;
    }

    /// It has read a record.
    pub(super) fn received(&mut self, position: Position, tag: u32, payload: &[u8]) {
        self.pass_padding(position);
        let Span::Record {
            claim, index, end, ..
        } = self.claims.span(self.cursor)
        else {
            panic!("a record at {}, where there is none", self.cursor);
        };
        self.claims.receive(claim, index, tag, payload);
        self.go_to(end);
        self.tally.received += 1;
    }

    /// It has found nothing at `position`.
    pub(super) fn found_nothing(&mut self, position: Position) {
        self.pass_padding(position);
        if self.cursor < self.claims.end() {
            let span = self.claims.span(self.cursor);
            // A look ends after so many claims that were given up.
            let is_record = matches!(span, Span::Record { .. });
            assert!(!is_record, "a record at {} is hidden", self.cursor);
        }
    }

    /// It has asked for the reason, at `position`.
    pub(super) fn recovered(&mut self, position: Position, gap: Gap) {
        self.pass_padding(position);
        match gap {
            Gap::Dead(repair) => self.repaired(&repair),
            Gap::None if self.cursor < self.claims.end() => {
                let is_open = matches!(self.claims.span(self.cursor), Span::Open { .. });
                assert!(!is_open, "a gap at {} is hidden", self.cursor);
            }
            Gap::None => {}
            Gap::Alive { .. } => self.waits(),
        }
    }

    fn repaired(&mut self, repair: &Repair) {
        assert_eq!(self.offset(repair.position), self.cursor);
        let Span::Open { claim, end } = self.claims.span(self.cursor) else {
            panic!("{repair:?}, where no claim is open");
        };
        self.check_is_dead(claim);
        assert_eq!(repair.size as u64, end - self.cursor, "{repair:?}");
        let owner = self.claims.get_mut(claim).owner;
        let is_owner = repair.index == self.producers[owner].slot && repair.pid == Self::pid(owner);
        if !is_owner {
            self.check_is_like_the_owner(repair, owner);
            self.tally.repairs_of_twins += 1;
        }
        self.claims.get_mut(claim).stage = Stage::Repaired;
        self.go_to(end);
        self.tally.repairs += 1;
    }

    /// Of several that died in claiming the same bytes at the same place, before one could mark them
    /// as its own, nothing tells which one did.
    fn check_is_like_the_owner(&self, repair: &Repair, owner: usize) {
        let word = |slot, field| {
            let slot = self.geometry.producer_slot(slot);
            self.memory.load(slot.plus(field), Relaxed)
        };
        let owners_slot = self.producers[owner].slot;
        let intent = repair.position | 1;
        assert_ne!(
            word(owners_slot, layout::SLOT_CLAIMED),
            intent,
            "{repair:?}"
        );
        assert_eq!(
            word(repair.index, layout::SLOT_INTENT),
            intent,
            "{repair:?}"
        );
        let pid = word(repair.index, layout::SLOT_PID);
        assert_eq!(pid, u64::from(repair.pid), "{repair:?}");
        let is_alive = |it: &Producer| it.alive && it.slot == repair.index;
        assert!(!self.producers.iter().any(is_alive), "{repair:?}");
    }

    /// Somebody who is alive holds things up; that it is the owner, is not said.
    fn waits(&mut self) {
        self.tally.waits += 1;
        if self.cursor == self.claims.end() {
            return;
        }
        if let Span::Open { claim, .. } = self.claims.span(self.cursor) {
            let owner = self.claims.get_mut(claim).owner;
            self.tally.waits_for_another += u64::from(!self.producers[owner].alive);
        }
    }

    /// The present consumer has come to `position`, over nothing but padding.
    fn pass_padding(&mut self, position: Position) {
        let offset = self.offset(position.0);
        while self.cursor < offset {
            let span = self.claims.span(self.cursor);
            let is_padding = matches!(span, Span::Padding { .. });
            assert!(is_padding, "{span:?} at {} was skipped", self.cursor);
            self.go_to(span.end());
        }
        assert_eq!(self.cursor, offset, "the consumer's position");
    }

    fn go_to(&mut self, offset: u64) {
        self.cursor = offset;
        self.furthest = self.furthest.max(offset);
    }

    fn check_is_dead(&mut self, claim: usize) {
        let Claim { owner, start, .. } = *self.claims.get_mut(claim);
        let alive = self.producers[owner].alive;
        assert!(!alive, "a living producer's claim at {start} is skipped");
    }

    fn check_headers_are_zero(&self, from: u64, to: u64) {
        for offset in (from..to).step_by(self.geometry.record_align()) {
            let found = self.memory.load(self.word(offset), Relaxed);
            assert_eq!(found, 0, "where a header may stand, at {offset}");
        }
    }

    fn offset(&self, position: u64) -> u64 {
        let offset = position.wrapping_sub(self.start.0);
        assert!(offset < 1 << 62 && offset.is_multiple_of(WORD as u64));
        offset
    }

    fn word(&self, offset: u64) -> Word {
        Position(self.start.0.wrapping_add(offset)).word(&self.geometry)
    }
}
