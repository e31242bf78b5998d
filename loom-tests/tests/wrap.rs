//! The models of `src/models/wrap.rs`, as they are.

use mapring_loom_tests::models::wrap;

#[test]
fn second_lap() {
    wrap::SECOND_LAP.check();
}

#[test]
fn overrun_twice() {
    wrap::OVERRUN_TWICE.check();
}

#[test]
fn late_release() {
    wrap::LATE_RELEASE.check();
}

#[test]
fn drained() {
    wrap::DRAINED.check();
}

#[test]
fn end_of_positions() {
    wrap::END_OF_POSITIONS.check();
}
