//! The models' memories are memories: the conformance suite, on one thread within loom.

use std::panic::{UnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use loom::thread;
use mapring::layout::Word;
use mapring::memory::{Memory, ReadMemory};
use mapring_loom_tests::{Dying, LoomMemory, Operation, Weakened, Weakening};
use mapring_testing::conformance;

/// No memory is shorter that a check makes, in bytes.
const SMALLEST: usize = 16;
const FLAG: Word = Word::at(0);
const PAYLOAD: Word = Word::at(8);

fn explore(body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 10_000;
    builder.check(body);
}

/// What loom says of plain accesses that nothing orders.
const RACE: &str = "Causality violation";

/// What `body` says when it panics; nothing when it does not.
fn panic_of(body: impl FnOnce() + UnwindSafe) -> String {
    let Err(cause) = catch_unwind(body) else {
        return String::new();
    };
    let text = cause.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| cause.downcast_ref::<String>().cloned());
    text.unwrap_or_default()
}

/// Memory in which every word can be payload.
fn memory(len: usize) -> LoomMemory {
    LoomMemory::zeroed([], 0..len)
}

#[test]
fn loom_memory_conforms() {
    explore(|| conformance::conforms(memory, SMALLEST));
}

#[test]
fn weakened_memory_conforms() {
    explore(|| {
        conformance::conforms(
            |len| Weakened::new(memory(len), Weakening::none()),
            SMALLEST,
        );
    });
}

/// But for a write that leaves the memory: its first words are written.
#[test]
fn dying_memory_conforms_while_it_lives() {
    explore(|| {
        let make = |len| Dying::after(usize::MAX, memory(len));
        conformance::words_keep_what_was_stored(make);
        conformance::writes_fill_whole_words(make, 0..=conformance::LONGEST_SHORT_COPY);
        conformance::reads_copy_single_bytes(make, 0..=conformance::LONGEST_SHORT_COPY);
    });
}

/// Exchanges and additions do what they say.
fn exchanges_and_adds(memory: &impl Memory) {
    let exchange = |old, new| memory.compare_exchange(FLAG, old, new, Release, Relaxed);
    assert_eq!(exchange(0, 7), Ok(0));
    assert_eq!(exchange(0, 8), Err(7));
    assert_eq!(memory.fetch_add(FLAG, 3, Release), 7);
    assert_eq!(memory.fetch_add(FLAG, u64::MAX, Release), 10);
    assert_eq!(memory.load(FLAG, Relaxed), 9);
}

#[test]
fn every_memory_exchanges_and_adds() {
    explore(|| exchanges_and_adds(&LoomMemory::zeroed([FLAG], 8..8)));
    explore(|| {
        let memory = LoomMemory::zeroed([FLAG], 8..8);
        exchanges_and_adds(&Weakened::new(memory, Weakening::none()));
    });
    explore(|| {
        let memory = LoomMemory::zeroed([FLAG], 8..8);
        exchanges_and_adds(&Dying::after(3, memory));
    });
}

#[test]
fn payloads_are_neither_exchanged_nor_added_to() {
    let exchange = || {
        explore(|| {
            let _ = memory(8).compare_exchange(FLAG, 0, 1, Release, Relaxed);
        });
    };
    assert!(panic_of(exchange).contains("an exchange in the data area"));
    let add = || {
        explore(|| {
            memory(8).fetch_add(FLAG, 1, Release);
        });
    };
    assert!(panic_of(add).contains("an addition in the data area"));
}

/// How a flag is raised.
type Raise = fn(&Weakened<LoomMemory>);

/// One thread writes a payload and raises a flag as `raise` does; the other reads it behind the flag.
fn payload_behind_a_flag(weakening: Weakening, raise: Raise) {
    explore(move || {
        let memory = LoomMemory::zeroed([FLAG], 8..16);
        let memory = Weakened::new(memory, weakening.clone());
        let other = memory.clone();
        let writer = thread::spawn(move || {
            other.write(PAYLOAD, &[7; 8]);
            raise(&other);
        });
        if memory.load(FLAG, Acquire) == 1 {
            memory.read(PAYLOAD, &mut [0; 8]);
        }
        writer.join().expect("the writer");
    });
}

#[test]
fn an_access_that_is_weakened_orders_nothing() {
    let raises: [(Operation, Raise); 3] = [
        (Operation::Store, |memory| memory.store(FLAG, 1, Release)),
        (Operation::Exchange, |memory| {
            let exchanged = memory.compare_exchange(FLAG, 0, 1, Release, Relaxed);
            assert_eq!(exchanged, Ok(0));
        }),
        (Operation::Add, |memory| {
            memory.fetch_add(FLAG, 1, Release);
        }),
    ];
    for (operation, raise) in raises {
        let weakening = Weakening::none();
        payload_behind_a_flag(weakening.clone(), raise);
        let sites = Vec::from_iter(weakening.seen());
        let operations: Vec<_> = sites.iter().map(|site| site.operation).collect();
        assert!(operations.contains(&operation) && operations.contains(&Operation::Load));
        assert_eq!(sites.len(), 2);
        for site in sites {
            let weakened = || payload_behind_a_flag(Weakening::of(site), raise);
            assert!(panic_of(weakened).contains(RACE), "{site}");
        }
    }
}

#[test]
fn a_word_that_was_not_asked_for_does_not_exist() {
    let load = || {
        explore(|| {
            LoomMemory::zeroed([FLAG], 8..16).load(Word::at(16), Relaxed);
        });
    };
    assert!(panic_of(load).contains("no word at offset 0x10"));
}

/// One thread writes a payload and raises a flag in front of it; the other may look at once,
/// or once it has seen the flag.
fn payload_is_read(waits: bool) {
    explore(move || {
        let memory = LoomMemory::zeroed([FLAG], 8..16);
        let other = memory.clone();
        let writer = thread::spawn(move || {
            other.write(PAYLOAD, &[7; 8]);
            other.store(FLAG, 1, Release);
        });
        if !waits || memory.load(FLAG, Acquire) == 1 {
            memory.read(PAYLOAD, &mut [0; 8]);
        }
        writer.join().expect("the writer");
    });
}

#[test]
fn a_payload_may_be_read_after_its_header() {
    payload_is_read(true);
}

#[test]
fn a_payload_that_is_read_too_early_is_a_race() {
    assert!(panic_of(|| payload_is_read(false)).contains(RACE));
}

#[test]
fn a_zero_stored_over_a_payload_that_is_being_read_is_a_race() {
    let race = || {
        explore(|| {
            let memory = memory(16);
            let other = memory.clone();
            let writer = thread::spawn(move || other.store(PAYLOAD, 0, Release));
            memory.read(PAYLOAD, &mut [0; 8]);
            writer.join().expect("the writer");
        });
    };
    assert!(panic_of(race).contains(RACE));
}

#[test]
fn a_written_payload_may_be_loaded_as_if_it_were_a_header() {
    explore(|| {
        let memory = memory(16);
        memory.write(PAYLOAD, &7_u64.to_le_bytes());
        assert_eq!(memory.load(PAYLOAD, Relaxed), 7);
    });
}
