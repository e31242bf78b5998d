//! A region of many producers that is written by a hostile peer; see `mapring_fuzz::region_bytes`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| mapring_fuzz::region_bytes::run_mpsc(data));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    mapring_fuzz::replay_arguments(mapring_fuzz::region_bytes::run_mpsc)
}
