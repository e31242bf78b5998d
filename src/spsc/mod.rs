//! One producer, one consumer: the fastest ring there is here.
//!
//! [`Options`] describe a region; with them it is created or opened, by name or
//! by path, as a [`Ring`]. A ring hands out its two roles, [`Producer`] and
//! [`Consumer`], each to one holder at a time in all processes, and any number
//! of [`Observer`]s.
//!
//! ```
//! use mapring::spsc::Options;
//! use std::time::Duration;
//!
//! # let name = format!("doc-spsc-{}", std::process::id());
//! let ring = Options::new().capacity(64 << 10).create_or_open(&name)?;
//! let mut producer = ring.producer()?;
//! let mut consumer = ring.consumer()?; // usually in another process
//!
//! producer.send(7, b"hello", Duration::from_secs(1))?;
//!
//! let mut payload = Vec::new();
//! let received = consumer.recv(&mut payload, Duration::from_secs(1))?;
//! assert_eq!((received.tag, payload.as_slice()), (7, &b"hello"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Ends and deaths
//!
//! A producer that is dropped leaves in good order: its consumer receives what
//! was sent and then [`Disconnected`](crate::RecvError::Disconnected). One whose
//! process was killed is noticed too: its consumer receives all it committed and
//! then [`PeerDied`](crate::RecvError::PeerDied). Either may be followed by a
//! successor, in any process, that goes on where it left off; the consumer just
//! calls `recv` again. The same holds the other way round, but a producer is told
//! only when it cannot go on, for the ring is full.
//!
//! # Threads and forks
//!
//! Endpoints can be sent to other threads. A child made by `fork` does not have
//! the mapping; its calls return `Forked`, and dropping there what it inherited
//! changes nothing for the parent.

mod claim;
mod consumer;
mod observer;
mod options;
mod producer;
mod record;
mod ring;

pub use claim::{Batch, BatchClaim, Claim};
pub use consumer::{Consumer, TrustedConsumer};
pub use observer::Observer;
pub use options::Options;
pub use producer::{Producer, TrustedProducer};
pub use record::{Buffer, Received, Record};
pub use ring::Ring;
