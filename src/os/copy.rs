//! Copies between private bytes and bytes that a peer may be writing.
//!
//! Single words are Relaxed atomics. On x86-64, two words at once and long copies go through machine
//! instructions that the compiler cannot see into: to the language such a copy is an access by
//! somebody else, to the machine it is a plain copy, at the speed of the memory. Either way a peer
//! that writes at the same time makes the bytes arbitrary, and nothing else.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::layout::WORD;

/// Bytes of two words.
const PAIR: usize = 2 * WORD;
/// From this many bytes on, a copy is opaque. Measured in `docs/decisions.md`.
const OPAQUE_FROM: usize = 128;
/// From this many on, it is the processor's own copy loop.
#[cfg(target_arch = "x86_64")]
const MICROCODE_FROM: usize = 4096;

/// Copies `bytes` to shared memory, and zeros up to the end of the last word.
///
/// # Safety
/// `to` is a multiple of eight, and valid for writes of `bytes.len()` rounded up
/// to a multiple of eight; the memory is only accessed atomically or opaquely.
#[inline(always)]
pub(super) unsafe fn write(to: *mut u8, bytes: &[u8]) {
    let whole = bytes.len() & !(WORD - 1);
    let (words, rest) = bytes.split_at(whole);
    if !rest.is_empty() {
        let last = last_word(bytes).to_le_bytes();
        // SAFETY: the range the caller vouches for includes the whole last word.
        unsafe { store(to.wrapping_add(whole), last) };
    }
    if words.len() >= OPAQUE_FROM && cfg!(target_arch = "x86_64") {
        // SAFETY: `words` is readable, `to` is writable for that many bytes by this
        // function's contract; a private slice and shared memory do not overlap.
        unsafe { copy_opaquely(to, words.as_ptr(), whole) };
    } else {
        // The last word first: the line of the first is that of the header, which is written next. In
        // between, no other line may have to be waited for, or the consumer, which looks at the
        // header, takes the line away.
        let (pairs, odd) = words.as_chunks::<PAIR>();
        if let Some(odd) = odd.first_chunk() {
            // SAFETY: within the range the caller vouches for.
            unsafe { store(to.wrapping_add(pairs.len() * PAIR), *odd) };
        }
        for (i, pair) in pairs.iter().enumerate().rev() {
            // SAFETY: within the range the caller vouches for.
            unsafe { store_pair(to.wrapping_add(i * PAIR), pair) };
        }
    }
}

/// Copies bytes out of shared memory.
///
/// # Safety
/// `from` is a multiple of eight, and valid for reads of `into.len()` rounded up
/// to a multiple of eight; the memory is only accessed atomically or opaquely.
#[inline(always)]
pub(super) unsafe fn read(from: *const u8, into: &mut [u8]) {
    let whole = into.len() & !(WORD - 1);
    let (words, rest) = into.split_at_mut(whole);
    if words.len() >= OPAQUE_FROM && cfg!(target_arch = "x86_64") {
        // SAFETY: `from` is readable for that many bytes by this function's contract, `words`
        // is writable; a private slice and shared memory do not overlap.
        unsafe { copy_opaquely(words.as_mut_ptr(), from, whole) };
    } else {
        let (pairs, odd) = words.as_chunks_mut::<PAIR>();
        for (i, pair) in pairs.iter_mut().enumerate() {
            // SAFETY: within the range the caller vouches for.
            unsafe { load_pair(from.wrapping_add(i * PAIR), pair) };
        }
        if let Some(odd) = odd.first_chunk_mut() {
            // SAFETY: within the range the caller vouches for.
            *odd = unsafe { load(from.wrapping_add(pairs.len() * PAIR)) };
        }
    }
    if !rest.is_empty() {
        // SAFETY: the range the caller vouches for includes the whole last word.
        let last = unsafe { load(from.wrapping_add(whole)) };
        set_last_word(into, u64::from_le_bytes(last));
    }
}

/// The bytes of the last word that is not whole, the first of them lowest, and zeros. `bytes` has such
/// a word.
///
/// No loop and no call: what a length says is which of a few loads overlap. Where there are eight bytes
/// the word ends where they do.
#[inline(always)]
fn last_word(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    if let Some(last) = bytes.last_chunk::<8>() {
        return u64::from_le_bytes(*last) >> (64 - 8 * (len % WORD));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let last = u64::from(u32::from_le_bytes(*last)) << (8 * (len - 4));
        return u64::from(u32::from_le_bytes(*first)) | last;
    }
    // One, two or three.
    let byte = |at: usize| u64::from(bytes[at]) << (8 * at);
    byte(0) | byte(len / 2) | byte(len - 1)
}

/// Sets the bytes of the last word that is not whole, as [`last_word`] gives them; those before it are
/// as they will be.
#[inline(always)]
fn set_last_word(into: &mut [u8], word: u64) {
    let len = into.len();
    if let Some(last) = into.last_chunk_mut::<8>() {
        let rest = 8 * (len % WORD);
        let before = u64::from_le_bytes(*last) << rest >> rest;
        *last = (before | word << (64 - rest)).to_le_bytes();
        return;
    }
    if len >= 4 {
        if let Some(first) = into.first_chunk_mut::<4>() {
            *first = (word as u32).to_le_bytes();
        }
        if let Some(last) = into.last_chunk_mut::<4>() {
            *last = ((word >> (8 * (len - 4))) as u32).to_le_bytes();
        }
        return;
    }
    for at in [0, len / 2, len - 1] {
        into[at] = (word >> (8 * at)) as u8;
    }
}

/// Two words by one store, for a processor has room for only so many stores that wait for their
/// lines. They are loaded one by one: such a load need not wait for a word that was just stored.
///
/// # Safety
/// `to` is a multiple of eight, and valid for writes of two words; the memory is only accessed
/// atomically or opaquely.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn store_pair(to: *mut u8, pair: &[u8; PAIR]) {
    // SAFETY: reads the 16 bytes of `pair` and writes 16 at `to`, which the caller vouches for;
    // none of the three asks for alignment; it uses no stack and changes no flags.
    unsafe {
        std::arch::asm!(
            "movq {words}, qword ptr [{from}]",
            "movhps {words}, qword ptr [{from} + 8]",
            "movups xmmword ptr [{to}], {words}",
            from = in(reg) pair.as_ptr(),
            to = in(reg) to,
            words = out(xmm_reg) _,
            options(nostack, preserves_flags),
        );
    }
}

/// Two words by one load and one store, so that who looks at the copy by loads of either size finds it
/// in the store before.
///
/// # Safety
/// `from` is a multiple of eight, and valid for reads of two words; the memory is only accessed
/// atomically or opaquely.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn load_pair(from: *const u8, pair: &mut [u8; PAIR]) {
    // SAFETY: reads 16 bytes at `from`, which the caller vouches for, and writes the 16 of `pair`;
    // neither asks for alignment; it uses no stack and changes no flags.
    unsafe {
        std::arch::asm!(
            "movups {words}, xmmword ptr [{from}]",
            "movups xmmword ptr [{to}], {words}",
            from = in(reg) from,
            to = in(reg) pair.as_mut_ptr(),
            words = out(xmm_reg) _,
            options(nostack, preserves_flags),
        );
    }
}

/// Two words, the last one first.
///
/// # Safety
/// `to` is a multiple of eight, and valid for writes of two words; the memory is only accessed
/// atomically or opaquely.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
unsafe fn store_pair(to: *mut u8, pair: &[u8; PAIR]) {
    for (i, word) in pair.as_chunks().0.iter().enumerate().rev() {
        // SAFETY: aligned and valid by this function's contract.
        unsafe { store(to.wrapping_add(i * WORD), *word) };
    }
}

/// Two words, one after the other.
///
/// # Safety
/// `from` is a multiple of eight, and valid for reads of two words; the memory is only accessed
/// atomically or opaquely.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
unsafe fn load_pair(from: *const u8, pair: &mut [u8; PAIR]) {
    for (i, word) in pair.as_chunks_mut().0.iter_mut().enumerate() {
        // SAFETY: aligned and valid by this function's contract.
        *word = unsafe { load(from.wrapping_add(i * WORD)) };
    }
}

/// # Safety
/// `to` is a multiple of eight and valid for an atomic store.
#[inline(always)]
unsafe fn store(to: *mut u8, word: [u8; WORD]) {
    // SAFETY: aligned and valid by this function's contract.
    unsafe { AtomicU64::from_ptr(to.cast()) }.store(u64::from_ne_bytes(word), Relaxed);
}

/// # Safety
/// `from` is a multiple of eight and valid for an atomic load.
#[inline(always)]
unsafe fn load(from: *const u8) -> [u8; WORD] {
    // SAFETY: aligned and valid by this function's contract; a load does not
    // write, so a read-only mapping will do.
    unsafe { AtomicU64::from_ptr(from.cast_mut().cast()) }
        .load(Relaxed)
        .to_ne_bytes()
}

/// # Safety
/// `from` is valid for reads and `to` for writes of `len` bytes, and the two do not overlap;
/// `len` is a multiple of eight and not zero.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn copy_opaquely(to: *mut u8, from: *const u8, len: usize) {
    if len >= MICROCODE_FROM {
        // SAFETY: `rep movsb` reads `len` bytes at RSI and writes them at RDI, which the caller
        // vouches for; the direction flag is clear at an asm block; it uses no stack.
        unsafe {
            std::arch::asm!(
                "rep movsb",
                inout("rcx") len => _, inout("rdi") to => _, inout("rsi") from => _,
                options(nostack, preserves_flags),
            );
        }
        return;
    }
    // SAFETY: reads and writes 64 bytes a turn while at least 64 are left, then 8 a turn, `len`
    // in all, from `from` and to `to` on, which the caller vouches for; it uses no stack.
    unsafe {
        std::arch::asm!(
            "sub {left}, 64",
            "jb 3f",
            "2:",
            "movdqu {a}, [{from}]",
            "movdqu {b}, [{from} + 16]",
            "movdqu {c}, [{from} + 32]",
            "movdqu {d}, [{from} + 48]",
            "movdqu [{to}], {a}",
            "movdqu [{to} + 16], {b}",
            "movdqu [{to} + 32], {c}",
            "movdqu [{to} + 48], {d}",
            "add {from}, 64",
            "add {to}, 64",
            "sub {left}, 64",
            "jae 2b",
            "3:",
            "add {left}, 64",
            "jz 5f",
            "4:",
            "mov {word}, [{from}]",
            "mov [{to}], {word}",
            "add {from}, 8",
            "add {to}, 8",
            "sub {left}, 8",
            "jnz 4b",
            "5:",
            left = inout(reg) len => _,
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            word = out(reg) _,
            a = out(xmm_reg) _, b = out(xmm_reg) _, c = out(xmm_reg) _, d = out(xmm_reg) _,
            options(nostack),
        );
    }
}

/// # Safety
/// Never called: copies go word by word on this machine.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn copy_opaquely(_to: *mut u8, _from: *const u8, _len: usize) {
    unreachable!("no opaque copy on this architecture")
}

/// Asks for the cache line of `at` in a state in which it can be written.
#[inline(always)]
pub(super) fn prefetch_write(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults, whatever the address, and changes nothing but caches.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) at as usize, options(nostack, preserves_flags, nomem));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a prefetch never faults, whatever the address, and changes nothing but caches.
    unsafe {
        std::arch::asm!("prfm pstl1keep, [{}]", in(reg) at as usize, options(nostack, preserves_flags, nomem));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = at;
}

/// Asks for the cache line of `at`, to read it.
#[inline(always)]
pub(super) fn prefetch_read(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults, whatever the address, and changes nothing but caches.
    unsafe {
        std::arch::asm!("prefetcht0 [{}]", in(reg) at as usize, options(nostack, preserves_flags, nomem));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a prefetch never faults, whatever the address, and changes nothing but caches.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{}]", in(reg) at as usize, options(nostack, preserves_flags, nomem));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = at;
}
