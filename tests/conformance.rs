//! Every memory that the protocol runs on does what `memory.rs` says. (The memory of
//! the models passes the same suite in `loom-tests`.)

use mapring::{Mapped, layout};
use mapring_testing::{Bytes, conformance};

/// Bytes of the memory that threads pass messages through.
const SHARED: usize = 4096;

/// No region is shorter, in bytes.
const SMALLEST_REGION: usize = 4 * layout::PAGE;
/// No memory is shorter that a check makes, in bytes.
const SMALLEST: usize = 2 * layout::WORD;

fn mapped(len: usize) -> Mapped {
    Mapped::anonymous(len.max(SMALLEST_REGION)).expect("memory")
}

#[test]
fn mapped_memory_conforms() {
    conformance::conforms(mapped, SMALLEST_REGION);
    conformance::words_are_exchanged_and_added_to(mapped);
    conformance::conforms_in_long_copies(mapped);
}

#[test]
fn bytes_conform() {
    conformance::conforms(Bytes::zeroed, SMALLEST);
    conformance::words_are_exchanged_and_added_to(Bytes::zeroed);
    conformance::conforms_in_long_copies(Bytes::zeroed);
}

#[test]
fn mapped_memory_passes_messages() {
    conformance::passes_messages(&mapped(SHARED), 2000);
}

#[test]
fn bytes_pass_messages() {
    conformance::passes_messages(&Bytes::zeroed(SHARED), 2000);
}
