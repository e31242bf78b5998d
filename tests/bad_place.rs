//! Something at a region's place that is no region, or not one to be trusted: the exact
//! error, whichever way it is opened, and what is there is left as it was.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::mpsc;
use std::thread;

use mapring::layout;
use mapring::{Distrust, LayoutError, OpenError};
use rustix::fs::{CWD, FileType, Mode};

use common::shelf::{Shelf, assert_text};
use common::{DEADLINE, files_in};

/// How each way to open, create or remove the region fails.
fn failures(shelf: &Shelf) -> Vec<OpenError> {
    let options = shelf.options();
    let (sender, receiver) = mpsc::channel();
    // In a thread, so that a call that does not return is seen.
    thread::spawn(move || {
        let errors = [
            options.open("ring").unwrap_err(),
            options.create("ring").unwrap_err(),
            options.create_or_open("ring").unwrap_err(),
            options.remove("ring").unwrap_err(),
        ];
        // The test may have given up.
        let _ = sender.send(Vec::from(errors));
    });
    receiver.recv_timeout(DEADLINE).expect("calls that return")
}

/// Checks that every way fails with `expected`, with a message that names the file and `parts`.
#[track_caller]
fn assert_untrusted(shelf: &Shelf, expected: &Distrust, parts: &[&str]) {
    for error in failures(shelf) {
        assert_text(&error, &[shelf.path().to_str().unwrap()]);
        assert_text(&error, parts);
        let OpenError::Untrusted { path, reason } = error else {
            panic!("{error:?}");
        };
        assert_eq!((path, &reason), (shelf.path(), expected));
    }
}

/// As [`assert_untrusted`], for what is no region; the file must stay as it is.
#[track_caller]
fn assert_layout(shelf: &Shelf, expected: LayoutError, parts: &[&str]) {
    let before = fs::read(shelf.path()).unwrap();
    for error in failures(shelf) {
        assert_text(&error, &[shelf.path().to_str().unwrap()]);
        assert_text(&error, parts);
        let OpenError::Layout { path, source } = error else {
            panic!("{error:?}");
        };
        assert_eq!((path, source), (shelf.path(), expected));
    }
    let untouched = fs::read(shelf.path()).unwrap() == before;
    assert!(untouched, "the file was changed");
    assert_eq!(files_in(shelf.directory()), ["mapring.ring"]);
}

#[test]
fn a_symbolic_link_is_not_followed() {
    for target_is_there in [true, false] {
        let shelf = Shelf::new();
        let target = shelf.directory().join("target");
        if target_is_there {
            fs::write(&target, "precious").unwrap();
        }
        symlink(&target, shelf.path()).unwrap();
        assert_untrusted(&shelf, &Distrust::SymbolicLink, &["symbolic link"]);
        if target_is_there {
            assert_eq!(fs::read(&target).unwrap(), b"precious");
        } else {
            assert!(!target.exists());
        }
        assert!(shelf.path().is_symlink());
    }
}

#[test]
fn what_is_not_a_file_is_not_opened() {
    let shelf = Shelf::new();
    fs::create_dir(shelf.path()).unwrap();
    let kind = |kind| Distrust::FileType { kind };
    assert_untrusted(
        &shelf,
        &kind("directory"),
        &["directory", "not a regular file"],
    );
    assert!(shelf.path().is_dir());

    let shelf = Shelf::new();
    let mode = Mode::RUSR | Mode::WUSR;
    rustix::fs::mknodat(CWD, shelf.path(), FileType::Fifo, mode, 0).unwrap();
    assert_untrusted(&shelf, &kind("FIFO"), &["FIFO", "not a regular file"]);

    let shelf = Shelf::new();
    let _listener = std::os::unix::net::UnixListener::bind(shelf.path()).unwrap();
    assert_untrusted(&shelf, &kind("socket"), &["socket", "not a regular file"]);
}

#[test]
fn a_device_is_not_opened() {
    if !is_root() {
        println!("not run: only root can make a device");
        return;
    }
    let shelf = Shelf::new();
    let null = rustix::fs::makedev(1, 3);
    let mode = Mode::RUSR | Mode::WUSR;
    match rustix::fs::mknodat(CWD, shelf.path(), FileType::CharacterDevice, mode, null) {
        Ok(()) => {
            let kind = Distrust::FileType { kind: "device" };
            assert_untrusted(&shelf, &kind, &["device", "not a regular file"]);
        }
        Err(error) => println!("not run: no device can be made here: {error}"),
    }
}

#[test]
fn a_hard_link_is_not_opened() {
    let shelf = Shelf::with_region();
    let second = shelf.directory().join("second");
    fs::hard_link(shelf.path(), &second).unwrap();
    let expected = Distrust::Links { links: 2 };
    assert_untrusted(&shelf, &expected, &["2 hard links"]);
    fs::remove_file(second).unwrap();
    shelf.options().open("ring").unwrap();
}

#[test]
fn another_users_file_is_not_opened() {
    if !is_root() {
        println!("not run: only root can give a file to another user");
        return;
    }
    let shelf = Shelf::with_region();
    std::os::unix::fs::chown(shelf.path(), Some(12345), None).unwrap();
    let expected = Distrust::Owner {
        owner: 12345,
        expected: 0,
    };
    assert_untrusted(&shelf, &expected, &["user 12345", "user 0"]);
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_file_of_another_mode_is_not_opened() {
    let shelf = Shelf::with_region();
    for mode in [0o644, 0o400, 0o4600, 0o000] {
        fs::set_permissions(shelf.path(), fs::Permissions::from_mode(mode)).unwrap();
        let expected = Distrust::Mode {
            mode,
            expected: 0o600,
        };
        assert_untrusted(&shelf, &expected, &[&format!("{mode:04o}"), "0600"]);
    }
}

/// Makes something else of the file of a region; its mode stays that of a region.
fn write(shelf: &Shelf, bytes: &[u8]) {
    fs::write(shelf.path(), bytes).unwrap();
    fs::set_permissions(shelf.path(), fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn another_programs_file_is_left_alone() {
    let shelf = Shelf::new();
    write(&shelf, b"#!/bin/sh\necho precious\n");
    let found = u64::from_le_bytes(*b"#!/bin/s");
    let text = [&*format!("{found:#018x}"), "not a mapring region"];
    assert_layout(&shelf, LayoutError::Magic { found }, &text);

    for bytes in [&[0; 0][..], &[0; 100_000]] {
        let shelf = Shelf::new();
        write(&shelf, bytes);
        let expected = LayoutError::Magic { found: 0 };
        assert_layout(&shelf, expected, &["0x0000000000000000"]);
    }
}

#[test]
fn a_region_of_the_wrong_size_is_not_opened() {
    let shelf = Shelf::with_region();
    let expected = fs::metadata(shelf.path()).unwrap().len();
    // A header cut off is not read beyond its end: what is missing reads as zero.
    let (shorter, longer) = (expected - 1, expected + 1);
    for found in [shorter, shorter - 4096, 4096, 100, longer, longer + 4096] {
        let file = fs::File::options().write(true).open(shelf.path());
        file.unwrap().set_len(found).unwrap();
        let text = [found.to_string(), expected.to_string()];
        let error = LayoutError::Size { found, expected };
        assert_layout(&shelf, error, &[&text[0], &text[1]]);
    }
}

#[test]
fn an_identity_that_cannot_be_is_refused() {
    let field = |field, found| LayoutError::Field { field, found };
    let payload = |max_payload| LayoutError::MaxPayload {
        max_payload,
        capacity: 4096,
        limit: 4080,
    };
    let capacity = |capacity| LayoutError::Capacity { capacity };
    let (version, hash) = (layout::VERSION, layout::layout_hash());
    let swapped = layout::ENDIAN_MARK.swap_bytes();
    let rows = [
        (
            layout::VERSION_WORD,
            LayoutError::Version {
                found: version + 1,
                expected: version,
            },
        ),
        (
            layout::VERSION_WORD,
            LayoutError::Version {
                found: 0,
                expected: version,
            },
        ),
        (
            layout::ENDIAN_WORD,
            LayoutError::Endian {
                found: swapped,
                expected: layout::ENDIAN_MARK,
            },
        ),
        (
            layout::LAYOUT_HASH,
            LayoutError::Hash {
                found: hash ^ 1,
                expected: hash,
            },
        ),
        (layout::KIND, field("kind", 0)),
        (layout::KIND, field("kind", 3)),
        (layout::CAPACITY, capacity(0)),
        (layout::CAPACITY, capacity(2048)),
        (layout::CAPACITY, capacity(4104)),
        // Too large for this build, as one for 64 bits may be for one of 32.
        (layout::CAPACITY, capacity(2 * layout::MAX_CAPACITY)),
        (layout::CAPACITY, capacity(1 << 63)),
        (layout::CAPACITY, capacity(u64::MAX)),
        (layout::MAX_PAYLOAD_WORD, payload(4081)),
        (layout::MAX_PAYLOAD_WORD, payload(u64::MAX)),
        (
            layout::RECORD_ALIGN,
            LayoutError::RecordAlign { record_align: 0 },
        ),
        (
            layout::RECORD_ALIGN,
            LayoutError::RecordAlign { record_align: 4 },
        ),
        (
            layout::RECORD_ALIGN,
            LayoutError::RecordAlign { record_align: 24 },
        ),
        (
            layout::RECORD_ALIGN,
            LayoutError::RecordAlign { record_align: 256 },
        ),
        (layout::PRODUCERS, field("producer slots", 0)),
        (layout::PRODUCERS, field("producer slots", 2)),
        (layout::PRODUCERS, field("producer slots", u64::MAX)),
        (layout::FLAGS, field("flags", 2)),
        (layout::FLAGS, field("flags", u64::MAX)),
    ];
    for (word, error) in rows {
        let shelf = Shelf::with_region();
        let (value, text) = match error {
            LayoutError::Version { found, expected } => (
                found,
                vec![format!("version {found}"), expected.to_string()],
            ),
            LayoutError::Endian { found, expected } | LayoutError::Hash { found, expected } => {
                let text = vec![format!("{found:#018x}"), format!("{expected:#018x}")];
                (found, text)
            }
            LayoutError::Capacity { capacity } => (capacity, vec![capacity.to_string()]),
            LayoutError::MaxPayload { max_payload, .. } => (
                max_payload,
                vec![max_payload.to_string(), "4080".to_owned()],
            ),
            LayoutError::RecordAlign { record_align } => (
                record_align,
                vec![record_align.to_string(), "8 to 128".to_owned()],
            ),
            LayoutError::Field { field, found } => {
                (found, vec![field.to_owned(), found.to_string()])
            }
            other => panic!("{other}"),
        };
        shelf.poke(word, value);
        let text: Vec<_> = text.iter().map(String::as_str).collect();
        assert_layout(&shelf, error, &text);
    }
    // A ring of another capacity that could be: then the size does not fit.
    let shelf = Shelf::with_region();
    shelf.poke(layout::CAPACITY, 8192);
    let found = fs::metadata(shelf.path()).unwrap().len();
    let expected = found + 4096;
    let text = [found.to_string(), expected.to_string()];
    let error = LayoutError::Size { found, expected };
    assert_layout(&shelf, error, &[&text[0], &text[1]]);
}
