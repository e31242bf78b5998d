//! What the fuzz targets do, as ordinary functions of bytes: a fuzzer calls them, and
//! so do the tests and the binaries that replay what a fuzzer has found.
//!
//! ```text
//! cargo +nightly fuzz run region_bytes        fuzz, from the project's root
//! cargo test -p mapring-fuzz                  replay corpus/ and regressions/
//! cargo run -p mapring-fuzz --bin region_bytes -- FILE...
//! ```
//!
//! An input that made a target fail goes to `regressions/<target>/` when the fault is mended.

use std::{env, fs, io};

mod confined;
pub mod gates;
pub mod identity;
pub mod mpsc_schedule;
pub mod names;
pub mod numbers;
pub mod operations;
pub mod region_bytes;

/// A fuzz target: it panics when the input shows a fault.
pub type Target = fn(&[u8]);

/// All targets, by name.
pub const TARGETS: [(&str, Target); 8] = [
    ("operations", operations::run),
    ("region_bytes", region_bytes::run),
    ("mpsc_schedule", mpsc_schedule::run),
    ("mpsc_region_bytes", region_bytes::run_mpsc),
    ("gates", gates::run),
    ("identity", identity::run),
    ("names", names::run),
    ("numbers", numbers::run),
];

/// Runs `target` on each file that the command line names.
///
/// # Errors
/// When a file cannot be read.
pub fn replay_arguments(target: Target) -> io::Result<()> {
    for path in env::args_os().skip(1) {
        println!("{}", path.display());
        target(&fs::read(path)?);
    }
    Ok(())
}
