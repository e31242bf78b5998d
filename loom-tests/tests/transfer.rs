//! The models of `src/models/transfer.rs`, as they are.

use mapring_loom_tests::models::transfer;

#[test]
fn one_record() {
    transfer::ONE_RECORD.check();
}

#[test]
fn partial_words() {
    transfer::PARTIAL_WORDS.check();
}

#[test]
fn three_records() {
    transfer::THREE_RECORDS.check();
}
