//! Schedules of several producers, step by step; see `mapring_fuzz::mpsc_schedule`.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| mapring_fuzz::mpsc_schedule::run(data));

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    mapring_fuzz::replay_arguments(mapring_fuzz::mpsc_schedule::run)
}
