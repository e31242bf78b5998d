//! What options ask for holds for those who create and for those who open.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::path::Path;

use common::Name;
use mapring::spsc::Options;
use mapring::{OpenError, Origin};

fn assert_mismatch(error: OpenError, field: &str, found: u64, expected: u64) {
    let text = error.to_string();
    let OpenError::Mismatch {
        field: f,
        found: a,
        expected: b,
        ..
    } = error
    else {
        panic!("{text}");
    };
    assert_eq!((f, a, b), (field, found, expected), "{text}");
}

#[test]
fn a_region_at_a_path_must_be_persistent_and_is_not_deleted() {
    let name = Name::new("salvage");
    let ring = Options::new().create(&name).unwrap();
    ring.producer().unwrap().try_send(0, b"precious").unwrap();
    // As a crash leaves it: the file is there, and nobody uses it.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    fs::copy(ring.path(), &copy).unwrap();
    let bytes = fs::read(&copy).unwrap();

    for result in [
        Options::new().open_at(&copy),
        Options::new().create_or_open_at(&copy),
        Options::new().create_at(&copy),
    ] {
        assert_mismatch(result.unwrap_err(), "persistence", 0, 1);
    }
    assert!(fs::read(&copy).unwrap() == bytes, "the copy was changed");
}

#[test]
fn persistence_that_is_set_must_be_that_of_the_region() {
    let name = Name::new("persistence");
    let ring = Options::new().create(&name).unwrap();
    let error = Options::new()
        .persistent(true)
        .create_or_open(&name)
        .unwrap_err();
    assert_mismatch(error, "persistence", 0, 1);
    assert!(Options::new().persistent(false).open(&name).is_ok());
    drop(ring);

    let _ring = Options::new().persistent(true).create(&name).unwrap();
    let error = Options::new().persistent(false).open(&name).unwrap_err();
    assert_mismatch(error, "persistence", 1, 0);
    assert!(Options::new().open(&name).is_ok());
}

#[test]
fn a_persistent_region_is_given_back_by_its_last_user() {
    let name = Name::new("given-back");
    let ring = Options::new().persistent(true).create(&name).unwrap();
    drop(ring);
    let ring = Options::new().open(&name).unwrap();
    assert_eq!(ring.origin(), Origin::Resumed);
    drop(ring);
    assert!(Options::new().remove(&name).unwrap());
}

#[test]
fn long_payloads_alone_make_a_ring_large_enough() {
    let name = Name::new("long-payloads");
    let options = Options::new().max_payload(3 << 20);
    let ring = options.create(&name).unwrap();
    assert_eq!((ring.capacity(), ring.max_payload()), (8 << 20, 3 << 20));
    // The same call of the other side opens it.
    assert_eq!(
        options.create_or_open(&name).unwrap().origin(),
        Origin::Opened
    );
}

#[test]
fn only_the_region_counts_for_who_opens_one_by_its_payload() {
    let name = Name::new("by-payload");
    let made = Options::new()
        .capacity(16 << 20)
        .max_payload(2 << 20)
        .create(&name)
        .unwrap();
    let opened = Options::new().max_payload(2 << 20).open(&name).unwrap();
    assert_eq!(opened.capacity(), made.capacity());
}

#[test]
fn modes_that_cannot_be_are_refused() {
    let name = Name::new("modes");
    for mode in [0, 0o400, 0o200, 0o066, 0o1600, 0o10600] {
        let error = Options::new().mode(mode).create(&name).unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error, OpenError::Mode { mode: found } if found == mode),
            "{text}"
        );
        assert!(text.contains(&format!("{mode:04o}")), "{text}");
    }
    assert!(!name.path().exists());
}

#[test]
fn a_relative_directory_is_made_absolute() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let relative = Path::new(folder.path().file_name().unwrap());
    let ring = Options::new().directory(relative).create("here").unwrap();
    assert!(ring.path().is_absolute() && ring.path().exists());
    let path = ring.path().to_owned();
    drop(ring);
    assert!(!path.exists());
}

#[test]
fn records_start_where_they_are_told_to() {
    let name = Name::new("align");
    let ring = Options::new().record_align(64).create(&name).unwrap();
    assert_eq!(ring.record_align(), 64);
    let mut producer = ring.producer().unwrap();
    for payload in [1, 56, 57] {
        producer.try_send(0, &vec![0; payload]).unwrap();
        assert_eq!(producer.position() % 64, 0);
    }
    assert_eq!(producer.position(), 64 + 64 + 128);
    assert_eq!(Options::new().open(&name).unwrap().record_align(), 64);
    let error = Options::new().record_align(8).open(&name).unwrap_err();
    assert_mismatch(error, "record_align", 64, 8);

    for align in [0, 4, 24, 256] {
        let error = Options::new()
            .record_align(align)
            .create("never")
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&format!("record_align is {align} bytes")),
            "{text}"
        );
        assert!(text.contains("power of two from 8 to 128"), "{text}");
    }
}
