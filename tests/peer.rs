//! What a participant is told of a peer that died, left, stopped or forked.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use mapring::spsc::{Consumer, Options, Producer};
use mapring::{AttachError, Peer, RecvError, SendError, TryRecvError, TrySendError};
use rustix::process::{Pid, Signal};

use common::seccomp::refuse_unnamed_files;
use common::{Child, DEADLINE, Name, fork, fork_and_go_on, hear, role, say, wait_until};

/// Long enough to look at the peer a few times; no result depends on how long it really is.
const A_WHILE: Duration = Duration::from_millis(100);

fn options() -> Options {
    Options::new().capacity(8 << 10).max_payload(1 << 10)
}

/// Role: takes the consumer's role, and gives it back when told.
#[test]
fn role_consumer_that_does_not_read() {
    let Some(arguments) = role() else { return };
    let ring = options().open(&arguments[0]).unwrap();
    let consumer = ring.consumer().unwrap();
    say("attached");
    hear();
    drop(consumer);
    say("left");
    hear();
}

#[test]
fn a_blocked_producer_is_told_of_its_consumer() {
    let name = Name::new("blocked");
    let ring = options().create(&name).unwrap();
    let mut producer = ring.producer().unwrap();
    let mut sent = 0;
    while producer.try_send(sent, &[7; 100]).is_ok() {
        sent += 1;
    }
    // Nobody has ever been there, so somebody may still come.
    let nobody = producer.send(sent, &[7; 100], A_WHILE);
    assert_eq!(nobody, Err(SendError::TimedOut));

    // The kill comes while the send waits, or just before: it must end either way.
    let child = Child::start("role_consumer_that_does_not_read", &[&name]);
    child.expect("attached");
    let pid = child.pid();
    let killer = thread::spawn(move || {
        thread::sleep(A_WHILE);
        child.kill();
    });
    let died = producer.send(sent, &[7; 100], DEADLINE);
    assert_eq!(died, Err(SendError::PeerDied { pid }));
    killer.join().unwrap();
    assert_eq!(producer.consumer(), Ok(Peer::Died { pid }));
    let died = producer.claim(100, DEADLINE).map(drop);
    assert_eq!(died, Err(SendError::PeerDied { pid }));
    let died = producer.flush(DEADLINE);
    assert_eq!(died, Err(SendError::PeerDied { pid }));

    let mut child = Child::start("role_consumer_that_does_not_read", &[&name]);
    child.expect("attached");
    let pid = child.pid();
    assert_eq!(producer.consumer(), Ok(Peer::Attached { pid }));
    child.tell("leave");
    child.expect("left");
    let left = producer.send(sent, &[7; 100], DEADLINE);
    assert_eq!(left, Err(SendError::Disconnected));
    assert_eq!(producer.consumer(), Ok(Peer::Left));

    // A successor makes room while the send waits.
    thread::scope(|scope| {
        let mut consumer = ring.consumer().unwrap();
        let receiver = scope.spawn(move || {
            thread::sleep(A_WHILE);
            for tag in 0..=sent {
                let received = consumer.recv(&mut [0; 100], DEADLINE).unwrap();
                assert_eq!(received.tag, tag);
            }
            consumer
        });
        producer.send(sent, &[7; 100], DEADLINE).unwrap();
        receiver.join().unwrap();
    });
}

/// Role: sends records with tags 1 to 3, gives its role up as if it had died, and stays until told.
#[test]
fn role_send_three_and_abandon() {
    let Some(arguments) = role() else { return };
    let ring = options().open(&arguments[0]).unwrap();
    let mut producer = ring.producer().unwrap();
    for tag in 1..=3 {
        producer.try_send(tag, b"half").unwrap();
    }
    producer.abandon();
    say("abandoned");
    hear();
}

#[test]
fn a_producer_that_gives_up_counts_as_dead() {
    let name = Name::new("abandoned");
    let ring = options().create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let mut child = Child::start("role_send_three_and_abandon", &[&name]);
    child.expect("abandoned");
    let pid = child.pid();
    assert_eq!(consumer.producer(), Ok(Peer::Died { pid }));
    let mut bytes = Vec::new();
    for tag in 1..=3 {
        let received = consumer.recv(&mut bytes, DEADLINE).unwrap();
        assert_eq!((received.tag, bytes.as_slice()), (tag, &b"half"[..]));
    }
    let end = consumer.recv(&mut bytes, DEADLINE);
    assert_eq!(end, Err(RecvError::PeerDied { pid }));

    // The process is still there, yet the role is free.
    let mut successor = ring.producer().unwrap();
    let pid = std::process::id();
    assert_eq!(consumer.producer(), Ok(Peer::Attached { pid }));
    successor.try_send(4, b"whole").unwrap();
    let received = consumer.recv(&mut bytes, DEADLINE).unwrap();
    assert_eq!((received.tag, bytes.as_slice()), (4, &b"whole"[..]));
    drop(successor);
    let end = consumer.recv(&mut bytes, DEADLINE);
    assert_eq!(end, Err(RecvError::Disconnected));
    child.tell("end");
    child.finish();
}

/// Role: sends a record with tag 1, and one with tag 2 when told.
#[test]
fn role_send_when_told() {
    let Some(arguments) = role() else { return };
    let ring = options().open(&arguments[0]).unwrap();
    let mut producer = ring.producer().unwrap();
    producer.try_send(1, b"before").unwrap();
    say("attached");
    hear();
    producer.try_send(2, b"after").unwrap();
    hear();
}

#[test]
fn a_stopped_producer_is_not_dead() {
    let name = Name::new("stopped-producer");
    let ring = options().create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let mut child = Child::start("role_send_when_told", &[&name]);
    child.expect("attached");
    let pid = child.pid();
    child.signal(Signal::STOP);
    wait_until(|| is_stopped(pid));
    child.tell("send");

    let mut bytes = Vec::new();
    let received = consumer.recv(&mut bytes, DEADLINE).unwrap();
    assert_eq!((received.tag, bytes.as_slice()), (1, &b"before"[..]));
    let end = consumer.recv(&mut bytes, A_WHILE);
    assert_eq!(end, Err(RecvError::TimedOut));
    assert_eq!(consumer.producer(), Ok(Peer::Attached { pid }));
    assert!(matches!(ring.producer(), Err(AttachError::Busy { pid: holder, .. }) if holder == pid));

    child.signal(Signal::CONT);
    let received = consumer.recv(&mut bytes, DEADLINE).unwrap();
    assert_eq!((received.tag, bytes.as_slice()), (2, &b"after"[..]));
    child.signal(Signal::STOP);
    wait_until(|| is_stopped(pid));
    child.kill();
    let end = consumer.recv(&mut bytes, DEADLINE);
    assert_eq!(end, Err(RecvError::PeerDied { pid }));
}

#[test]
fn a_stopped_consumer_is_not_dead() {
    let name = Name::new("stopped-consumer");
    let ring = options().create(&name).unwrap();
    let mut producer = ring.producer().unwrap();
    let child = Child::start("role_consumer_that_does_not_read", &[&name]);
    child.expect("attached");
    let pid = child.pid();
    child.signal(Signal::STOP);
    wait_until(|| is_stopped(pid));
    while producer.try_send(0, &[0; 1000]).is_ok() {}
    let end = producer.send(0, &[0; 1000], A_WHILE);
    assert_eq!(end, Err(SendError::TimedOut));
    assert_eq!(producer.consumer(), Ok(Peer::Attached { pid }));
}

/// Whether the kernel shows the process as stopped.
fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The state stands behind the name, which is in parentheses.
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with('T'))
}

/// Role: forks while it holds both roles.
#[test]
fn role_fork() {
    let Some(arguments) = role() else { return };
    let name = &arguments[0];
    let ring = options().create(name).unwrap();
    let both = (ring.producer().unwrap(), ring.consumer().unwrap());
    let observer = ring.observer().unwrap();
    let mut inherited = Some((both, observer, ring));
    let ((producer, _), ..) = inherited.as_mut().unwrap();
    producer.try_send(1, b"before").unwrap();

    let status = fork(|| {
        let ((producer, consumer), observer, ring) = inherited.as_mut().unwrap();
        assert_all_forked(producer, consumer);
        assert!(matches!(ring.producer(), Err(AttachError::Forked)));
        assert!(matches!(ring.consumer(), Err(AttachError::Forked)));
        assert_eq!((observer.head(), observer.tail()), (0, 0));
        // The forked process drops its copy; the parent's is another.
        inherited = None;
        // What it opens itself is its own.
        let own = options().open(name).unwrap();
        assert!(matches!(own.producer(), Err(AttachError::Busy { .. })));
        assert!(matches!(own.consumer(), Err(AttachError::Busy { .. })));
        assert_eq!(own.observer().unwrap().len(), 16);
        17
    });
    assert_eq!(status.exit_status(), Some(17), "{status:?}");

    let ((mut producer, mut consumer), _observer, _ring) = inherited.unwrap();
    // Everything is as before the fork.
    let second = options().open(name).unwrap();
    assert!(matches!(second.producer(), Err(AttachError::Busy { .. })));
    assert!(matches!(second.consumer(), Err(AttachError::Busy { .. })));
    producer.try_send(2, b"later.").unwrap();
    for (tag, expected) in [(1, b"before"), (2, b"later.")] {
        let mut bytes = [0; 6];
        assert_eq!(consumer.try_recv(&mut bytes).unwrap().tag, tag);
        assert_eq!(&bytes, expected);
    }
    say("passed");
}

fn assert_all_forked(producer: &mut Producer, consumer: &mut Consumer) {
    const SENT: TrySendError = TrySendError::Forked;
    assert_eq!(producer.try_send(2, b"child"), Err(SENT));
    assert_eq!(producer.try_claim(5).map(drop), Err(SENT));
    assert_eq!(producer.batch().map(drop), Err(SENT));
    assert_eq!(producer.len(), Err(SENT));
    assert_eq!(producer.is_empty(), Err(SENT));
    assert_eq!(producer.free(), Err(SENT));
    assert_eq!(producer.consumer(), Err(SENT));
    let sent = producer.send(2, b"child", DEADLINE);
    assert_eq!(sent, Err(SendError::Forked));
    let claimed = producer.claim(5, DEADLINE).map(drop);
    assert_eq!(claimed, Err(SendError::Forked));
    assert_eq!(producer.flush(DEADLINE), Err(SendError::Forked));

    const RECEIVED: TryRecvError = TryRecvError::Forked;
    let mut bytes = [0; 6];
    assert_eq!(consumer.try_recv(&mut bytes), Err(RECEIVED));
    assert_eq!(consumer.drain(1, |_| panic!("a record")), Err(RECEIVED));
    assert_eq!(consumer.len(), Err(RECEIVED));
    assert_eq!(consumer.is_empty(), Err(RECEIVED));
    assert_eq!(consumer.free(), Err(RECEIVED));
    assert_eq!(consumer.producer(), Err(RECEIVED));
    let received = consumer.recv(&mut bytes, DEADLINE);
    assert_eq!(received, Err(RecvError::Forked));
    assert_eq!(consumer.wait(DEADLINE), Err(RecvError::Forked));
}

#[test]
fn a_forked_child_can_do_nothing_with_what_it_inherits() {
    let name = Name::new("fork");
    let child = Child::start("role_fork", &[&name]);
    child.expect("passed");
    child.finish();
    assert!(!name.path().exists(), "the last to close deletes");
}

/// Role: takes the producer's role, forks, and leaves its child waiting. Says its child's pid.
#[test]
fn role_fork_and_stay() {
    let Some(arguments) = role() else { return };
    let ring = options().open(&arguments[0]).unwrap();
    let mut producer = ring.producer().unwrap();
    producer.try_send(1, b"before").unwrap();
    let child = fork_and_go_on(|| {
        thread::sleep(DEADLINE);
        0
    });
    say(child.as_raw_pid());
    thread::sleep(DEADLINE);
}

#[test]
fn a_role_is_free_when_the_last_process_that_shares_its_lock_is_gone() {
    let name = Name::new("fork-outlives");
    let ring = options().create(&name).unwrap();
    let mut consumer = ring.consumer().unwrap();
    let parent = Child::start("role_fork_and_stay", &[&name]);
    let forked: i32 = parent.line().parse().unwrap();
    let forked = Pid::from_raw(forked).unwrap();
    let pid = parent.pid();
    parent.kill();
    // The forked child still has the open file, and so the lock: to the kernel nobody has gone.
    consumer.recv(&mut [0; 6], DEADLINE).unwrap();
    assert_eq!(consumer.producer(), Ok(Peer::Attached { pid }));
    let end = consumer.recv(&mut [0; 6], A_WHILE);
    rustix::process::kill_process(forked, Signal::KILL).unwrap();
    assert_eq!(end, Err(RecvError::TimedOut));
    let end = consumer.recv(&mut [0; 6], DEADLINE);
    assert_eq!(end, Err(RecvError::PeerDied { pid }));
}

/// Role: holds both roles of a region that it creates or opens, and starts a program that outlives it.
/// Says that one's pid.
#[test]
fn role_start_a_program() {
    let Some(arguments) = role() else { return };
    let ring = match arguments[1].as_str() {
        "open" => options().open(&arguments[0]),
        "create" => options().create(&arguments[0]),
        _ => {
            refuse_unnamed_files();
            options().create(&arguments[0])
        }
    };
    let ring = ring.unwrap();
    let (_producer, _consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let seconds = DEADLINE.as_secs().to_string();
    let mut sleep = Command::new("sleep");
    let sleep = sleep
        .arg(seconds)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    say(sleep.spawn().unwrap().id());
    thread::sleep(DEADLINE);
}

#[test]
fn a_role_is_free_at_once_though_a_program_that_its_holder_started_goes_on() {
    for how in ["open", "create", "create with a name"] {
        let name = Name::new("exec");
        let own = (how == "open").then(|| options().create(&name).unwrap());
        let parent = Child::start("role_start_a_program", &[&name, how]);
        let program: i32 = parent.line().parse().unwrap();
        // The call that starts it may return a moment before `exec` has closed what it must.
        let comm = format!("/proc/{program}/comm");
        let runs = || fs::read_to_string(&comm).is_ok_and(|name| name == "sleep\n");
        wait_until(runs);
        let ring = own.unwrap_or_else(|| options().open(&name).unwrap());
        assert!(matches!(ring.producer(), Err(AttachError::Busy { .. })));
        parent.kill();
        let taken = (ring.producer().map(drop), ring.consumer().map(drop));
        drop(ring);
        let is_left = name.path().exists();
        assert!(runs(), "{how}: the program has ended");
        let program = Pid::from_raw(program).unwrap();
        rustix::process::kill_process(program, Signal::KILL).unwrap();
        assert!(matches!(taken, (Ok(()), Ok(()))), "{how}: {taken:?}");
        assert!(!is_left, "{how}: the program counts as a user");
    }
}
