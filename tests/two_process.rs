//! Two processes and a name: who creates, who finds, what is left when they go.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;

use mapring::spsc::{Options, Ring};
use mapring::{OpenError, Origin, RecvError, TryRecvError};
use sha2::{Digest, Sha256};

use common::{Child, DEADLINE, Name, files_in, hear, role, say};

fn small() -> Options {
    Options::new().capacity(64 << 10).max_payload(8000)
}

fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Role: streams this program's own file, in pieces of many lengths.
#[test]
fn role_send_file() {
    let Some(arguments) = role() else { return };
    let ring = small().create_or_open(&arguments[0]).unwrap();
    let mut producer = ring.producer().unwrap();
    say(format!("{:?}", ring.origin()));
    let mut file = fs::File::open(std::env::current_exe().unwrap()).unwrap();
    let mut piece = [0; 8000];
    for number in 0_u32.. {
        let len = file.read(&mut piece[..number as usize * 37 % 8000 + 1]);
        let len = len.unwrap();
        if len == 0 {
            break;
        }
        producer.send(number, &piece[..len], DEADLINE).unwrap();
    }
}

/// Role: receives a stream until its producer leaves, and says its hash.
#[test]
fn role_receive_file() {
    let Some(arguments) = role() else { return };
    let ring = small().create_or_open(&arguments[0]).unwrap();
    let mut consumer = ring.consumer().unwrap();
    say(format!("{:?}", ring.origin()));
    let mut hash = Sha256::new();
    let mut piece = Vec::new();
    for number in 0.. {
        match consumer.recv(&mut piece, DEADLINE) {
            Ok(received) => assert_eq!(received.tag, number),
            Err(RecvError::Disconnected) => break,
            Err(error) => panic!("{error}"),
        }
        hash.update(&piece);
    }
    let digest = hash.finalize();
    let text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    say(text);
}

#[test]
fn a_file_goes_through_whoever_starts_first() {
    let expected = hash(&fs::read(std::env::current_exe().unwrap()).unwrap());
    for producer_first in [true, false] {
        let name = Name::new(&format!("stream-{producer_first}"));
        let start = |role| {
            let child = Child::start(role, &[&name]);
            let origin = child.line();
            (child, origin)
        };
        let (producer, consumer) = if producer_first {
            let producer = start("role_send_file");
            (producer, start("role_receive_file"))
        } else {
            let consumer = start("role_receive_file");
            (start("role_send_file"), consumer)
        };
        let origins = (producer.1.as_str(), consumer.1.as_str());
        let created_first = if producer_first {
            ("Created", "Opened")
        } else {
            ("Opened", "Created")
        };
        assert_eq!(origins, created_first);
        assert_eq!(consumer.0.line(), expected);
        producer.0.finish();
        consumer.0.finish();
        assert!(!name.path().exists(), "the last to close deletes");
    }
}

/// Role: creates or opens whenever it is told to, and closes at the next word.
#[test]
fn role_create_or_open_and_close() {
    let Some(arguments) = role() else { return };
    let options = Options::new().capacity(4096);
    say("ready");
    while hear().is_some() {
        let ring = options.create_or_open(&arguments[0]).unwrap();
        say(format!("{:?} {}", ring.origin(), ring.generation()));
        if hear().is_none() {
            break;
        }
        drop(ring);
        say("closed");
    }
}

#[test]
fn a_race_to_create_has_one_winner() {
    let name = Name::new("race");
    let start = |_| Child::start("role_create_or_open_and_close", &[&name]);
    let mut racers: Vec<_> = (0..8).map(start).collect();
    for racer in &racers {
        racer.expect("ready");
    }
    for round in 0..25 {
        racers.iter_mut().for_each(|racer| racer.tell("open"));
        let answers: Vec<_> = racers.iter().map(Child::line).collect();
        let parts = answers.iter().map(|answer| answer.split_once(' ').unwrap());
        let (origins, generations): (Vec<_>, Vec<_>) = parts.unzip();
        let created = origins.iter().filter(|&&origin| origin == "Created");
        assert_eq!(created.count(), 1, "round {round}: {answers:?}");
        let opened = origins.iter().filter(|&&origin| origin == "Opened");
        assert_eq!(opened.count(), 7, "round {round}: {answers:?}");
        let all_in_one = generations.iter().all(|one| *one == generations[0]);
        assert!(all_in_one, "round {round}: {answers:?}");

        racers.iter_mut().for_each(|racer| racer.tell("close"));
        racers.iter().for_each(|racer| racer.expect("closed"));
        assert!(!name.path().exists(), "round {round}: nobody deleted it");
    }
}

/// Role: opens what is there, says so, and closes when told.
#[test]
fn role_open_and_close() {
    let Some(arguments) = role() else { return };
    let ring = Options::new().open(&arguments[0]).unwrap();
    say(format!("{:?}", ring.origin()));
    hear();
    drop(ring);
    say("closed");
}

#[test]
fn the_last_to_close_deletes_in_either_order() {
    for creator_first in [true, false] {
        let name = Name::new(&format!("last-{creator_first}"));
        let ring = Options::new().create(&name).unwrap();
        let mut other = Child::start("role_open_and_close", &[&name]);
        other.expect("Opened");
        if creator_first {
            drop(ring);
            assert!(name.path().exists(), "somebody uses it");
            other.tell("close");
            other.expect("closed");
        } else {
            other.tell("close");
            other.expect("closed");
            assert!(name.path().exists(), "its creator uses it");
            drop(ring);
        }
        assert!(!name.path().exists(), "the last to close deletes");
    }
}

#[test]
fn an_endpoint_alone_keeps_its_region() {
    let name = Name::new("endpoint");
    let ring = Options::new().create(&name).unwrap();
    let mut producer = ring.producer().unwrap();
    let observer = ring.observer().unwrap();
    drop(ring);
    producer.try_send(1, b"alone").unwrap();
    drop(producer);
    assert!(name.path().exists(), "an observer uses it");
    drop(observer);
    assert!(!name.path().exists());
}

/// Role: sends three records to the region at its place, says so, and stays.
#[test]
fn role_send_three_and_stay() {
    let Some(arguments) = role() else { return };
    let ring = match arguments[0].as_str() {
        "memory" => Options::new().create(&arguments[1]),
        "persistent" => Options::new().persistent(true).create(&arguments[1]),
        _ => Options::new().create_at(&arguments[1]),
    };
    let ring = ring.unwrap();
    let mut producer = ring.producer().unwrap();
    for tag in 1..=3 {
        producer.try_send(tag, &tag.to_le_bytes()).unwrap();
    }
    say("sent");
    hear();
}

/// Starts that role, waits until it has sent, and kills it.
fn send_three_and_die(kind: &str, place: &str) {
    let child = Child::start("role_send_three_and_stay", &[kind, place]);
    child.expect("sent");
    child.kill();
}

fn assert_holds_three(ring: &Ring) {
    let mut consumer = ring.consumer().unwrap();
    let mut payload = [0; 4];
    for tag in 1..=3_u32 {
        let received = consumer.try_recv(&mut payload).unwrap();
        assert_eq!((received.tag, received.len), (tag, 4));
        assert_eq!(payload, tag.to_le_bytes());
    }
    assert_eq!(consumer.try_recv(&mut payload), Err(TryRecvError::Empty));
}

#[test]
fn what_a_killed_last_user_left_is_replaced() {
    let name = Name::new("left-over");
    send_three_and_die("memory", &name);
    let left_over = fs::metadata(name.path()).unwrap().ino();

    let ring = Options::new().create_or_open(&name).unwrap();
    assert_eq!(ring.origin(), Origin::Created);
    assert_ne!(fs::metadata(name.path()).unwrap().ino(), left_over);
    assert_eq!(ring.producer().unwrap().position(), 0);
    let mut consumer = ring.consumer().unwrap();
    assert_eq!(consumer.position(), 0);
    // The producer of the line above left in good order, having sent nothing.
    let nothing = consumer.try_recv(&mut [0; 4]);
    assert_eq!(nothing, Err(TryRecvError::Disconnected));
}

#[test]
fn what_a_killed_last_user_left_is_not_opened() {
    let name = Name::new("left-over-open");
    send_three_and_die("memory", &name);
    assert!(name.path().exists());
    let error = Options::new().open(&name).unwrap_err();
    assert!(matches!(error, OpenError::NotFound { .. }), "{error}");
    assert!(!name.path().exists(), "it was cleaned up on the way");
}

#[test]
fn what_a_killed_last_user_left_can_be_created_anew() {
    let name = Name::new("left-over-create");
    send_three_and_die("memory", &name);
    let ring = Options::new().create(&name).unwrap();
    assert_eq!(ring.origin(), Origin::Created);
}

#[test]
fn a_persistent_region_is_resumed_and_removed() {
    let name = Name::new("persistent");
    let options = Options::new().persistent(true);
    send_three_and_die("persistent", &name);

    let error = options.create(&name).unwrap_err();
    assert!(matches!(error, OpenError::AlreadyExists { .. }), "{error}");

    let ring = options.open(&name).unwrap();
    assert_eq!(ring.origin(), Origin::Resumed);
    let generation = ring.generation();
    let error = options.remove(&name).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(error.to_string().contains(&*name), "{error}");
    assert_holds_three(&ring);
    drop(ring);

    let ring = options.create_or_open(&name).unwrap();
    assert_eq!(ring.origin(), Origin::Resumed);
    assert_eq!(ring.generation(), generation);
    drop(ring);

    assert!(options.remove(&name).unwrap(), "there was one");
    assert!(!name.path().exists());
    assert!(!options.remove(&name).unwrap(), "there is none any more");
}

#[test]
fn a_region_in_a_file_is_resumed_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a ring");
    send_three_and_die("file", path.to_str().unwrap());

    let options = Options::new();
    let ring = options.create_or_open_at(&path).unwrap();
    assert_eq!(ring.origin(), Origin::Resumed);
    let second = options.open_at(&path).unwrap();
    assert_eq!(second.origin(), Origin::Opened);
    let error = options.remove_at(&path).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    drop(ring);
    let error = options.remove_at(&path).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert_holds_three(&second);
    drop(second);

    assert_eq!(files_in(directory.path()), ["a ring"]);
    assert!(options.remove_at(&path).unwrap());
    assert!(files_in(directory.path()).is_empty());
    assert!(!options.remove_at(&path).unwrap());
}

#[test]
fn a_region_in_use_by_another_process_is_not_created_or_removed() {
    let name = Name::new("in-use");
    let child = Child::start("role_send_three_and_stay", &["memory", &name]);
    child.expect("sent");
    let error = Options::new().create(&name).unwrap_err();
    assert!(matches!(error, OpenError::AlreadyExists { .. }), "{error}");
    let error = Options::new().remove(&name).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    child.kill();
    assert!(
        Options::new().remove(&name).unwrap(),
        "its locks went with it"
    );
    assert!(!name.path().exists());
}
