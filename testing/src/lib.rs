//! What the tests, models and fuzzers of mapring share.
//!
//! - [`Bytes`]: memory in plain private words, for tests that look at or change every byte.
//! - [`Mortal`]: memory that stops changing at a chosen store, as if the one who stores was killed.
//! - [`Hostile`]: memory in which a peer changes words between any two accesses.
//! - [`conformance`]: what every implementation of `mapring::memory::Memory` must do.
//! - [`oracle`]: a ring so simple that it is right, to compare the real one with.
//! - [`operations`]: what can be done to a ring of one producer, and the comparison.
//! - [`schedule`]: what can become of several producers, whose every access is a step of its own.

mod bytes;
pub mod conformance;
mod hostile;
mod mortal;
pub mod operations;
pub mod oracle;
pub mod schedule;

pub use bytes::Bytes;
pub use hostile::Hostile;
pub use mortal::Mortal;
