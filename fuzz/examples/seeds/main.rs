//! Writes the inputs that a fuzzer starts from to `corpus/<target>/seed-<n>`.
//!
//! For most targets every input spells some plan, so bytes from a fixed generator will do: the
//! fuzzer finds its way from there. Those that do operations on a ring start from the plans of the
//! unit tests, too, and those that take text from what the unit tests take.

use std::path::Path;
use std::{fs, io};

use mapring_fuzz::TARGETS;

mod operations;
mod regions;
mod schedules;
mod spelling;

/// Inputs for each target from the generator.
const SEEDS: u64 = 16;
/// Names, good and bad.
const NAMES: [&str; 12] = [
    "prices",
    "a",
    "A.b_c-9",
    "",
    ".hidden",
    "..",
    "../decoy",
    "a/b",
    "/dev/shm/x",
    "naïve",
    "a b",
    "nul\0",
];
/// Sizes and durations, good and bad.
const NUMBERS: [&str; 28] = [
    "0",
    "4096",
    "64K",
    "1m",
    "2G",
    "1T",
    "+5",
    "K",
    "-1",
    "1.5M",
    "64KB",
    "é",
    "99999999T",
    "0.25",
    "1e19",
    "nan",
    "inf",
    "1e",
    "1E+3",
    "-1e-400",
    "-1e-300",
    "-0",
    "1e-400",
    "18446744073709551615.999999999",
    "1.8446744073709551616e19",
    ".5e1",
    "5.",
    ".",
];
/// Bytes of the longest.
const LONGEST: usize = 768;

fn main() -> io::Result<()> {
    for (target, run) in TARGETS {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(target);
        fs::create_dir_all(&directory)?;
        for (seed, bytes) in inputs(target).iter().enumerate() {
            run(bytes);
            fs::write(directory.join(format!("seed-{seed:02}")), bytes)?;
        }
    }
    Ok(())
}

/// What this target starts from.
fn inputs(target: &str) -> Vec<Vec<u8>> {
    let texts = |texts: &[&str]| -> Vec<Vec<u8>> {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    };
    match target {
        "names" => {
            let long = [200, 201].map(|len| "x".repeat(len).into_bytes());
            let mut names = texts(&NAMES);
            names.extend(long);
            names
        }
        "numbers" => texts(&NUMBERS),
        _ => {
            let mut inputs = generated();
            match target {
                "operations" => inputs.extend(operations::inputs()),
                "mpsc_schedule" => inputs.extend(schedules::inputs()),
                "mpsc_region_bytes" => inputs.extend(regions::inputs()),
                _ => {}
            }
            inputs
        }
    }
}

/// Of every length up to the longest.
fn generated() -> Vec<Vec<u8>> {
    let input = |seed| {
        let len = LONGEST * (seed as usize + 1) / SEEDS as usize;
        numbers(seed).flat_map(u64::to_le_bytes).take(len).collect()
    };
    (0..SEEDS).map(input).collect()
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
