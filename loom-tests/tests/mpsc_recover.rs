//! The models of `src/models/mpsc_recover.rs`, as they are.

use mapring_loom_tests::models::mpsc_recover;

#[test]
fn nobody_stops() {
    mpsc_recover::NOBODY_STOPS.check();
}

#[test]
fn dies_sending() {
    mpsc_recover::DIES_SENDING.check();
}

#[test]
fn dies_in_a_batch() {
    mpsc_recover::DIES_IN_A_BATCH.check();
}

#[test]
fn dies_giving_up() {
    mpsc_recover::DIES_GIVING_UP.check();
}

#[test]
fn sleeps_sending() {
    mpsc_recover::SLEEPS_SENDING.check();
}

#[test]
fn sleeps_in_a_batch() {
    mpsc_recover::SLEEPS_IN_A_BATCH.check();
}

#[test]
fn slot_taken_again() {
    mpsc_recover::SLOT_TAKEN_AGAIN.check();
}
