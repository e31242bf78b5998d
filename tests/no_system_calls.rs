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
use mapring::generic::{Batch, Consumer, Mpsc, Options, Producer, Protocol, Spsc};

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

/// A kind of ring, in how it is used here.
trait Kind: Protocol {
    /// Sends a record in a batch, behind one that is given up.
    fn send_batch(
        producer: &mut Producer<Self>,
        tag: u32,
        payload: &[u8],
    ) -> Result<(), TrySendError>;
}

impl Kind for Spsc {
    fn send_batch(
        producer: &mut Producer<Self>,
        tag: u32,
        payload: &[u8],
    ) -> Result<(), TrySendError> {
        fill(producer.batch()?, tag, payload)
    }
}

impl Kind for Mpsc {
    fn send_batch(
        producer: &mut Producer<Self>,
        tag: u32,
        payload: &[u8],
    ) -> Result<(), TrySendError> {
        // More than it uses.
        let room = producer.record_size(payload.len()) + 64;
        fill(producer.try_batch(room)?, tag, payload)
    }
}

/// A ring that is soon full, with both of its ends.
fn ends<P: Kind>(name: &str) -> (Producer<P>, Consumer<P>) {
    let options = Options::<P>::new().capacity(4096).max_payload(1000);
    let ring = options.create(name).unwrap();
    (ring.producer().unwrap(), ring.consumer().unwrap())
}

/// Uses every call that makes the promise, at least `operations` times in all, also on a
/// full and on an empty ring. `into` has room for any payload.
fn use_all<P: Kind>(
    producer: &mut Producer<P>,
    consumer: &mut Consumer<P>,
    operations: u32,
    into: &mut Vec<u8>,
) {
    let payload = [7; 700];
    let (mut done, mut len) = (0, 0);
    while done < operations {
        len = (len + 37) % payload.len();
        let payload = &payload[..len];
        let mut sent = 0;
        loop {
            let result = match sent % 3 {
                0 => producer.try_send(sent, payload).map(drop),
                1 => producer.try_claim(len).map(|mut claim| {
                    claim.write(0, payload);
                    claim.commit(sent);
                }),
                _ => P::send_batch(producer, sent, payload),
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

fn fill<P: Protocol>(
    mut batch: Batch<'_, P>,
    tag: u32,
    payload: &[u8],
) -> Result<(), TrySendError> {
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
    allocates_nothing::<Spsc>("one");
    allocates_nothing::<Mpsc>("many");
}

fn allocates_nothing<P: Kind>(producers: &str) {
    let name = Name::new(&format!("allocations-{producers}"));
    let (mut producer, mut consumer) = ends::<P>(&name);
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
        if arguments[3] == "one" {
            use_all_without_system_calls::<Spsc>(&arguments[0], &arguments[1], operations)
        } else {
            use_all_without_system_calls::<Mpsc>(&arguments[0], &arguments[1], operations)
        }
    });
    match status.exit_status() {
        Some(code) => say(format!("code {code}")),
        None => say(format!("signal {}", status.terminating_signal().unwrap())),
    }
}

fn use_all_without_system_calls<P: Kind>(name: &str, own_call: &str, operations: u32) -> i32 {
    let (mut producer, mut consumer) = ends::<P>(name);
    let mut into = Vec::with_capacity(1000);
    let threads = fs::read_dir("/proc/self/task").unwrap().count();
    assert_eq!(threads, 1, "the filter would hold for this thread only");
    allow_only(&[libc::SYS_write as u32, libc::SYS_exit as u32]);
    use_all(&mut producer, &mut consumer, operations, &mut into);
    if own_call == "getpid" {
        // SAFETY: a system call without arguments.
        unsafe { libc::syscall(libc::SYS_getpid) };
    }
    // Closing makes system calls, which is no fault.
    mem::forget((producer, consumer, into));
    DONE
}

#[test]
fn no_system_call_is_made() {
    // The second row shows that the kernel would have caught one.
    let rows = [
        ("none", "1000000", format!("code {DONE}")),
        ("getpid", "1000", format!("signal {}", libc::SIGSYS)),
    ];
    let of_each_kind = |row| ["one", "many"].map(|producers| (row, producers));
    for ((own_call, operations, end), producers) in rows.iter().flat_map(of_each_kind) {
        let name = Name::new(&format!("system-call-{own_call}-{producers}"));
        let arguments = [&*name, *own_call, *operations, producers];
        let child = Child::start("role_use_all_without_system_calls", &arguments);
        child.expect(end);
        child.finish();
    }
}
