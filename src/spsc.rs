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
//! inherited touches nothing. A claim, batch or record that was alive at the
//! fork must not be used in the child otherwise: the memory it stands for is not there. A child
//! that lives on without `exec` keeps the roles of its parent held, and the region in use, even
//! if the parent is killed.

use crate::generic::{self, Mapped, TrustedMapped};

pub use crate::generic::{Buffer, Receipt, Received, Record, Spsc};

/// Describes a region of one producer, then creates or opens it.
pub type Options = generic::Options<Spsc>;
/// An open region of one producer.
pub type Ring = generic::Ring<Spsc>;
/// Looks at a ring of one producer.
pub type Observer = generic::Observer<Spsc>;
/// The producer.
pub type Producer<M = Mapped> = generic::Producer<Spsc, M>;
/// The consumer.
pub type Consumer<M = Mapped> = generic::Consumer<Spsc, M>;
/// Room in the ring for one payload.
pub type Claim<'a, M = Mapped> = generic::Claim<'a, Spsc, M>;
/// Records that are sent all at once, or not at all.
pub type Batch<'a, M = Mapped> = generic::Batch<'a, Spsc, M>;
/// Room for one payload of a batch.
pub type BatchClaim<'b, 'a, M = Mapped> = generic::BatchClaim<'b, 'a, Spsc, M>;
/// A producer whose caller vouches for its peers: its claims deref to their payload.
pub type TrustedProducer = Producer<TrustedMapped>;
/// A consumer whose caller vouches for its peers: its records deref to their payload.
pub type TrustedConsumer = Consumer<TrustedMapped>;
/// A claim of a producer that trusts its peers: it derefs to its payload.
pub type TrustedClaim<'a> = Claim<'a, TrustedMapped>;
/// A batch of a producer that trusts its peers: its claims deref to their payloads.
pub type TrustedBatch<'a> = Batch<'a, TrustedMapped>;
/// A record of a consumer that trusts its peers: it derefs to its payload.
pub type TrustedRecord<'a> = Record<'a, TrustedMapped>;
