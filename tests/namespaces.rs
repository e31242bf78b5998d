//! Processes that see each other under other numbers, or under none: in PID namespaces of their
//! own, in each of which the process has the number 1.
//!
//! Where there is no `unshare`, or not for this user, a line says that they are passed over.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::process::{Command, Stdio};
use std::time::Duration;

use mapring::generic::{Consumer, Mpsc, Options, Producer, Ring, Spsc};
use mapring::{RecvError, WaitStrategy, mpsc};

use common::claimant;
use common::gates::{Gates, Kind};
use common::{Child, DEADLINE, Name, hear, role, say};

/// Long enough to look a few times; no result depends on how long it really is.
const A_WHILE: Duration = Duration::from_millis(50);
/// A payload, of which a ring holds some fifteen.
const PAYLOAD: [u8; 256] = [7; 256];

fn options<P: Kind>() -> Options<P> {
    Options::new().capacity(4096).max_payload(256)
}

/// A command that starts a program as the first process of a namespace, or `None` where that is not
/// permitted. The program is killed when `unshare` is.
fn unshare() -> Option<Command> {
    let command = |flags: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(flags)
            .args(["--pid", "--fork", "--kill-child"]);
        command
    };
    let ways: [&[&str]; 2] = [&[], &["--user", "--map-root-user"]];
    let works = |flags: &&&[&str]| {
        let tried = command(flags).arg("true").stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    let Some(flags) = ways.iter().find(works).copied() else {
        println!("not run: no PID namespaces here, or not for this user");
        return None;
    };
    Some(command(flags))
}

/// Starts a role in a namespace of its own.
fn start(role: &str, arguments: &[&str]) -> Option<Child> {
    let mut command = unshare()?;
    command.arg(std::env::current_exe().unwrap());
    Some(Child::start_by(command, role, arguments))
}

/// Role: does in a ring of its kind what it is told, and says what came of it.
#[test]
fn role_peer() {
    let Some(arguments) = role() else { return };
    say(std::process::id());
    match arguments[0].as_str() {
        Spsc::NAME => play::<Spsc>(&arguments[1]),
        _ => play::<Mpsc>(&arguments[1]),
    }
}

fn play<P: Kind>(name: &str) {
    let ring = options::<P>().open(name).unwrap();
    let mut producer: Option<Producer<P>> = None;
    let mut consumer: Option<Consumer<P>> = None;
    while let Some(line) = hear() {
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("produce", _) => match ring.producer() {
                Ok(mut new) => {
                    new.set_wait_strategy(WaitStrategy::LowCpu);
                    producer = Some(new);
                    say("attached");
                }
                Err(error) => say(format!("{error:?}")),
            },
            ("consume", _) => match ring.consumer() {
                Ok(mut new) => {
                    new.set_wait_strategy(WaitStrategy::LowCpu);
                    consumer = Some(new);
                    say("attached");
                }
                Err(error) => say(format!("{error:?}")),
            },
            ("send", tag) => {
                let producer = producer.as_mut().unwrap();
                let sent = producer.send(tag.parse().unwrap(), &PAYLOAD, DEADLINE);
                say(format!("{:?}", sent.map(drop)));
            }
            ("receive", _) => {
                let mut payload = Vec::new();
                let received = consumer.as_mut().unwrap().recv(&mut payload, DEADLINE);
                let whole = received.is_err() || payload == PAYLOAD;
                say(format!(
                    "{:?} {whole}",
                    received.map(|received| received.tag)
                ));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A ring, and peers in namespaces of their own.
struct Stage<P> {
    ring: Ring<P>,
    gates: Gates,
    peers: Vec<Child>,
    // Last, so that the region is closed before what is left of it is deleted.
    _name: Name,
}

impl<P: Kind> Stage<P> {
    fn new(test: &str, peers: usize) -> Option<Self> {
        unshare()?;
        let name = Name::new(&format!("namespaces-{test}-{}", P::NAME));
        let ring = options::<P>().create(&name).unwrap();
        let start = |_| start("role_peer", &[P::NAME, &name]).unwrap();
        let peers: Vec<_> = (0..peers).map(start).collect();
        for peer in &peers {
            // That is what each knows itself by.
            peer.expect("1");
        }
        Some(Self {
            gates: Gates::of(ring.path()),
            ring,
            peers,
            _name: name,
        })
    }

    /// Tells a peer something, and returns its answer.
    fn ask(&mut self, peer: usize, line: &str) -> String {
        self.peers[peer].tell(line);
        self.peers[peer].line()
    }

    #[track_caller]
    fn assert_does(&mut self, peer: usize, line: &str, answer: &str) {
        assert_eq!(self.ask(peer, line), answer, "{line}");
    }
}

/// What one says who sends, or waits for, a record of this tag.
fn received(tag: u32) -> String {
    format!("Ok({tag}) true")
}

fn exchange_over<P: Kind>() {
    let Some(mut stage) = Stage::<P>::new("exchange", 2) else {
        return;
    };
    let (sender, receiver) = (0, 1);
    stage.assert_does(sender, "produce", "attached");
    stage.assert_does(receiver, "consume", "attached");
    // Each finds the other asleep.
    for tag in 0..20 {
        stage.peers[receiver].tell("receive");
        stage.gates.await_consumer();
        stage.assert_does(sender, &format!("send {tag}"), "Ok(())");
        stage.peers[receiver].expect(&received(tag));
    }
    let mut sent = 20;
    loop {
        stage.peers[sender].tell(&format!("send {sent}"));
        sent += 1;
        // It answers, or the ring is full and it sleeps.
        let answer = stage.peers[sender].line_within(A_WHILE);
        if answer.is_none() {
            break;
        }
        assert_eq!(answer.as_deref(), Some("Ok(())"));
    }
    stage.gates.await_producer();
    for tag in 20..sent {
        stage.assert_does(receiver, "receive", &received(tag));
    }
    stage.peers[sender].expect("Ok(())");
    let observer = stage.ring.observer().unwrap();
    // Both leave, and show what they have counted.
    for peer in stage.peers.drain(..) {
        peer.finish_listening();
    }
    let consumer = observer.consumer_counters();
    let producers = P::producer_counters(&observer);
    assert!(consumer.sleeps >= 20 && producers[0].sleeps >= 1);
    assert_eq!((consumer.late, producers[0].late), (0, 0), "late wakes");
}

#[test]
fn records_and_wakes_go_from_one_pid_namespace_to_another() {
    exchange_over::<Spsc>();
    exchange_over::<Mpsc>();
}

/// Whether what a peer says is that somebody has the role already.
#[track_caller]
fn assert_busy(answer: &str, role: &str) {
    assert_eq!(answer, format!("Busy {{ role: {role}, pid: 1 }}"));
}

#[test]
fn no_role_is_stolen_from_a_process_of_the_same_number() {
    let Some(mut stage) = Stage::<Spsc>::new("steal", 2) else {
        return;
    };
    stage.assert_does(0, "produce", "attached");
    stage.assert_does(1, "consume", "attached");
    // Each has the number 1, and so has the one that has the role.
    assert_busy(&stage.ask(0, "consume"), "Consumer");
    assert_busy(&stage.ask(1, "produce"), "Producer");
    // And so it is for one whom this namespace can see.
    assert_busy(
        &format!("{:?}", stage.ring.producer().unwrap_err()),
        "Producer",
    );
    assert_busy(
        &format!("{:?}", stage.ring.consumer().unwrap_err()),
        "Consumer",
    );
    stage.assert_does(0, "send 1", "Ok(())");
    stage.assert_does(1, "receive", &received(1));
}

fn deaths_over<P: Kind>() {
    // The last is a successor.
    let Some(mut stage) = Stage::<P>::new("death", 4) else {
        return;
    };
    stage.assert_does(0, "produce", "attached");
    stage.assert_does(1, "consume", "attached");
    for tag in 0..3 {
        stage.assert_does(0, &format!("send {tag}"), "Ok(())");
    }
    // Its consumer has the same number, and lives: the number says nothing.
    stage.peers.remove(0).kill();
    let consumer = 0;
    for tag in 0..3 {
        stage.assert_does(consumer, "receive", &received(tag));
    }
    let died = "Err(PeerDied { pid: 1 }) true";
    stage.assert_does(consumer, "receive", died);

    let successor = 1;
    stage.assert_does(successor, "produce", "attached");
    stage.assert_does(successor, "send 3", "Ok(())");
    stage.assert_does(consumer, "receive", &received(3));

    // And the other way round: who finds the ring full is told that the consumer is dead.
    stage.peers.remove(consumer).kill();
    let (producer, last) = (0, 1);
    let mut sent = 4;
    let died = loop {
        let answer = stage.ask(producer, &format!("send {sent}"));
        if answer != "Ok(())" {
            break answer;
        }
        sent += 1;
    };
    assert_eq!(died, "Err(PeerDied { pid: 1 })");
    assert!(sent > 4, "nothing fits");
    stage.assert_does(last, "consume", "attached");
    for tag in 4..sent {
        stage.assert_does(last, "receive", &received(tag));
    }
}

#[test]
fn deaths_in_other_pid_namespaces_are_told() {
    deaths_over::<Spsc>();
    deaths_over::<Mpsc>();
}

/// Role: see [`claimant::play`].
#[test]
fn role_claim() {
    let Some(arguments) = role() else { return };
    claimant::play(&arguments);
}

#[test]
fn of_two_claimants_of_the_same_number_the_dead_one_is_skipped() {
    if unshare().is_none() {
        return;
    }
    let name = Name::new("namespaces-claims");
    let ring = mpsc::Options::new().capacity(4096).create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    // A claim of one that will die, of one that lives, and a record behind both.
    let claim = |tag| {
        let child = start("role_claim", &[&name, "100", tag]).unwrap();
        child.expect("claimed");
        child
    };
    let (dead, mut living) = (claim("1"), claim("2"));
    ring.producer().unwrap().try_send(3, b"behind").unwrap();
    dead.kill();
    // The kernel kills it because its parent has died; then it is skipped, and that is all.
    common::wait_until(|| {
        let received = consumer.recv(&mut Vec::new(), A_WHILE);
        assert_eq!(received, Err(RecvError::TimedOut));
        let pids: Vec<_> = consumer.repairs().map(|repair| repair.pid).collect();
        assert!(pids.is_empty() || pids == [1]);
        !pids.is_empty()
    });
    assert_eq!(
        consumer.recv(&mut Vec::new(), A_WHILE).map(drop),
        Err(RecvError::TimedOut)
    );
    assert_eq!(consumer.repairs().count(), 0, "a living one is waited for");
    living.tell("commit");
    living.expect("committed");
    for tag in [2, 3] {
        assert_eq!(consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag, tag);
    }
    living.finish_listening();
}
