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
//! calls `recv` again. One that panics, or [gives up](Producer::abandon), counts as dead:
//! what it sent may not be all there is. The same holds the other way round, but a producer is told
//! only when it cannot go on, for the ring is full.
//!
//! # Threads and forks
//!
//! Endpoints can be sent to other threads. A child made by `fork` does not have
//! the mapping: calls of a ring or an endpoint return `Forked` there, and dropping what it
//! inherited changes nothing for the parent. A claim, batch or record that was alive at the
//! fork must not be used in the child: the memory it stands for is not there. A child
//! that lives on without `exec` keeps the roles of its parent held, and the region in use, even
//! if the parent is killed.

mod claim;
mod consumer;
mod observer;
mod options;
mod producer;
mod record;
mod ring;

pub use claim::{Batch, BatchClaim, Claim, TrustedBatch, TrustedClaim};
pub use consumer::{Consumer, TrustedConsumer};
pub use observer::Observer;
pub use options::Options;
pub use producer::{Producer, TrustedProducer};
pub use record::{Buffer, Received, Record, TrustedRecord};
pub use ring::Ring;
