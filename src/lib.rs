#![doc = include_str!("../README.md")]
//!
//! # A tour of the floors
//!
//! Imports point down only; `tests/floors.rs` asserts it from the sources.
//!
//! | floor | module | what it is |
//! |---|---|---|
//! | 4 | [`spsc`], [`mpsc`] | the public face: the types of floor 3, by the names that programs use |
//! | 3 | [`generic`], `peer`, `wakeups` | options, ring, producer, consumer, observer of either kind of ring, and what they know of each other |
//! | 2 | `ring` | the pure protocol, without `unsafe`; its proof stands at the head of `src/ring/mod.rs` |
//! | 2 | `os` | mapping, locks, files: the only `unsafe`, the only system calls |
//! | 1 | `memory` | what the protocol may ask of the memory it runs on |
//! | 0 | `layout`, `error` | the bytes of a region; what can go wrong |

mod error;
pub mod generic;
pub mod mpsc;
mod os;
mod peer;
pub mod spsc;
mod wakeups;

pub use error::{
    AttachError, Corrupt, Distrust, LayoutError, OpenError, RecvError, Role, SendError,
    TryRecvError, TrySendError,
};
pub use layout::{Fences, Wakeups};
pub use os::region::Origin;
pub use os::wait::{Deadline, WaitStrategy};
pub use peer::Peer;
pub use ring::participant::Counters;

// The door to the pure protocol, for models, fuzzers and benches; outside the version promise.
#[cfg(feature = "internals")]
pub use os::mapped::Mapped;
#[cfg(feature = "internals")]
pub mod layout;
#[cfg(feature = "internals")]
pub mod memory;
#[cfg(feature = "internals")]
pub mod ring;

// What stands behind the door is `pub` for those who come through it.
#[cfg(not(feature = "internals"))]
#[allow(unreachable_pub, dead_code)]
mod layout;
#[cfg(not(feature = "internals"))]
#[allow(unreachable_pub, dead_code)]
mod memory;
#[cfg(not(feature = "internals"))]
#[allow(unreachable_pub, dead_code, unused_imports)]
mod ring;
