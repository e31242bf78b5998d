//! Who may take part in a ring of many producers, and how many.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs::File;
use std::thread;
use std::time::Duration;

use mapring::mpsc::{Options, Producer, Ring};
use mapring::{AttachError, OpenError, Peer, RecvError, Role, TryRecvError, TrySendError, spsc};

use common::claimant::{self, dead_claim};
use common::{Child, DEADLINE, Name, fork, fork_and_go_on, hear, role, say, wait_until};

/// Long enough to look at the peers a few times; no result depends on how long it really is.
const A_WHILE: Duration = Duration::from_millis(50);

fn options(producers: u64) -> Options {
    let options = Options::new().capacity(8 << 10).max_payload(1 << 10);
    options.producers(producers)
}

/// Role: see [`claimant::play`].
#[test]
fn role_claim() {
    let Some(arguments) = role() else { return };
    claimant::play(&arguments);
}

/// Role: takes so many producers' roles, in threads, then tries another, says what came of it and
/// waits.
#[test]
fn role_hold_producers() {
    let Some(arguments) = role() else { return };
    let ring = Options::new().open(&arguments[0]).unwrap();
    let count = arguments[1].parse::<u32>().unwrap();
    let take = |tag| {
        let ring = ring.clone();
        thread::spawn(move || {
            let mut producer = ring.producer().unwrap();
            producer.try_send(tag, b"").unwrap();
            producer
        })
    };
    let threads: Vec<_> = (0..count).map(take).collect();
    let producers: Vec<Producer> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    say("held");
    while let Some(line) = hear() {
        if line == "leave" {
            break;
        }
        say(outcome(&ring));
    }
    drop(producers);
    say("left");
    hear();
}

/// What comes of taking a producer's role, in words.
fn outcome(ring: &Ring) -> String {
    ring.producer().map_or_else(
        |error| error.to_string(),
        |producer| format!("a producer at {}", producer.position()),
    )
}

fn hold(name: &str, count: u32) -> Child {
    let child = Child::start("role_hold_producers", &[name, &count.to_string()]);
    child.expect("held");
    child
}

#[track_caller]
fn assert_too_many(ring: &Ring, expected: usize) {
    let taken = ring.producer();
    let too_many =
        matches!(taken, Err(AttachError::TooManyProducers { limit }) if limit == expected);
    assert!(too_many, "{taken:?}");
}

#[test]
fn exactly_as_many_producers_as_there_are_slots() {
    let name = Name::new("limit");
    let ring = options(6).create(&name).unwrap();
    let mut one = hold(&name, 2);
    let other = hold(&name, 2);
    let first = ring.producer().unwrap();
    // Another handle of the same region, in another thread.
    let again = Options::new().open(&name).unwrap();
    let second = thread::spawn(move || again.producer().unwrap())
        .join()
        .unwrap();
    assert_too_many(&ring, 6);
    one.tell("take one more");
    one.expect("all 6 producer slots of this ring are taken");

    // A slot is free again when its holder has left, in whichever process,
    drop(second);
    let second = ring.producer().unwrap();
    assert_too_many(&ring, 6);
    one.tell("leave");
    one.expect("left");
    let third = ring.producer().unwrap();
    let fourth = ring.producer().unwrap();
    assert_too_many(&ring, 6);
    // and when it has died.
    other.kill();
    let fifth = ring.producer().unwrap();
    let sixth = ring.producer().unwrap();
    assert_too_many(&ring, 6);
    drop((first, second, third, fourth, fifth, sixth));
    assert!(ring.producer().is_ok());
}

#[test]
fn a_dead_slot_is_kept_until_its_claim_is_skipped() {
    let name = Name::new("kept-slot");
    let ring = options(1).create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let pid = dead_claim(&name, 100);
    assert_too_many(&ring, 1);
    let end = consumer.recv(&mut Vec::new(), DEADLINE);
    assert_eq!(end, Err(RecvError::PeerDied { pid }));
    assert_eq!(consumer.repairs().map(|r| r.pid).collect::<Vec<_>>(), [pid]);
    let mut producer = ring.producer().unwrap();
    producer.try_send(5, b"next").unwrap();
    assert_eq!(consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag, 5);
}

#[test]
fn who_wants_a_dead_slot_gets_it_as_soon_as_the_consumer_comes_by() {
    let name = Name::new("kept-for-a-moment");
    let ring = options(1).create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    dead_claim(&name, 100);
    thread::scope(|scope| {
        let taker = scope.spawn(|| {
            let mut taken = ring.producer();
            // On a slow machine it may give up before the consumer comes by.
            while let Err(AttachError::TooManyProducers { .. }) = taken {
                taken = ring.producer();
            }
            taken.unwrap().try_send(5, b"next").unwrap();
        });
        loop {
            match consumer.recv(&mut Vec::new(), DEADLINE) {
                Ok(received) => break assert_eq!(received.tag, 5),
                // The new one has not come yet.
                Err(RecvError::PeerDied { .. }) => thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
        taker.join().unwrap();
    });
}

/// Role: takes the consumer's role when told, says what came of it and of one `recv`, and how many
/// claims it has skipped; waits, and gives it back.
#[test]
fn role_race_for_the_consumer() {
    let Some(arguments) = role() else { return };
    let ring = Options::new().open(&arguments[0]).unwrap();
    say("ready");
    while hear().is_some() {
        match ring.consumer() {
            Ok(mut consumer) => {
                let received = consumer.recv(&mut Vec::new(), DEADLINE).unwrap();
                say(format!("{} {}", received.tag, consumer.repairs().count()));
                hear();
                drop(consumer);
                say("given back");
            }
            Err(AttachError::Busy { role, .. }) => {
                assert_eq!(role, Role::Consumer);
                say("busy");
                hear();
                say("gone");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn of_two_that_would_recover_one_does() {
    let name = Name::new("recoverers");
    let ring = options(4).create(&name).unwrap();
    let mut other = ring.producer().unwrap();
    let mut racers = [0; 2].map(|_| Child::start("role_race_for_the_consumer", &[&name]));
    racers.iter().for_each(|racer| racer.expect("ready"));
    for tag in 10..25 {
        dead_claim(&name, 100);
        other.try_send(tag, b"behind").unwrap();
        racers.iter_mut().for_each(|racer| racer.tell("go"));
        let mut said = [racers[0].line(), racers[1].line()];
        said.sort();
        assert_eq!(said, [format!("{tag} 1"), "busy".to_owned()]);
        racers.iter_mut().for_each(|racer| racer.tell("end"));
        racers.iter().for_each(|racer| drop(racer.line()));
    }
    for racer in racers {
        racer.finish_listening();
    }
}

#[test]
fn a_second_consumer_is_refused() {
    let name = Name::new("second-consumer");
    let ring = options(2).create(&name).unwrap();
    let own = std::process::id();
    let consumer = ring.consumer().unwrap();
    let again = Options::new().open(&name).unwrap();
    for ring in [&ring, &again] {
        let taken = ring.consumer();
        let busy =
            matches!(taken, Err(AttachError::Busy { role: Role::Consumer, pid }) if pid == own);
        assert!(busy, "{taken:?}");
    }
    drop(consumer);
    assert!(again.consumer().is_ok());
}

#[test]
fn opening_and_closing_once_more_frees_no_slot() {
    let name = Name::new("open-close");
    let ring = options(2).create(&name).unwrap();
    let _consumer = ring.consumer().unwrap();
    let _producers = [ring.producer().unwrap(), ring.producer().unwrap()];
    // A lock of the older kind would go with any descriptor of the file.
    drop(File::open(ring.path()).unwrap());
    drop(options(2).open(&name).unwrap());
    drop(ring.observer().unwrap());

    let mut child = hold(&name, 0);
    child.tell("take one");
    child.expect("all 2 producer slots of this ring are taken");
    let mut racer = Child::start("role_race_for_the_consumer", &[&name]);
    racer.expect("ready");
    racer.tell("go");
    racer.expect("busy");
}

#[test]
fn a_ring_of_the_other_kind_is_not_opened() {
    let name = Name::new("kind");
    let many = options(2).create(&name).unwrap();
    let opened = spsc::Options::new().open(&name).map(drop);
    assert!(is_kind(&opened, "MPSC", "SPSC"), "{opened:?}");
    drop(many);
    let _one = spsc::Options::new().create(&name).unwrap();
    let opened = Options::new().create_or_open(&name).map(drop);
    assert!(is_kind(&opened, "SPSC", "MPSC"), "{opened:?}");
}

fn is_kind(opened: &Result<(), OpenError>, is: &str, wanted: &str) -> bool {
    matches!(opened, Err(OpenError::Kind { found, expected, .. }) if *found == is && *expected == wanted)
}

/// The code with which a forked child says that it came to its end.
const DONE: i32 = 42;

/// Role: forks with both ends in hand, which the child can neither use nor take away.
#[test]
fn role_fork_with_endpoints() {
    let Some(arguments) = role() else { return };
    let ring = Options::new().open(&arguments[0]).unwrap();
    let mut producer = ring.producer().unwrap();
    let mut consumer = ring.consumer().unwrap();
    producer.try_send(1, b"before").unwrap();
    let status = fork(|| {
        assert_eq!(producer.try_send(2, b""), Err(TrySendError::Forked));
        let claimed = producer.try_claim(5).map(drop);
        assert_eq!(claimed, Err(TrySendError::Forked));
        let batch = producer.try_batch(64).map(drop);
        assert_eq!(batch, Err(TrySendError::Forked));
        let received = consumer.try_recv(&mut Vec::new());
        assert_eq!(received, Err(TryRecvError::Forked));
        assert_eq!(consumer.producers(), Err(TryRecvError::Forked));
        assert!(matches!(ring.producer(), Err(AttachError::Forked)));
        assert!(matches!(ring.consumer(), Err(AttachError::Forked)));
        // SAFETY: a copy for this process alone, which ends without using the first one.
        drop(unsafe { std::ptr::read(&raw const producer) });
        DONE
    });
    assert_eq!(status.exit_status(), Some(DONE));
    producer.try_send(3, b"after").unwrap();
    for tag in [1, 3] {
        assert_eq!(consumer.try_recv(&mut Vec::new()).unwrap().tag, tag);
    }
    let own = std::process::id();
    assert_eq!(
        consumer.producers().unwrap()[0],
        Peer::Attached { pid: own }
    );
    say("done");
}

#[test]
fn a_forked_child_can_neither_use_nor_take_away_its_parents_roles() {
    let name = Name::new("fork");
    let _ring = options(2).create(&name).unwrap();
    let child = Child::start("role_fork_with_endpoints", &[&name]);
    child.expect("done");
    child.finish();
}

/// Role: claims, and forks a process that lives on; says its pid.
#[test]
fn role_claim_and_fork() {
    let Some(arguments) = role() else { return };
    let ring = Options::new().open(&arguments[0]).unwrap();
    let mut producer = ring.producer().unwrap();
    let _claim = producer.try_claim(100).unwrap();
    let child = fork_and_go_on(|| {
        thread::sleep(DEADLINE);
        0
    });
    say(child.as_raw_nonzero());
    hear();
}

#[test]
fn a_claim_is_skipped_when_the_last_process_that_has_its_lock_has_ended() {
    let name = Name::new("inherited");
    let ring = options(2).create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let mut other = ring.producer().unwrap();
    let parent = Child::start("role_claim_and_fork", &[&name]);
    let pid = parent.pid();
    let forked = parent.line().parse().unwrap();
    let forked = rustix::process::Pid::from_raw(forked).unwrap();
    other.try_send(1, b"behind").unwrap();
    parent.kill();
    // To the kernel its forked child holds the slot as well.
    let received = consumer.recv(&mut Vec::new(), A_WHILE);
    assert_eq!(received, Err(RecvError::TimedOut));
    rustix::process::kill_process(forked, rustix::process::Signal::KILL).unwrap();
    wait_until(|| consumer.recv(&mut Vec::new(), A_WHILE).is_ok());
    assert_eq!(consumer.repairs().map(|r| r.pid).collect::<Vec<_>>(), [pid]);
}
