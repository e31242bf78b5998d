//! Floor 2: the operating system. The only `unsafe` and the only system calls
//! are here; nothing here knows what a record is.

// The one place where atomics are named: everything above goes through `memory::Memory`.
#![allow(clippy::disallowed_types)]

#[cfg(not(target_os = "linux"))]
compile_error!("mapring runs on Linux; other systems have no region backend yet");

mod copy;
pub(crate) mod fences;
mod lock;
pub(crate) mod mapped;
mod park;
pub(crate) mod process;
pub(crate) mod region;
pub(crate) mod wait;
