//! The calls that promise it allocate nothing and make no system call.
//!
//! System calls are shown by the kernel: by a filter of `seccomp`, a process that makes any
//! but those of a panic's message and of its end is killed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::mem;

use mapring::TryRecvError;
use mapring::TrySendError;
use mapring::spsc::{Consumer, Options, Producer};

use common::seccomp::allow_only;
use common::{Child, Name, fork, role, say};

/// The system's allocator, with a count for each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count_one() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

// SAFETY: every call is passed on to `System` as it is; counting allocates nothing, for
// the counter is a constant to begin with and needs no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count_one();
        // SAFETY: the caller keeps the contract of `realloc`, and `block` came from `System`.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and `block` came from `System`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// A ring that is soon full, with both of its ends.
fn ends(name: &str) -> (Producer, Consumer) {
    let options = Options::new().capacity(4096).max_payload(1000);
    let ring = options.create(name).unwrap();
    (ring.producer().unwrap(), ring.consumer().unwrap())
}

/// Uses every call that makes the promise, at least `operations` times in all, also on a
/// full and on an empty ring. `into` has room for any payload.
fn use_all(producer: &mut Producer, consumer: &mut Consumer, operations: u32, into: &mut Vec<u8>) {
    let payload = [7; 700];
    let (mut done, mut len) = (0, 0);
    while done < operations {
        len = (len + 37) % payload.len();
        let payload = &payload[..len];
        let mut sent = 0;
        loop {
            let result = match sent % 3 {
                0 => producer.try_send(sent, payload),
                1 => producer.try_claim(len).map(|mut claim| {
                    claim.write(0, payload);
                    claim.commit(sent);
                }),
                _ => send_batch(producer, sent, payload),
            };
            match result {
                Ok(()) => sent += 1,
                Err(TrySendError::Full) => break,
                Err(error) => panic!("{error}"),
            }
        }
        let mut received = 0;
        while received < sent / 2 {
            let mut array = [0; 1000];
            assert_eq!(consumer.try_recv(&mut array).unwrap().tag, received);
            assert_eq!(consumer.try_recv(into).unwrap().tag, received + 1);
            received += 2;
        }
        while received < sent {
            let drained = consumer.drain(7, |record| {
                assert_eq!(record.tag(), received);
                received += 1;
                record.copy_to(&mut [0; 1000]);
            });
            drained.unwrap();
        }
        assert_eq!(consumer.try_recv(into), Err(TryRecvError::Empty));
        assert_eq!(consumer.drain(1, |_| {}), Err(TryRecvError::Empty));
        assert!(producer.is_empty().unwrap() && consumer.is_empty().unwrap());
        done += 2 * sent;
    }
}

fn send_batch(producer: &mut Producer, tag: u32, payload: &[u8]) -> Result<(), TrySendError> {
    let mut batch = producer.batch()?;
    // Given up, whether it fits or not: it must not show.
    if let Ok(mut claim) = batch.try_claim(payload.len()) {
        claim.write(0, payload);
    }
    batch.push(tag, payload)?;
    batch.publish();
    Ok(())
}

#[test]
fn nothing_is_allocated() {
    let name = Name::new("allocations");
    let (mut producer, mut consumer) = ends(&name);
    let mut into = Vec::with_capacity(1000);

    let before = ALLOCATIONS.get();
    assert!(before > 0, "nothing is counted");
    use_all(&mut producer, &mut consumer, 100_000, &mut into);
    assert_eq!(ALLOCATIONS.get() - before, 0);

    let boxed = Box::new(before);
    assert_eq!(
        ALLOCATIONS.get() - *boxed,
        1,
        "an allocation was not counted"
    );
}

/// The code with which a forked child says that it came to its end.
const DONE: i32 = 42;

/// Role: forks a process that uses all calls where system calls kill and then, if asked to,
/// makes one. Says how it ended.
#[test]
fn role_use_all_without_system_calls() {
    let Some(arguments) = role() else { return };
    let operations = arguments[2].parse().unwrap();
    let status = fork(|| {
        let (mut producer, mut consumer) = ends(&arguments[0]);
        let mut into = Vec::with_capacity(1000);
        let threads = fs::read_dir("/proc/self/task").unwrap().count();
        assert_eq!(threads, 1, "the filter would hold for this thread only");
        allow_only(&[libc::SYS_write as u32, libc::SYS_exit as u32]);
        use_all(&mut producer, &mut consumer, operations, &mut into);
        if arguments[1] == "getpid" {
            // SAFETY: a system call without arguments.
            unsafe { libc::syscall(libc::SYS_getpid) };
        }
        // Closing makes system calls, which is no fault.
        mem::forget((producer, consumer, into));
        DONE
    });
    match status.exit_status() {
        Some(code) => say(format!("code {code}")),
        None => say(format!("signal {}", status.terminating_signal().unwrap())),
    }
}

#[test]
fn no_system_call_is_made() {
    // The second row shows that the kernel would have caught one.
    let rows = [
        ("none", "1000000", format!("code {DONE}")),
        ("getpid", "1000", format!("signal {}", libc::SIGSYS)),
    ];
    for (own_call, operations, end) in rows {
        let name = Name::new(&format!("system-call-{own_call}"));
        let arguments = [&*name, own_call, operations];
        let child = Child::start("role_use_all_without_system_calls", &arguments);
        child.expect(&end);
        child.finish();
    }
}
