//! What every implementation of [`Memory`] must do, whatever it stands on.
//!
//! A check panics where the memory does not conform. [`conforms`] is for every
//! implementation, a model's too: it uses one thread, a few hundred accesses, and
//! no copy longer than [`LONGEST_SHORT_COPY`] bytes. Memories that real processes
//! use must also pass [`words_are_exchanged_and_added_to`], [`conforms_in_long_copies`] and
//! [`passes_messages`].

use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::thread;

use mapring::layout::{WORD, Word};
use mapring::memory::Memory;

/// The longest copy that [`conforms`] makes, in bytes: two words and a part of a third.
pub const LONGEST_SHORT_COPY: usize = 2 * WORD + 1;
/// What stands where a check must find its neighbours untouched.
const NEIGHBOUR: u64 = 0xa5a5_a5a5_a5a5_a5a5;

/// Every check that one thread can make. `make(len)` gives zeroed memory of
/// `len` bytes, always a multiple of eight; of exactly so many if they are `smallest` or more.
pub fn conforms<M: Memory>(make: impl Fn(usize) -> M, smallest: usize) {
    words_keep_what_was_stored(&make);
    writes_fill_whole_words(&make, 0..=LONGEST_SHORT_COPY);
    reads_copy_single_bytes(&make, 0..=LONGEST_SHORT_COPY);
    beyond_the_end_panics(&make, smallest);
}

/// Copies of odd and even numbers of words, and around the lengths at which an implementation may
/// change its way of copying.
pub fn conforms_in_long_copies<M: Memory>(make: impl Fn(usize) -> M) {
    for lengths in [28..=72, 120..=136, 500..=530, 4090..=4104] {
        writes_fill_whole_words(&make, lengths.clone());
        reads_copy_single_bytes(&make, lengths);
    }
}

/// A word starts as zero, holds what was stored last, and a store changes no other.
pub fn words_keep_what_was_stored<M: Memory>(make: impl Fn(usize) -> M) {
    const WORDS: usize = 4;
    let memory = make(WORDS * WORD);
    let words = || (0..WORDS).map(|i| Word::at(i * WORD));
    for word in words() {
        assert_eq!(memory.load(word, Relaxed), 0, "{word:?} of new memory");
    }
    for (word, value) in words().zip(1_u64..) {
        memory.store(word, value << 56 | value, Release);
        memory.prefetch_write(word, WORDS * WORD);
        memory.prefetch_read(word, WORDS * WORD);
    }
    for (word, value) in words().zip(1_u64..) {
        assert_eq!(memory.load(word, Acquire), value << 56 | value, "{word:?}");
    }
}

/// A word is exchanged only if it is what it was said to be, an addition wraps around, and neither
/// changes another word.
pub fn words_are_exchanged_and_added_to<M: Memory>(make: impl Fn(usize) -> M) {
    let memory = make(3 * WORD);
    let word = Word::at(WORD);
    for neighbour in [Word::at(0), Word::at(2 * WORD)] {
        memory.store(neighbour, NEIGHBOUR, Relaxed);
    }
    let exchange = |old, new| memory.compare_exchange(word, old, new, Release, Relaxed);
    assert_eq!(exchange(1, 2), Err(0), "a word that is another");
    assert_eq!(memory.load(word, Acquire), 0);
    assert_eq!(exchange(0, u64::MAX - 1), Ok(0));
    assert_eq!(memory.load(word, Acquire), u64::MAX - 1);
    assert_eq!(memory.fetch_add(word, 3, Release), u64::MAX - 1);
    assert_eq!(memory.load(word, Acquire), 1, "an addition wraps around");
    for neighbour in [Word::at(0), Word::at(2 * WORD)] {
        assert_eq!(memory.load(neighbour, Relaxed), NEIGHBOUR, "{neighbour:?}");
    }
}

/// A write stores its bytes in order of their addresses, zeros up to the end of
/// the last word, and nothing in the words before and behind.
pub fn writes_fill_whole_words<M: Memory>(
    make: impl Fn(usize) -> M,
    lengths: RangeInclusive<usize>,
) {
    let longest = lengths.end().next_multiple_of(WORD);
    let memory = make(longest + 2 * WORD);
    let first = Word::at(WORD);
    for len in lengths {
        for offset in (0..longest + 2 * WORD).step_by(WORD) {
            memory.store(Word::at(offset), NEIGHBOUR, Relaxed);
        }
        let bytes: Vec<u8> = pattern(len).collect();
        memory.write(first, &bytes);

        assert_eq!(memory.load(Word::at(0), Relaxed), NEIGHBOUR, "before {len}");
        for (i, chunk) in bytes.chunks(WORD).enumerate() {
            let mut expected = [0; WORD];
            expected[..chunk.len()].copy_from_slice(chunk);
            let found = memory.load(first.plus(i * WORD), Relaxed).to_le_bytes();
            assert_eq!(found, expected, "word {i} of a write of {len} bytes");
        }
        let behind = first.plus(len.next_multiple_of(WORD));
        assert_eq!(memory.load(behind, Relaxed), NEIGHBOUR, "behind {len}");
    }
}

/// A read copies the bytes asked for, in order of their addresses, also where
/// they end within the memory's last word.
pub fn reads_copy_single_bytes<M: Memory>(
    make: impl Fn(usize) -> M,
    lengths: RangeInclusive<usize>,
) {
    let longest = lengths.end().next_multiple_of(WORD);
    let memory = make(WORD + longest);
    let first = Word::at(WORD);
    let bytes: Vec<u8> = pattern(longest).collect();
    for (i, chunk) in bytes.chunks(WORD).enumerate() {
        let mut word = [0; WORD];
        word[..chunk.len()].copy_from_slice(chunk);
        memory.store(first.plus(i * WORD), u64::from_le_bytes(word), Relaxed);
    }
    for len in lengths {
        let mut found = vec![0xff; len];
        memory.read(first, &mut found);
        assert_eq!(found, bytes[..len], "a read of {len} bytes");
    }
}

/// An access that leaves a memory of `size` bytes panics, by however much it leaves it, and changes
/// nothing.
pub fn beyond_the_end_panics<M: Memory>(make: impl Fn(usize) -> M, size: usize) {
    let memory = make(size);
    let last = Word::at(size - WORD);
    // The last of these is the farthest word there is.
    let beyond = [size, size + WORD, isize::MAX as usize / WORD * WORD].map(Word::at);
    let panics = |what: &str, access: &mut dyn FnMut()| {
        let result = catch_unwind(AssertUnwindSafe(access));
        assert!(result.is_err(), "{what} beyond the end did not panic");
    };
    for at in beyond {
        panics("a load", &mut || {
            memory.load(at, Relaxed);
        });
        panics("a store", &mut || memory.store(at, 1, Relaxed));
        panics("a write", &mut || memory.write(at, &[1]));
        panics("a read", &mut || memory.read(at, &mut [0]));
    }
    // These begin within the memory.
    panics("a write", &mut || memory.write(last, &[1; WORD + 1]));
    panics("a read", &mut || memory.read(last, &mut [0; WORD + 1]));
    for word in [Word::at(0), last] {
        assert_eq!(memory.load(word, Relaxed), 0, "{word:?}");
    }
}

/// What one thread wrote before a Release store is there for another that saw
/// the store. (Whether the orderings are carried out is for the models and for the
/// sanitizers to say: this finds memory that is not shared, or torn.)
pub fn passes_messages<M: Memory + Sync>(memory: &M, rounds: u64) {
    let (flag, answer) = (Word::at(0), Word::at(WORD));
    let message = Word::at(2 * WORD);
    let expect = |word: Word, value: u64| {
        while memory.load(word, Acquire) != value {
            thread::yield_now();
        }
    };
    // Asserted at the end: a panic half-way would leave the other thread waiting.
    let mut intact = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=rounds {
                memory.write(message, &[round as u8; 3 * WORD]);
                // Pairs with the Acquire load of the flag.
                memory.store(flag, round, Release);
                expect(answer, round);
            }
        });
        for round in 1..=rounds {
            expect(flag, round);
            let mut found = [0; 3 * WORD];
            memory.read(message, &mut found);
            intact += u64::from(found == [round as u8; 3 * WORD]);
            // Pairs with the Acquire load of the answer: the message has been read.
            memory.store(answer, round, Release);
        }
    });
    assert_eq!(intact, rounds, "messages that arrived whole");
}

/// Bytes that differ from their neighbours and are never zero.
fn pattern(len: usize) -> impl Iterator<Item = u8> {
    (0..len).map(|i| (i % 251) as u8 + 1)
}
