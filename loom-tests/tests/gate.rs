//! The models of `src/models/gate.rs`, as they are.

use mapring_loom_tests::models::gate;

#[test]
fn one_record() {
    gate::ONE_RECORD.check();
}

#[test]
fn two_records() {
    gate::TWO_RECORDS.check();
}

#[test]
fn room() {
    gate::ROOM.check();
}

#[test]
fn much_room() {
    gate::MUCH_ROOM.check();
}

#[test]
fn both_sleep() {
    gate::BOTH_SLEEP.check();
}

#[test]
fn two_wakers() {
    gate::TWO_WAKERS.check();
}

#[test]
fn two_sleepers() {
    gate::TWO_SLEEPERS.check();
}

#[test]
fn two_wishes() {
    gate::TWO_WISHES.check();
}

#[test]
fn times_out() {
    gate::TIMES_OUT.check();
}

#[test]
fn waker_dies() {
    gate::WAKER_DIES.check();
}

#[test]
fn releaser_dies() {
    gate::RELEASER_DIES.check();
}

#[test]
fn leaves() {
    gate::LEAVES.check();
}

#[test]
fn leaves_two() {
    gate::LEAVES_TWO.check();
}
