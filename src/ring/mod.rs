//! Floor 2: the pure protocol. It knows words, positions and records; it knows
//! nothing of processes, clocks, files or pointers, and it has no `unsafe`.
//!
//! # How a record travels
//!
//! The header publishes. A zero header means "nothing here yet". The producer
//! copies the payload behind a zero header, makes sure that the *next* header
//! is zero too, and then stores the header. The consumer polls the header at
//! its own head. So one cache line travels for a short record, and the consumer
//! never writes to the pages that hold records. The idea is that of Agrona's
//! one-to-one ring buffer (length published last) and of `FastForward` (Giacomoni
//! et al., `PPoPP` 2008: no shared cursor on the fast path).
//!
//! # Invariants
//!
//! `head` and `tail` are the private cursors of consumer and producer, HEAD and
//! TAIL their shared copies. An endpoint never reads its own copy back. All
//! comparisons are modulo 2^64, on differences.
//!
//! - **I1** `HEAD <= head <= tail <= HEAD + capacity - 8`: the header word at
//!   `tail` is never one that the consumer still reads.
//! - **I2** The header word at `tail` is zero, from before the record in front
//!   of it is published. So a consumer that has read everything sees zero, not
//!   the bytes of a record from a lap ago, whatever they look like.
//! - **I3** Every word in `[tail, max(tail + 8, zeroed_until))` is zero, and
//!   `zeroed_until <= HEAD + capacity`. This is I2 for a stretch: the *zero window*.
//!   A claim that hands out these bytes first gives the window up, so that a claim
//!   aborted or forgotten leaves I2 true.
//! - **I4** Only the span `[HEAD, tail)` holds records the consumer may read; the
//!   producer writes outside it, but for the next header (I1 leaves room for it).
//! - **I5** A header stands at an index below `capacity`; its payload is contiguous
//!   and may run on into the overrun area. At most one record in `[HEAD, tail)`
//!   lies across a multiple of the capacity (the span is shorter than a lap), so
//!   the overrun area has one user at a time.
//! - **I6** TAIL lies at the start of a record, or at `tail`; every record from
//!   there on has a published header, and a zero header follows the last. A
//!   producer that dies anywhere leaves TAIL at most one publication behind, and
//!   its successor finds `tail` by walking over headers.
//! - **I7** In a batch, the header of the first record is stored last. Until then
//!   the consumer, and a successor, see zero at `tail`: all of it or nothing.
//!
//! # Pairs of orderings
//!
//! | pair | store, Release | load, Acquire | what it carries |
//! |---|---|---|---|
//! | P1 | header of a record (`spsc::Producer::publish`) | header at head (`poll`, in `spsc::consumer`) | the payload, the zero after it, a batch's other headers |
//! | P2 | HEAD (`spsc::Consumer::release`) | HEAD (`spsc::Producer::refresh_head`, `attach`) | that the released bytes have been read |
//! | P3 | slot state (`participant::attach`, `detach`) | slot state (`participant::look`) | the slot's pid; everything sent before leaving |
//! | P4 | magic (`attach::initialise`) | magic (`attach::verify`) | the identity page and the first cursors |
//!
//! TAIL is Relaxed on both sides: it is read by a successor, which holds the
//! role's kernel lock after its predecessor (that orders everything the
//! predecessor did), and by observers, to whom it is a number. The same holds
//! for a successor's first look at HEAD as a consumer. A compiler fence keeps the
//! store of TAIL behind that of the header (I6); no model can weaken it, for loom
//! keeps program order.
//!
//! Every ordering of this table has a model in `loom-tests` that fails when it
//! is weakened to Relaxed.
//!
//! # Peers are not trusted
//!
//! Words a peer can write are loaded once, checked, and only then used; the
//! checks stand in [`RecordHeader::parse`], `refresh_head` and the two `attach`
//! functions. What fails a check is [`Corrupt`](crate::error::Corrupt), for ever.

#![forbid(unsafe_code)]

pub mod attach;
pub mod participant;
mod position;
mod record;
pub mod spsc;

pub use position::Position;
pub use record::{Record, RecordHeader};
