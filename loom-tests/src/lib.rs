//! Models of mapring's protocol, explored by [loom](https://docs.rs/loom).
//!
//! The protocol is generic over its memory, so the functions explored here are the very
//! functions that run over mapped pages; only the memory is loom's.
//!
//! - [`LoomMemory`]: words that loom watches. Payload is race-checked.
//! - [`Weakened`]: carries out one chosen access with Relaxed instead of its ordering.
//! - [`Dying`]: unwinds its user just before a chosen store, as a kill would stop it there.
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
//! - Most models bound the number of preemptions; the head of each file in `models` says so.
//! - What happens once in 256 records, and the zero window that is switched on again by
//!   that, is not reached.

mod dying;
mod memory;
mod model;
pub mod models;
mod weakened;

pub use dying::{Dying, until_death};
pub use memory::LoomMemory;
pub use model::{Model, Ring, Setup, Totals};
pub use weakened::{Operation, Site, Weakened, Weakening};
