//! The models of `src/models/abort.rs`, as they are.

use mapring_loom_tests::models::abort;

#[test]
fn claim_dropped() {
    abort::CLAIM_DROPPED.check();
}

#[test]
fn claim_over_the_end() {
    abort::CLAIM_OVER_THE_END.check();
}

#[test]
fn batch_dropped() {
    abort::BATCH_DROPPED.check();
}
