//! What the caches of a machine allow at best: the yardstick of mapring's figures.
//!
//! No ring can be faster than the transfer of a cache line, or copy bytes faster than
//! plain copies do. So these are measured over raw shared memory, without records,
//! checks or promises, in the same run as the ring:
//!
//! - [`PingPong`]: one word there, one word back, each on a cache line of its own;
//! - [`FutexPingPong`]: the same between two that sleep until they are woken;
//! - [`StreamSender`] and [`StreamReceiver`]: payloads of a fixed size, one way, with a
//!   cursor published once per 4 KiB, or per interval;
//! - [`PayloadSender`] and [`PayloadReceiver`]: the same with a size, and an interval
//!   between two publications, that are chosen at run time;
//! - [`Giver`] and [`Taker`]: a whole buffer copied in on one core and out on another;
//! - [`BareRegion`]: the system calls that create, open and delete a named region.
//!
//! All but the last work between two threads, and between two processes that have the same
//! [`shared_file`]. Whoever waits spins for a while and then yields, so that two parties
//! on one core get on too. [`two_cores`] and [`pin`] put them where they belong.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use mapring_limits::PingPong;
//!
//! let file = mapring_limits::shared_file(PingPong::SIZE)?;
//! let (here, there) = (PingPong::new(&file)?, PingPong::new(&file)?);
//! let deadline = Instant::now() + Duration::from_secs(10);
//! let answer = move || (1..=100).try_for_each(|round| there.pong(round, deadline));
//! let other = std::thread::spawn(answer);
//! for round in 1..=100 {
//!     here.ping(round, deadline)?;
//! }
//! # other.join().expect("the other thread answers")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// This crate measures atomics themselves; there is no protocol to keep them behind.
#![allow(clippy::disallowed_types)]

mod cores;
mod futex;
mod handover;
mod ping_pong;
mod region;
mod shared;
mod stream;
mod wait;

pub use cores::{cores, pin, two_cores};
pub use futex::FutexPingPong;
pub use handover::{Giver, Taker};
pub use ping_pong::PingPong;
pub use region::BareRegion;
pub use shared::shared_file;
pub use stream::{PayloadReceiver, PayloadSender, StreamReceiver, StreamSender};
pub use wait::TimedOut;
