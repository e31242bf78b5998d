//! Shapes of regions, and identity pages; see `mapring_fuzz::identity`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| mapring_fuzz::identity::run(data));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    mapring_fuzz::replay_arguments(mapring_fuzz::identity::run)
}
