//! Models of mapring's protocol, explored by [loom](https://docs.rs/loom).
//!
//! The protocol is generic over its memory, so the functions explored here are the very
//! functions that run over mapped pages; only the memory is loom's.
//!
//! - [`LoomMemory`]: words that loom watches. Payload is race-checked.
//! - [`Weakened`]: carries out one chosen access with Relaxed instead of its ordering, or
//!   leaves one chosen fence out.
//! - [`Futex`]: what sleepers sleep on. Who is not woken makes loom report a deadlock.
//! - [`Dying`]: unwinds its user just before a chosen store, as a kill would stop it there.
//! - [`SharedRing`]: a ring of many producers, with the kernel's locks of their slots.
//! - [`models`]: one file for each part of the protocol, one function for each scenario.
//!
//! `tests/` runs every model as it is; `tests/orderings.rs` runs them once more with each
//! ordering weakened, and fails if no model notices.
//!
//! # What these models cannot show
//!
//! - loom keeps the last seven stores to a word, and does not explore load buffering (a
//!   load that returns what was stored only because of it).
//! - loom runs the stores of one thread in the order of the program. What a compiler may
//!   do to the order of two Relaxed stores, a killed participant does not show here.
//! - loom sees which accesses are in each other's way, and does not try what it takes for the same.
//!   It remembers only the last access to each word: that one thread's load might have come behind
//!   another's store escapes it, if the other loads the word itself in between, as a producer loads
//!   the shared tail. So where models of several producers are about what a consumer sees, it looks
//!   from the thread that is spawned last, which runs last at first: then loom tries what else may
//!   be.
//! - A fence of loom's orders more than one of C++: all that was before it is before all that
//!   is behind a later one. So loom does not try all that the Relaxed accesses beside one may see.
//! - A thread that has yielded sees no values any more that it saw before.
//! - Two threads that wait for a third keep loom busy for ever: no model has them.
//! - Most models bound the number of preemptions; the head of each file in `models` says so.
//! - What happens once in 256 records, and the zero window that is switched on again by
//!   that, is not reached.

mod dying;
mod futex;
mod memory;
mod model;
pub mod models;
mod shared;
mod sleeping;
mod weakened;

pub use dying::{Dying, until_death};
pub use futex::Futex;
pub use memory::LoomMemory;
pub use model::{Model, ModelMemory, Ring, Setup, Totals};
pub use shared::{Locks, SharedRing, Undertaker};
pub use weakened::{Operation, Site, Weakened, Weakening};
