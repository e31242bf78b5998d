//! The models of `src/models/successor.rs`, as they are.

use mapring_loom_tests::models::successor;

#[test]
fn takes_space_over() {
    successor::TAKES_SPACE_OVER.check();
}

#[test]
fn producer_dies_sending() {
    successor::PRODUCER_DIES_SENDING.check();
}

#[test]
fn producer_dies_in_a_batch() {
    successor::PRODUCER_DIES_IN_A_BATCH.check();
}

#[test]
fn consumer_dies() {
    successor::CONSUMER_DIES.check();
}
