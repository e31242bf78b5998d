//! The models of `src/models/mpsc_room.rs`, as they are.

use mapring_loom_tests::models::mpsc_room;

#[test]
fn last_room() {
    mpsc_room::LAST_ROOM.check();
}

#[test]
fn taken_back() {
    mpsc_room::TAKEN_BACK.check();
}

#[test]
fn both_cursors_move() {
    mpsc_room::BOTH_CURSORS_MOVE.check();
}

#[test]
fn second_lap() {
    mpsc_room::SECOND_LAP.check();
}

#[test]
fn short_after_long() {
    mpsc_room::SHORT_AFTER_LONG.check();
}

#[test]
fn late_release() {
    mpsc_room::LATE_RELEASE.check();
}
