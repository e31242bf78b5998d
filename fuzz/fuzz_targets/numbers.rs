//! Numbers on the command line; see `mapring_fuzz::numbers`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| mapring_fuzz::numbers::run(data));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    mapring_fuzz::replay_arguments(mapring_fuzz::numbers::run)
}
