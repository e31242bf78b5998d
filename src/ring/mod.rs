//! Floor 2: the pure protocol. It knows words, positions and records; it knows
//! nothing of processes, clocks, files or pointers, and it has no `unsafe`.
//!
//! There are two kinds of ring. [`spsc`] is described first; [`mpsc`] is the same but for the
//! sections that say so. What they share stands in this folder, what differs in theirs.
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
//! # Invariants of a ring of one producer
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
//!   aborted or forgotten leaves I2 true. One that is committed has handed out nothing
//!   behind its own end, and takes the window up again from there.
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
//! # Invariants of a ring of many producers
//!
//! Producers share the tail: TAIL is not a copy, it is the cursor. A producer *claims* the span
//! from `t` to `t + size` by a compare-and-swap of TAIL; then the span is its own until it
//! publishes a header at `t`: that of a record, or of *padding* where it gave the claim up. So
//! claims are in one order, that of TAIL, and records are received in that order. I1, I4 and I5
//! hold as they are, TAIL being `tail`.
//!
//! - **M1** Every word in `[TAIL, HEAD + capacity)` at which a record may start (a multiple of the
//!   record alignment) is zero. A producer cannot see to that, for the header behind its record is
//!   another's; so the consumer zeroes these words of what it releases, before it stores HEAD.
//! - **M2** So each of these words of a claimed span is zero until its owner stores there, and
//!   a header at a claim's start is what its owner published: payload bytes that look like
//!   headers are never read as such, for the consumer goes from one claim's start to the next.
//! - **M3** In its slot a producer says what it is about to do, before it does it: the size, then
//!   the position (the *intent*), then the swap of TAIL, then the position again (the *claimed*
//!   mark), then the payload. It says nothing else before it has published. So the
//!   owner of a claimed span without a header has its position as intent, whoever else has.
//! - **M4** A producer that gives an attempt up (the ring is full) takes its intent back. So a live
//!   intent belongs to somebody in the middle of claiming, or to a claim that was made.
//! - **M5** A slot keeps what its dead holder said for as long as it is needed: until a header stands
//!   where it meant to claim, or the consumer has released that place, or it turns out
//!   that nothing was claimed there. Only then does somebody else take the slot.
//! - **M6** `release_to` is stored before the first word is zeroed for a release. So a consumer that
//!   dies in one leaves a span `[HEAD, release_to)` that its successor zeroes and releases;
//!   before that, it would take zeroed headers for claims without an owner.
//! - **M7** In a batch, which is one claim, the header at the claim's start is stored last: all or
//!   nothing (I7).
//!
//! What the consumer does when TAIL is ahead of a header that does not come is told, and proved,
//! at the head of `recover.rs`. It goes by the kernel's word, never by time.
//!
//! A full ring: producers look at HEAD, and at TAIL only when HEAD has moved. TAIL and HEAD are
//! two loads, between which both may move on; `room.rs` tells that from cursors that cannot be.
//!
//! # Pairs of orderings
//!
//! | pair | store, Release | load, Acquire | what it carries |
//! |---|---|---|---|
//! | P1 | header of a record or of padding (`spsc::Producer::publish`, `mpsc::Producer::store_header`) | header at head (`poll`, in `consumer.rs`) | the payload, the zero after it, a batch's other headers |
//! | P2 | HEAD (`Consumer::release`) | HEAD (`spsc::Producer::refresh_head`, `attach`; `mpsc::Room::look`) | that the released bytes have been read, and zeroed (M1) |
//! | P3 | slot state (`participant::attach`, `detach`) | slot state (`participant::look`) | the slot's pid; everything sent before leaving |
//! | P4 | magic (`attach::initialise`) | magic (`attach::read`) | the identity page and the first cursors |
//! | P5 | TAIL (`mpsc::Producer::claim`, an exchange) | TAIL (`recover::find`; `mpsc::Room::look`) | the intent of each who has claimed up to there; the HEAD that it had seen |
//! | P6 | intent (`mpsc::Producer::claim`, `clear_intent`) | intent (`recover::intent`) | the header of the producer's claim before |
//! | P7 | presence (`participant::count_change`, an addition) | presence (`participant::presence`) | a producer's state |
//! | P8 | answered (`gate::Waker::answer_up_to`, the exchange) | answered (`gate::Gate::park`) | that nobody wants anything |
//!
//! An exchange continues what an earlier exchange released, so P5 carries the intents of all
//! claims before as well.
//!
//! With one producer, TAIL is Relaxed on both sides: it is read by a successor, which holds the
//! role's kernel lock after its predecessor (that orders everything the
//! predecessor did), by observers, to whom it is a number, and by the consumer, to which it says
//! whether it has waited for too long. The same holds
//! for a successor's first look at HEAD as a consumer. A compiler fence keeps the
//! store of TAIL behind that of the header (I6); no model can weaken it, for loom
//! keeps program order. For the same reason the claimed mark and `release_to` are Relaxed with a
//! compiler fence behind them: they are for who comes after a death. `tests/program_order.rs` looks
//! at what a compiler has made of these three, instruction by instruction.
//!
//! Every ordering of this table has a model in `loom-tests` that fails when it
//! is weakened to Relaxed.
//!
//! # Peers are not trusted
//!
//! Words a peer can write are loaded once, checked, and only then used; the
//! checks stand in `record.rs`, `refresh_head`, `room.rs`, `recover.rs` and the `attach`
//! functions. What fails a check is [`Corrupt`](crate::error::Corrupt), for ever.

#![forbid(unsafe_code)]

pub mod attach;
mod batch;
mod claim;
mod consumer;
pub mod gate;
pub mod mpsc;
mod pace;
pub mod participant;
mod position;
mod protocol;
mod record;
mod recover;
pub mod spsc;

pub use batch::{Batch, BatchClaim};
pub(crate) use claim::Abort;
pub use claim::{Claim, write_at};
pub use consumer::Consumer;
pub use position::Position;
pub use protocol::{Extent, Produce, Protocol};
pub use record::{Record, RecordHeader};
pub use recover::{Gap, Liveness, Repair, stalled};
