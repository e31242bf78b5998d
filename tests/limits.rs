//! Limits that a process has: on the size of files, on descriptors, on memory. And the clock by
//! which it waits, which is not the one that somebody may set.
//!
//! What is refused is an error that says so; nothing stays behind, and when the limit is lifted it
//! works. Limits are set in processes of their own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use mapring::{OpenError, RecvError, SendError, WaitStrategy, mpsc, spsc};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use common::gates::Gates;
use common::seccomp::kill_if;
use common::{Child, DEADLINE, Name, files_in, hear, role, say};

/// Much longer than any wait here takes, for slow machines.
const LONG: Duration = Duration::from_secs(10);
/// A payload, of which a ring holds some fifteen.
const PAYLOAD: [u8; 256] = [7; 256];

fn options() -> spsc::Options {
    spsc::Options::new().capacity(4096).max_payload(256)
}

/// A region of many megabytes.
fn large() -> spsc::Options {
    spsc::Options::new().capacity(64 << 20)
}

/// Limits what this process may have, as far as it can lift that again.
fn limit(resource: Resource, to: u64) {
    let maximum = getrlimit(resource).maximum;
    let limit = Rlimit {
        current: Some(to),
        maximum,
    };
    setrlimit(resource, limit).unwrap();
}

/// Lifts such a limit.
fn lift(resource: Resource) {
    let maximum = getrlimit(resource).maximum;
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(resource, limit).unwrap();
}

/// Leaves room for this and that, but not for a [`large`] region.
fn limit_memory() {
    let sizes = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = sizes.split(' ').next().unwrap().parse().unwrap();
    let page = 4096;
    limit(Resource::As, pages * page + (32 << 20));
}

/// The step that the system refused, and why.
#[track_caller]
fn refused<T>(result: Result<T, OpenError>) -> (&'static str, i32) {
    match result.map(drop) {
        Err(OpenError::Io { action, source, .. }) => (action, source.raw_os_error().unwrap()),
        other => panic!("{other:?}"),
    }
}

/// How many descriptors this process has; one of them is that of the folder that is looked at.
fn descriptors() -> usize {
    files_in(Path::new("/proc/self/fd")).len()
}

/// How many mappings this process has of files in a directory.
fn mappings(directory: &str) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains(directory)).count()
}

/// Role: in a directory, creates a region where files may not be so large.
#[test]
fn role_create_too_large() {
    let Some(arguments) = role() else { return };
    let path = Path::new(&arguments[0]).join("ring");
    if arguments[1] == "ignored" {
        // SAFETY: it installs no handler, so there is nothing that could run at a wrong time.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    }
    limit(Resource::Core, 0);
    limit(Resource::Fsize, 4096);
    let before = descriptors();
    let error = refused(options().create_at(&path));
    assert_eq!(error, ("take space for", libc::EFBIG));
    assert_eq!(descriptors(), before);
    lift(Resource::Fsize);
    let ring = options().create_at(&path).unwrap();
    ring.producer().unwrap().try_send(7, &PAYLOAD).unwrap();
    // As large as they may be is not too large.
    limit(Resource::Fsize, fs::metadata(&path).unwrap().len());
    let exact = Path::new(&arguments[0]).join("exact");
    options().create_at(&exact).unwrap();
    fs::remove_file(exact).unwrap();
}

/// Creates a region in such a process. Returns the signal that ended it, if one did; otherwise it
/// got a clear error, and then the region.
fn create_too_large(signal: &str) -> Option<i32> {
    let directory = common::directory();
    let path = directory.path().to_str().unwrap();
    let mut child = Child::start("role_create_too_large", &[path, signal]);
    let status = child.status();
    assert!(status.success() || status.signal().is_some(), "{status}");
    if status.signal().is_some() {
        // Nothing of it is left, and the next one gets what it wants.
        assert_eq!(files_in(directory.path()), [""; 0]);
        options().create_at(directory.path().join("ring")).unwrap();
    }
    assert_eq!(files_in(directory.path()), ["ring"]);
    status.signal()
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_at_create_where_its_signal_is_ignored() {
    assert_eq!(create_too_large("ignored"), None);
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_at_create_and_no_signal() {
    assert_eq!(create_too_large("as it is"), None);
}

/// Role: runs out of descriptors, in a directory with a region, and looks what it can still do.
#[test]
fn role_without_descriptors() {
    let Some(arguments) = role() else { return };
    let directory = Path::new(&arguments[0]);
    let there = directory.join("ring");
    // Each looks first what stands there.
    let emfile = ("open", libc::EMFILE);
    // One that is open already, with one end here and the other elsewhere.
    let ring = mpsc::Options::new().open(&arguments[1]).unwrap();
    let before = descriptors();
    // A new one would get the lowest number that is free.
    let lowest = File::open("/dev/null").unwrap().as_raw_fd();
    limit(Resource::Nofile, lowest as u64);
    for _ in 0..3 {
        let new = directory.join("new");
        assert_eq!(refused(options().create_at(&new)), emfile);
        assert_eq!(refused(options().create_or_open_at(&new)), emfile);
        assert_eq!(refused(options().open_at(&there)), emfile);
        assert_eq!(refused(options().create_or_open_at(&there)), emfile);
        assert_eq!(refused(options().create_at(&there)), emfile);
        assert_eq!(refused(options().remove_at(&there)), emfile);
    }
    // What is open needs no more: roles, observers, records, sleeps, and a peer's death.
    let mut consumer = ring.consumer().unwrap();
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    let mut producer = ring.producer().unwrap();
    producer.try_send(7, &PAYLOAD).unwrap();
    assert_eq!(consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag, 7);
    drop(producer);
    assert_eq!(ring.observer().unwrap().consumer_counters().waits, 0);
    say("sleeps");
    let end = consumer.recv(&mut Vec::new(), DEADLINE);
    assert!(matches!(end, Err(RecvError::PeerDied { .. })), "{end:?}");

    lift(Resource::Nofile);
    assert_eq!(descriptors(), before, "nothing has leaked");
    let there = options().open_at(&there).unwrap();
    there.producer().unwrap().try_send(7, &PAYLOAD).unwrap();
    options().create_at(directory.join("new")).unwrap();
    say("done");
}

/// Role: takes a producer's place among many, and stays.
#[test]
fn role_produce_nothing() {
    let Some(arguments) = role() else { return };
    let ring = mpsc::Options::new().open(&arguments[0]).unwrap();
    let _producer = ring.producer().unwrap();
    say("attached");
    hear();
}

#[test]
fn who_has_no_descriptors_left_is_told_and_goes_on_with_what_is_open() {
    let directory = common::directory();
    let there = options().create_at(directory.path().join("ring")).unwrap();
    let name = Name::new("descriptors");
    let many = mpsc::Options::new().create(&name).unwrap();
    let peer = Child::start("role_produce_nothing", &[&name]);
    peer.expect("attached");
    let path = directory.path().to_str().unwrap();
    let child = Child::start("role_without_descriptors", &[path, &name]);
    child.expect("sleeps");
    Gates::of(many.path()).await_consumer();
    peer.kill();
    child.expect("done");
    child.finish();
    assert_eq!(files_in(directory.path()), ["new", "ring"]);
    let received = there.consumer().unwrap().try_recv(&mut Vec::new());
    assert_eq!(received.unwrap().tag, 7);
}

/// Role: in a directory with a large region, may not have so much memory.
#[test]
fn role_without_memory() {
    let Some(arguments) = role() else { return };
    let directory = Path::new(&arguments[0]);
    let (there, small) = (directory.join("large"), directory.join("small"));
    let enomem = ("map", libc::ENOMEM);
    let small = options().open_at(small).unwrap();
    let before = (descriptors(), mappings(&arguments[0]));
    limit_memory();
    for _ in 0..3 {
        assert_eq!(refused(large().create_at(directory.join("new"))), enomem);
        assert_eq!(
            refused(large().create_or_open_at(directory.join("new"))),
            enomem
        );
        assert_eq!(refused(large().open_at(&there)), enomem);
        assert_eq!(refused(large().prefault(true).open_at(&there)), enomem);
        assert_eq!(refused(large().create_or_open_at(&there)), enomem);
    }
    // What is mapped needs no more.
    let (mut producer, mut consumer) = (small.producer().unwrap(), small.consumer().unwrap());
    producer.try_send(7, &PAYLOAD).unwrap();
    assert_eq!(consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag, 7);

    lift(Resource::As);
    assert_eq!((descriptors(), mappings(&arguments[0])), before);
    let there = large().open_at(&there).unwrap();
    there.producer().unwrap().try_send(7, &PAYLOAD).unwrap();
    large().create_at(directory.join("new")).unwrap();
}

#[test]
fn who_has_no_memory_left_is_told_and_goes_on_with_what_is_mapped() {
    let directory = common::directory();
    let there = large().create_at(directory.path().join("large")).unwrap();
    let _small = options().create_at(directory.path().join("small")).unwrap();
    let path = directory.path().to_str().unwrap();
    Child::start("role_without_memory", &[path]).finish();
    assert_eq!(files_in(directory.path()), ["large", "new", "small"]);
    let received = there.consumer().unwrap().try_recv(&mut Vec::new());
    assert_eq!(received.unwrap().tag, 7);
}

#[test]
fn a_region_that_its_last_user_could_not_map_can_still_be_opened() {
    let name = Name::new("unmapped");
    let ring = large().create(&name).unwrap();
    let mut child = Child::start("role_map_last", &[&name]);
    child.expect("refused");
    // The one that was refused must not have taken the region along, nor count as a user of it.
    assert!(name.path().exists());
    drop(ring);
    assert!(!name.path().exists());
    child.tell("over");
    child.finish();
}

/// Role: fails to open a region for want of memory, and stays.
#[test]
fn role_map_last() {
    let Some(arguments) = role() else { return };
    limit_memory();
    let error = refused(large().open(&arguments[0]));
    assert_eq!(error, ("map", libc::ENOMEM));
    say("refused");
    hear();
}

/// Lets waits of each kind pass: by time, and by a wake. For a thread that may not use one clock,
/// or a process in which it is another time.
fn wait_in_all_ways(name: &str) {
    let ring = options().create(name).unwrap();
    let gates = Gates::of(ring.path());
    let (mut producer, mut consumer) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for strategy in [
        WaitStrategy::LowCpu,
        WaitStrategy::Balanced,
        WaitStrategy::BusySpin,
    ] {
        producer.set_wait_strategy(strategy);
        consumer.set_wait_strategy(strategy);
        let time = Duration::from_millis(130);
        let begin = Instant::now();
        let received = consumer.recv(&mut Vec::new(), time);
        assert_eq!(received, Err(RecvError::TimedOut));
        let sent = producer.send_sync(1, &PAYLOAD, time);
        assert_eq!(sent, Err(SendError::TimedOut));
        let took = begin.elapsed();
        assert!(took >= 2 * time && took < 2 * time + LONG, "{took:?}");
        consumer.try_recv(&mut Vec::new()).unwrap();
    }
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    thread::scope(|scope| {
        scope.spawn(move || {
            gates.await_consumer();
            producer.try_send(7, &PAYLOAD).unwrap();
            producer.flush(DEADLINE).unwrap();
        });
        assert_eq!(consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag, 7);
    });
    drop(consumer);
    let counters = ring.observer().unwrap().consumer_counters();
    assert!(counters.sleeps > 2 && counters.late == 0, "{counters:?}");
}

/// Role: waits in a thread that is killed if it lets the kernel wait by the clock that can be set;
/// or does just that.
#[test]
fn role_wait_by_the_clock() {
    let Some(arguments) = role() else { return };
    limit(Resource::Core, 0);
    kill_if(libc::SYS_futex as u32, 1, libc::FUTEX_CLOCK_REALTIME as u32);
    if arguments[1] == "monotonic" {
        wait_in_all_ways(&arguments[0]);
        return;
    }
    let word = 0_u32;
    let operation = libc::FUTEX_WAIT_BITSET | libc::FUTEX_CLOCK_REALTIME;
    let now: *const libc::timespec = &libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the word and the time live for the whole call, which only reads them.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            &raw const word,
            operation,
            0,
            now,
            0,
            u32::MAX,
        )
    };
    say("it lives on");
}

#[test]
fn no_wait_is_by_the_clock_that_can_be_set() {
    let name = Name::new("realtime");
    Child::start("role_wait_by_the_clock", &[&name, "monotonic"]).finish();
    // And this would have been found.
    let status = Child::start("role_wait_by_the_clock", &[&name, "realtime"]).status();
    assert_eq!(status.signal(), Some(libc::SIGSYS), "{status}");
}

/// Role: waits, where the monotonic clock says something else.
#[test]
fn role_wait_at_another_time() {
    let Some(arguments) = role() else { return };
    let uptime = Instant::now();
    say(format!("{uptime:?}"));
    wait_in_all_ways(&arguments[0]);
    // In a region that was created elsewhere: it wakes and is woken, for no time stands in it.
    let ring = options().open(&arguments[1]).unwrap();
    let mut consumer = ring.consumer().unwrap();
    consumer.set_wait_strategy(WaitStrategy::LowCpu);
    for tag in 0..20 {
        assert_eq!(consumer.recv(&mut Vec::new(), DEADLINE).unwrap().tag, tag);
    }
    say("received");
}

#[test]
fn processes_whose_monotonic_clocks_differ_wake_each_other() {
    let offset = Duration::from_secs(40_000_000);
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("unshare");
    command.args([
        "--time",
        "--monotonic",
        &offset.as_secs().to_string(),
        "true",
    ]);
    if !command.status().is_ok_and(|status| status.success()) {
        println!("not run: no time namespaces here, or not for this user");
        return;
    }
    let (own, name) = (Name::new("time-own"), Name::new("time-shared"));
    let ring = options().create(&name).unwrap();
    let gates = Gates::of(ring.path());
    let mut producer = ring.producer().unwrap();
    producer.set_wait_strategy(WaitStrategy::LowCpu);
    let mut command = Command::new("unshare");
    command.args([
        "--fork",
        "--time",
        "--monotonic",
        &offset.as_secs().to_string(),
    ]);
    command.arg(program);
    let child = Child::start_by(command, "role_wait_at_another_time", &[&own, &name]);
    println!("there {}, here {:?}", child.line(), Instant::now());
    for tag in 0..20 {
        gates.await_consumer();
        producer.send_sync(tag, &PAYLOAD, DEADLINE).unwrap();
    }
    child.expect("received");
    child.finish();
    drop(producer);
    let observer = ring.observer().unwrap();
    let (consumer, producer) = (observer.consumer_counters(), observer.producer_counters());
    assert!(consumer.sleeps >= 20 && producer.sleeps > 0);
    assert_eq!((consumer.late, producer.late), (0, 0));
}
