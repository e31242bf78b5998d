//! What a user asks for that cannot be: the exact error, and a message that names
//! the thing, the value and the limit.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use mapring::spsc::{Options, Ring};
use mapring::{AttachError, LayoutError, OpenError, Role, SendError, TryRecvError, TrySendError};

use common::shelf::{Shelf, assert_text};
use common::{Child, DEADLINE, Name, files_in, hear, role, say};

#[test]
fn names() {
    let long = "n".repeat(201);
    let rows = [
        ("", "is empty"),
        (long.as_str(), "is longer than 200 bytes"),
        ("a/b", "has a slash"),
        ("../a", "has a slash"),
        (".a", "starts with a dot"),
        ("..", "starts with a dot"),
        ("a\0b", "has characters other than"),
        ("a\nb", "has characters other than"),
        ("a b", "has characters other than"),
        ("ä", "has characters other than"),
    ];
    let shelf = Shelf::new();
    let options = shelf.options();
    for (name, reason) in rows {
        let errors = [
            options.create(name).unwrap_err(),
            options.open(name).unwrap_err(),
            options.create_or_open(name).unwrap_err(),
            options.remove(name).unwrap_err(),
        ];
        for error in errors {
            assert_text(&error, &[&format!("{name:?}"), reason]);
            assert!(matches!(error, OpenError::Name { name: n, .. } if n == name));
        }
    }
    let longest = "n".repeat(200);
    drop(options.create(&longest).unwrap());
    let error = options.create_at("/").unwrap_err();
    assert_text(&error, &["\"/\"", "is not the path of a file"]);
    assert!(matches!(error, OpenError::Name { .. }));
    assert!(files_in(shelf.directory()).is_empty());
}

#[test]
fn capacities() {
    let shelf = Shelf::new();
    for capacity in [0, 1, 2048, 4095, 4097, 12288, 2 << 40, 1 << 63, u64::MAX] {
        let options = shelf.options().capacity(capacity).max_payload(8);
        for result in [options.create("ring"), options.open("ring")] {
            let error = result.unwrap_err();
            let text = ["capacity", &capacity.to_string(), "power of two", "4096"];
            assert_text(&error, &text);
            assert_text(&error, &["1099511627776", shelf.path().to_str().unwrap()]);
            let expected = LayoutError::Capacity { capacity };
            assert!(matches!(error, OpenError::Options { source, .. } if source == expected));
        }
    }
    assert!(files_in(shelf.directory()).is_empty());
    drop(shelf.options().capacity(4096).create("ring").unwrap());
}

#[test]
fn max_payloads() {
    let shelf = Shelf::new();
    let largest = 4096 - 16;
    for max_payload in [largest + 1, 1 << 30, u64::MAX] {
        let options = shelf.options().max_payload(max_payload);
        let error = options.create("ring").unwrap_err();
        let numbers = [max_payload.to_string(), largest.to_string()];
        assert_text(&error, &["max_payload", &numbers[0], &numbers[1], "4096"]);
        let expected = LayoutError::MaxPayload {
            max_payload,
            capacity: 4096,
            limit: largest,
        };
        assert!(matches!(error, OpenError::Options { source, .. } if source == expected));
    }
    // The largest one really fits, and is sent and received.
    let ring = shelf.options().max_payload(largest).create("ring").unwrap();
    let payload = vec![7; largest as usize];
    ring.producer().unwrap().try_send(0, &payload).unwrap();
    let mut received = Vec::new();
    ring.consumer().unwrap().try_recv(&mut received).unwrap();
    assert_eq!(received, payload);
}

#[test]
fn payloads() {
    let shelf = Shelf::new();
    let ring = shelf.options().create("ring").unwrap();
    let mut producer = ring.producer().unwrap();
    let long = [0; 257];
    let text = ["257", "256"];

    let expected = TrySendError::TooLong {
        len: 257,
        limit: 256,
    };
    assert_text(&expected, &text);
    assert_eq!(producer.try_send(0, &long), Err(expected));
    assert_eq!(producer.try_claim(257).map(drop), Err(expected));
    let mut batch = producer.batch().unwrap();
    assert_eq!(batch.push(0, &long), Err(expected));
    assert_eq!(batch.try_claim(257).map(drop), Err(expected));
    drop(batch);
    let overflow = TrySendError::TooLong {
        len: usize::MAX,
        limit: 256,
    };
    assert_eq!(producer.try_claim(usize::MAX).map(drop), Err(overflow));

    let expected = SendError::TooLong {
        len: 257,
        limit: 256,
    };
    assert_text(&expected, &text);
    assert_eq!(producer.send(0, &long, DEADLINE), Err(expected));
    assert_eq!(producer.claim(257, DEADLINE).map(drop), Err(expected));

    // Too small a slice: the record is still there.
    producer.try_send(9, &[5; 256]).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let expected = TryRecvError::TooSmall {
        needed: 256,
        given: 255,
    };
    assert_text(&expected, &["256", "255"]);
    assert_eq!(consumer.try_recv(&mut [0; 255]), Err(expected));
    assert_eq!(consumer.try_recv(&mut [0; 256]).unwrap().tag, 9);
}

#[test]
fn a_region_other_than_asked_for_is_refused() {
    let shelf = Shelf::new();
    let _ring = shelf.options().create("ring").unwrap();
    let rows = [
        (shelf.options().capacity(8192), "capacity", 4096, 8192),
        (shelf.options().max_payload(64), "max_payload", 256, 64),
    ];
    for (options, field, found, expected) in rows {
        for result in [options.open("ring"), options.create_or_open("ring")] {
            let error = result.unwrap_err();
            let numbers = [found.to_string(), expected.to_string()];
            assert_text(&error, &[field, &numbers[0], &numbers[1]]);
            assert_text(&error, &[shelf.path().to_str().unwrap()]);
            let OpenError::Mismatch {
                path,
                field: f,
                found: is,
                expected: wish,
            } = error
            else {
                panic!("{error:?}");
            };
            assert_eq!((path, f, is, wish), (shelf.path(), field, found, expected));
        }
    }
    // Who asks for nothing takes what there is.
    let any = Options::new().directory(shelf.directory());
    let ring = any.open("ring").unwrap();
    assert_eq!((ring.capacity(), ring.max_payload()), (4096, 256));
}

/// Role: takes both roles, and stays.
#[test]
fn role_hold_both() {
    let Some(arguments) = role() else { return };
    let ring = Options::new().open(&arguments[0]).unwrap();
    let both = (ring.producer().unwrap(), ring.consumer().unwrap());
    say("holding");
    hear();
    drop(both);
}

#[track_caller]
fn assert_busy(ring: &Ring, expected: u32) {
    let errors = [
        (ring.producer().map(drop), Role::Producer, "producer"),
        (ring.consumer().map(drop), Role::Consumer, "consumer"),
    ];
    for (result, expected_role, text) in errors {
        let error = result.unwrap_err();
        assert_text(&error, &[text, &format!("process {expected}")]);
        let AttachError::Busy { role, pid } = error else {
            panic!("{error:?}");
        };
        assert_eq!((role, pid), (expected_role, expected));
    }
}

#[test]
fn a_role_can_be_held_once() {
    let name = Name::new("busy");
    let ring = Options::new().create(&name).unwrap();
    let second = Options::new().open(&name).unwrap();
    let own = std::process::id();
    let both = (ring.producer().unwrap(), ring.consumer().unwrap());
    assert_busy(&ring, own);
    assert_busy(&ring.clone(), own);
    assert_busy(&second, own);
    drop(both);

    // Free again, for either handle.
    let both = (second.producer().unwrap(), second.consumer().unwrap());
    assert_busy(&ring, own);
    drop(both);

    let mut child = Child::start("role_hold_both", &[&name]);
    child.expect("holding");
    assert_busy(&ring, child.pid());
    assert_busy(&second, child.pid());
    child.tell("go");
    child.finish();
    drop((ring.producer().unwrap(), ring.consumer().unwrap()));
}
