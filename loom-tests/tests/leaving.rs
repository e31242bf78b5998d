//! The models of `src/models/leaving.rs`, as they are.

use mapring_loom_tests::models::leaving;

#[test]
fn pid() {
    leaving::PID.check();
}

#[test]
fn producer_leaves() {
    leaving::PRODUCER_LEAVES.check();
}

#[test]
fn consumer_leaves() {
    leaving::CONSUMER_LEAVES.check();
}
