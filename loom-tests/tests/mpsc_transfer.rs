//! The models of `src/models/mpsc_transfer.rs`, as they are.

use mapring_loom_tests::models::mpsc_transfer;

#[test]
fn one_each() {
    mpsc_transfer::ONE_EACH.check();
}

#[test]
fn two_each() {
    mpsc_transfer::TWO_EACH.check();
}

#[test]
fn end_of_positions() {
    mpsc_transfer::END_OF_POSITIONS.check();
}

#[test]
fn claim_dropped() {
    mpsc_transfer::CLAIM_DROPPED.check();
}

#[test]
fn claim_leaked() {
    mpsc_transfer::CLAIM_LEAKED.check();
}

#[test]
fn batch_dropped() {
    mpsc_transfer::BATCH_DROPPED.check();
}

#[test]
fn batch() {
    mpsc_transfer::BATCH.check();
}
