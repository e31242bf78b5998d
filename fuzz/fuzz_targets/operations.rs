//! Operations on a ring, compared with an oracle; see `mapring_fuzz::operations`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| mapring_fuzz::operations::run(data));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    mapring_fuzz::replay_arguments(mapring_fuzz::operations::run)
}
