//! Writes the inputs that a fuzzer starts from to `corpus/<target>/seed-<n>`.
//!
//! Every input spells some plan, so bytes from a fixed generator will do: the
//! fuzzer finds its way from there.

use std::path::Path;
use std::{fs, io};

use mapring_fuzz::TARGETS;

/// Inputs for each target.
const SEEDS: u64 = 16;
/// Bytes of the longest.
const LONGEST: usize = 768;

fn main() -> io::Result<()> {
    for (target, run) in TARGETS {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(target);
        fs::create_dir_all(&directory)?;
        for seed in 0..SEEDS {
            let len = LONGEST * (seed as usize + 1) / SEEDS as usize;
            let bytes: Vec<u8> = numbers(seed).flat_map(u64::to_le_bytes).take(len).collect();
            run(&bytes);
            fs::write(directory.join(format!("seed-{seed:02}")), bytes)?;
        }
    }
    Ok(())
}

/// The numbers of `SplitMix64`.
fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    (1..).map(move |i: u64| {
        let state = seed.wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}
