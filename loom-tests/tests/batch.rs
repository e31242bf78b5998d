//! The models of `src/models/batch.rs`, as they are.

use mapring_loom_tests::models::batch;

#[test]
fn all_or_nothing() {
    batch::ALL_OR_NOTHING.check();
}

#[test]
fn behind_another_record() {
    batch::BEHIND_ANOTHER_RECORD.check();
}

#[test]
fn over_the_end() {
    batch::OVER_THE_END.check();
}
