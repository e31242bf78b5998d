//! Floor 0: the bytes of a region, version 1.
//!
//! Everything is a 64-bit word in little-endian order. One role writes one
//! page, so pages could be mapped with the rights of that role.
//!
//! ```text
//! 0x0000  identity      written once by the creator
//!         +00 magic "mapring\0" (stored last)   +08 version
//!         +10 endian mark                       +18 kind
//!         +20 capacity, bytes                   +28 max_payload, bytes
//!         +30 record_align, bytes               +38 producer slots
//!         +40 flags (bit 0: persistent)         +48 layout hash
//!         +50 generation (random)               +58 wakeups
//!         +60 fences
//!         +800 the event of data_answered, +c00 that of space_answered: with wakeups by
//!         events, what the system's thread library keeps there; else zero
//! 0x1000  producers     +00 TAIL, a position    +80 presence, a count
//!                       +100 data_answered      +180 space_parked
//!                       +188 space_wanted, a position + 1, or 0
//! 0x2000  consumer      +00 HEAD, a position    +08 release_to, a position
//!                       +100 space_answered     +180 data_parked
//!                       +800 the consumer's slot
//! 0x3000  slots         one of 128 bytes for each producer
//! data    capacity bytes, then the overrun area: one record of max_payload
//! ```
//!
//! A slot, written by the participant that holds it:
//!
//! ```text
//! +00 state: 0 never taken, 1 attached, 2 left in good order
//! +08 pid     +10 attachments so far
//! +18 bytes of the claim, with several producers; +20 where it is to be, +28 where it
//!     is: a position + 1, or 0
//! +40 records +48 bytes of the ring  +50 times full (or empty)   +58 waits
//! +60 claims of dead producers that were skipped
//! +68 sleeps  +70 sleeps that only the clock ended
//! ```
//!
//! A record is contiguous. Its header is a word at an index below `capacity`;
//! its payload may run on into the overrun area:
//!
//! ```text
//!  63        62      61            32 31                       0
//! +---------+-------+----------------+--------------------------+
//! |committed|padding| payload length |           tag            |
//! +---------+-------+----------------+--------------------------+
//! | payload, then zeros up to the next word, then whatever      |
//! | is left there up to a multiple of record_align              |
//! +-------------------------------------------------------------+
//! ```
//!
//! The same, for someone who writes a peer in another language, with the rules
//! of who may store what and when: `docs/format.md`.

mod geometry;
mod seat;
mod wakeups;

pub use geometry::{Geometry, Kind};
pub use seat::Seat;
pub use wakeups::{Fences, Wakeups};

#[cfg(target_endian = "big")]
compile_error!("a region is little-endian; machines of the other byte order have no way in yet");

/// "mapring" and a zero byte, as they stand in memory. Stored last by the creator.
pub const MAGIC: u64 = u64::from_le_bytes(*b"mapring\0");
/// The version of everything in this file; it must match exactly.
pub const VERSION: u64 = 1;
/// Reads back differently on a machine of the other byte order.
pub const ENDIAN_MARK: u64 = 0x0102_0304_0506_0708;
/// The unit in which roles are kept apart, in bytes.
pub const PAGE: usize = 4096;
/// Bytes in a word.
pub const WORD: usize = 8;
/// Bytes of a slot.
pub const SLOT_SIZE: usize = 128;
/// Bytes of a record's header.
pub const HEADER_SIZE: usize = WORD;

/// Smallest capacity of a region, in bytes.
pub const MIN_CAPACITY: u64 = 4 << 10;
/// Largest capacity of a region that this build can map, in bytes: 1 TiB, or 512 MiB where an
/// address has 32 bits. With one record behind it, it always fits into an address space.
pub const MAX_CAPACITY: u64 = if usize::BITS < 64 { 1 << 29 } else { 1 << 40 };
/// Longest payload that a header can describe, in bytes (30 bits).
pub const MAX_PAYLOAD: u64 = (1 << 30) - 1;
/// Largest record alignment, in bytes; the smallest is a word.
pub const MAX_RECORD_ALIGN: u64 = 128;
/// Most producers that one region can hold.
pub const MAX_PRODUCERS: u64 = 1024;

/// The byte whose read locks count the users of a region.
pub const USE_LOCK: u64 = 0;
/// The byte whose write lock is the consumer's role.
pub const CONSUMER_LOCK: u64 = 1;
/// The byte whose write lock is the role of producer 0; producer `n` has the `n`-th byte after it.
pub const FIRST_PRODUCER_LOCK: u64 = 16;

/// The bit of [`FLAGS`] that lets a region outlive its last user.
pub const FLAG_PERSISTENT: u64 = 1;

/// A byte offset into a region that is a multiple of eight, and below 2^63 (2^31 on a
/// 32-bit machine), so that the length of a slice can be added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Word(usize);

impl Word {
    /// The word at `offset` bytes.
    ///
    /// # Panics
    /// When `offset` is not a multiple of eight, or not below 2^63.
    #[inline]
    #[must_use]
    pub const fn at(offset: usize) -> Self {
        assert!(
            offset <= isize::MAX as usize,
            "an offset into a region is below 2^63"
        );
        assert!(
            offset.is_multiple_of(WORD),
            "a word starts at a multiple of eight"
        );
        Self(offset)
    }

    /// Its first byte's offset, in bytes.
    #[inline]
    #[must_use]
    pub const fn offset(self) -> usize {
        self.0
    }

    /// The word after this one.
    #[inline]
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + WORD)
    }

    /// The word `bytes` after this one.
    ///
    /// # Panics
    /// When `bytes` is not a multiple of eight.
    #[inline]
    #[must_use]
    pub const fn plus(self, bytes: usize) -> Self {
        Self::at(self.0 + bytes)
    }
}

/// Identity page: [`MAGIC`].
pub const MAGIC_WORD: Word = Word::at(0x00);
/// Identity page: [`VERSION`].
pub const VERSION_WORD: Word = Word::at(0x08);
/// Identity page: [`ENDIAN_MARK`].
pub const ENDIAN_WORD: Word = Word::at(0x10);
/// Identity page: the [`Kind`] of ring.
pub const KIND: Word = Word::at(0x18);
/// Identity page: bytes of the ring, a power of two.
pub const CAPACITY: Word = Word::at(0x20);
/// Identity page: longest payload, in bytes.
pub const MAX_PAYLOAD_WORD: Word = Word::at(0x28);
/// Identity page: every record starts at a multiple of this many bytes.
pub const RECORD_ALIGN: Word = Word::at(0x30);
/// Identity page: how many producer slots there are.
pub const PRODUCERS: Word = Word::at(0x38);
/// Identity page: bits, see [`FLAG_PERSISTENT`].
pub const FLAGS: Word = Word::at(0x40);
/// Identity page: [`layout_hash`] of the creator's build.
pub const LAYOUT_HASH: Word = Word::at(0x48);
/// Identity page: a random number that tells two regions of one name apart.
pub const GENERATION: Word = Word::at(0x50);
/// Identity page: the kind of wakeups, see [`Wakeups`].
pub const WAKEUPS: Word = Word::at(0x58);
/// Identity page: the kind of fences, see [`Fences`].
pub const FENCES: Word = Word::at(0x60);
/// Identity page: the event behind [`DATA_ANSWERED`], where wakeups are events.
pub const DATA_EVENT: Word = Word::at(0x800);
/// Identity page: the event behind [`SPACE_ANSWERED`], where wakeups are events.
pub const SPACE_EVENT: Word = Word::at(0xc00);
/// Bytes that an event may take.
pub const EVENT_SIZE: usize = 0x400;
/// Producers' page: the position behind the last record, for successors and observers; with several
/// producers, the cursor itself: the position behind the last claim.
pub const TAIL: Word = Word::at(PAGE);
/// Producers' page: how often a producer came or left, as far as they lived to say so.
pub const PRESENCE: Word = Word::at(PAGE + 0x80);
/// Producers' page: the last sleep of the consumer that a producer has ended; what it sleeps on.
pub const DATA_ANSWERED: Word = Word::at(PAGE + 0x100);
/// Producers' page: the number of the last sleep of producers.
pub const SPACE_PARKED: Word = Word::at(PAGE + 0x180);
/// Producers' page: one more than the least HEAD for which a producer sleeps, or 0.
pub const SPACE_WANTED: Word = Word::at(PAGE + 0x188);
/// Consumer's page: the position up to which everything was released.
pub const HEAD: Word = Word::at(2 * PAGE);
/// Consumer's page: the position up to which it was about to release; with several producers.
pub const RELEASE_TO: Word = Word::at(2 * PAGE + WORD);
/// Consumer's page: the last sleep of producers that the consumer has ended; what they sleep on.
pub const SPACE_ANSWERED: Word = Word::at(2 * PAGE + 0x100);
/// Consumer's page: the number of the consumer's last sleep.
pub const DATA_PARKED: Word = Word::at(2 * PAGE + 0x180);
/// Consumer's page: the consumer's slot.
pub const CONSUMER_SLOT: Word = Word::at(2 * PAGE + PAGE / 2);
/// The first page of producers' slots.
pub const PRODUCER_SLOTS: Word = Word::at(3 * PAGE);

/// Within a slot: see [`crate::ring::participant::State`].
pub const SLOT_STATE: usize = 0x00;
/// Within a slot: the process that holds it, or held it last, as it sees itself.
pub const SLOT_PID: usize = 0x08;
/// Within a slot: how often it was taken.
pub const SLOT_ATTACHMENTS: usize = 0x10;
/// Within a producer's slot: bytes of the claim that it makes or has made last.
pub const SLOT_CLAIM_SIZE: usize = 0x18;
/// Within a producer's slot: one more than the position at which it is about to claim, or has
/// claimed; or 0.
pub const SLOT_INTENT: usize = 0x20;
/// Within a producer's slot: one more than the position at which it has claimed last; or 0.
pub const SLOT_CLAIMED: usize = 0x28;
/// Within a slot: records sent or received; may lag while its owner is busy.
pub const SLOT_RECORDS: usize = 0x40;
/// Within a slot: bytes of the ring that went through; may lag.
pub const SLOT_BYTES: usize = 0x48;
/// Within a slot: how often a call found the ring full (or empty); may lag.
pub const SLOT_STALLS: usize = 0x50;
/// Within a slot: how often a blocking call had to wait; may lag.
pub const SLOT_WAITS: usize = 0x58;
/// Within the consumer's slot: how many claims of dead producers it has skipped; may lag.
pub const SLOT_REPAIRS: usize = 0x60;
/// Within a slot: how often it slept until it was woken; may lag.
pub const SLOT_SLEEPS: usize = 0x68;
/// Within a slot: how many sleeps only the clock has ended, though there was something to be woken
/// for; may lag.
pub const SLOT_LATE: usize = 0x70;

const _: () = {
    assert!(MAGIC.to_le_bytes()[7] == 0);
    assert!(FENCES.0 < DATA_EVENT.0 && SPACE_EVENT.0 + EVENT_SIZE <= TAIL.0);
    assert!(DATA_EVENT.0 + EVENT_SIZE <= SPACE_EVENT.0 && TAIL.0 / PAGE == 1);
    assert!(HEAD.0 / PAGE == 2 && CONSUMER_SLOT.0 / PAGE == 2);
    assert!(CONSUMER_SLOT.0 + SLOT_SIZE <= PRODUCER_SLOTS.0);
    assert!(CONSUMER_SLOT.0.is_multiple_of(SLOT_SIZE) && PAGE.is_multiple_of(SLOT_SIZE));
    assert!(SLOT_LATE + WORD <= SLOT_SIZE);
    // The words that each claim stores share a cache line, which nobody polls.
    assert!(SLOT_CLAIM_SIZE / 64 == SLOT_CLAIMED / 64 && PRESENCE.0 / 128 != TAIL.0 / 128);
    assert!(CONSUMER_LOCK < FIRST_PRODUCER_LOCK);
};

/// A fingerprint (FNV-1a) of the offsets above, so that two builds that forgot
/// to change [`VERSION`] still refuse each other.
#[must_use]
pub const fn layout_hash() -> u64 {
    let facts = [
        KIND.0,
        CAPACITY.0,
        MAX_PAYLOAD_WORD.0,
        RECORD_ALIGN.0,
        PRODUCERS.0,
        FLAGS.0,
        LAYOUT_HASH.0,
        GENERATION.0,
        WAKEUPS.0,
        FENCES.0,
        DATA_EVENT.0,
        SPACE_EVENT.0,
        TAIL.0,
        PRESENCE.0,
        DATA_ANSWERED.0,
        SPACE_PARKED.0,
        SPACE_WANTED.0,
        HEAD.0,
        RELEASE_TO.0,
        SPACE_ANSWERED.0,
        DATA_PARKED.0,
        CONSUMER_SLOT.0,
        PRODUCER_SLOTS.0,
        SLOT_SIZE,
        SLOT_STATE,
        SLOT_PID,
        SLOT_ATTACHMENTS,
        SLOT_CLAIM_SIZE,
        SLOT_INTENT,
        SLOT_CLAIMED,
        SLOT_RECORDS,
        SLOT_BYTES,
        SLOT_STALLS,
        SLOT_WAITS,
        SLOT_REPAIRS,
        SLOT_SLEEPS,
        SLOT_LATE,
        HEADER_SIZE,
        PAGE,
    ];
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < facts.len() {
        hash = (hash ^ facts[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}
