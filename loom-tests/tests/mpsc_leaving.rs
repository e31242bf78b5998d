//! The models of `src/models/mpsc_leaving.rs`, as they are.

use mapring_loom_tests::models::mpsc_leaving;

#[test]
fn last_one_leaves() {
    mpsc_leaving::LAST_ONE_LEAVES.check();
}

#[test]
fn seen_again() {
    mpsc_leaving::SEEN_AGAIN.check();
}
