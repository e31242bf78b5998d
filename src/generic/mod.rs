//! What the rings of [`spsc`](crate::spsc) and [`mpsc`](crate::mpsc) are made of.
//!
//! Those two modules name these types for one protocol each, which is all that most programs need.
//! Code that is to work with either kind of ring is written over a [`Protocol`]:
//!
//! ```
//! use mapring::generic::{Mpsc, Options, Protocol, Spsc};
//!
//! fn send_to<P: Protocol>(name: &str, text: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//!     let ring = Options::<P>::new().create_or_open(name)?;
//!     ring.producer()?.try_send(0, text)?;
//!     Ok(())
//! }
//!
//! # let name = format!("doc-generic-{}", std::process::id());
//! # let (one, many) = (name.clone() + "-one", name + "-many");
//! send_to::<Spsc>(&one, b"to a ring of one producer")?;
//! send_to::<Mpsc>(&many, b"to a ring of many")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batches;
mod claim;
mod consumer;
mod observer;
mod options;
mod peers;
mod producer;
mod record;
mod ring;
mod waiting;

pub use claim::{Batch, BatchClaim, Claim};
pub use consumer::Consumer;
pub use observer::{Observer, Stalled};
pub use options::Options;
pub use producer::{Producer, Receipt};
pub use record::{Buffer, Received, Record};
pub use ring::Ring;

pub use crate::os::mapped::{Mapped, TrustedMapped};
pub use crate::ring::mpsc::Mpsc;
pub use crate::ring::spsc::Spsc;
pub use crate::ring::{Protocol, Repair};
