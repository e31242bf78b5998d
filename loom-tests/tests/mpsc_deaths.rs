//! The models of `src/models/mpsc_deaths.rs`, as they are.

use mapring_loom_tests::models::mpsc_deaths;

#[test]
fn two_die() {
    mpsc_deaths::TWO_DIE.check();
}

#[test]
fn two_die_beside_a_third() {
    mpsc_deaths::TWO_DIE_BESIDE_A_THIRD.check();
}

#[test]
fn consumer_dies_releasing() {
    mpsc_deaths::CONSUMER_DIES_RELEASING.check();
}

#[test]
fn consumer_dies_repairing() {
    mpsc_deaths::CONSUMER_DIES_REPAIRING.check();
}
