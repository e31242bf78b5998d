//! One producer, one consumer. The invariants stand at the head of [`crate::ring`].

mod batch;
mod claim;
mod consumer;
mod producer;

pub use batch::{Batch, BatchClaim};
pub use claim::{Claim, write_at};
pub use consumer::Consumer;
pub use producer::Producer;
