//! Many producers, one consumer: one ring, one order.
//!
//! The face is that of [`spsc`](crate::spsc): who knows one knows both. [`Options`] describe a
//! region; with them it is created or opened, by name or by path, as a [`Ring`]. A ring hands out
//! up to [`producers`](generic::Options::producers) roles of a [`Producer`], in any number of
//! processes and threads (one for each thread that sends), one role of a [`Consumer`], and any
//! number of [`Observer`]s.
//!
//! ```
//! use mapring::mpsc::Options;
//! use std::time::Duration;
//!
//! # let name = format!("doc-mpsc-{}", std::process::id());
//! let ring = Options::new().create_or_open(&name)?;
//! let mut consumer = ring.consumer()?;
//! std::thread::scope(|scope| {
//!     for tag in 1..=3 {
//!         let mut producer = ring.producer().expect("one of 64 slots"); // usually in another process
//!         scope.spawn(move || producer.send(tag, b"hello", Duration::from_secs(1)));
//!     }
//! });
//! let mut tags = Vec::new();
//! let mut payload = Vec::new();
//! for _ in 0..3 {
//!     tags.push(consumer.recv(&mut payload, Duration::from_secs(1))?.tag);
//! }
//! tags.sort();
//! assert_eq!(tags, [1, 2, 3]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The order of records
//!
//! Records are received in the order in which their producers claimed room for them. So those of
//! each producer come in the order in which it sent them; and what a producer sent after it had
//! learned that another one had sent something comes after that.
//!
//! # Ends and deaths
//!
//! A claim that its producer has not committed yet holds up what was claimed behind it. If the
//! producer is slow, or stopped, the consumer waits: nothing tells that from a producer that is
//! about to go on. Only when the kernel says that it has died is the claim skipped, exactly that;
//! its consumer finds out within about a millisecond in a blocking call, and in `try_recv` and
//! `drain` when a thousand calls in a row have found nothing (that one call then makes system
//! calls). What was skipped can be asked for: [`Consumer::repairs`](generic::Consumer::repairs).
//!
//! [`Disconnected`](crate::RecvError::Disconnected) means that the last producer has left and
//! everything was received; [`PeerDied`](crate::RecvError::PeerDied) that none is left, and that
//! one of them has died. As long as one is alive, the deaths of others are no error:
//! [`Consumer::producers`](generic::Consumer::producers) tells of them.
//!
//! A claim that is dropped is skipped by the consumer. One that is leaked (`mem::forget`) is in the
//! way until its producer sends or claims again, or leaves:
//! [`Observer::stalled`](generic::Observer::stalled) names it.
//!
//! # Threads and forks
//!
//! As for [`spsc`](crate::spsc).

use crate::generic::{self, Mapped, TrustedMapped};

pub use crate::generic::{Buffer, Mpsc, Receipt, Received, Record};

/// Describes a region of many producers, then creates or opens it.
pub type Options = generic::Options<Mpsc>;
/// An open region of many producers.
pub type Ring = generic::Ring<Mpsc>;
/// Looks at a ring of many producers.
pub type Observer = generic::Observer<Mpsc>;
/// One of the producers.
pub type Producer<M = Mapped> = generic::Producer<Mpsc, M>;
/// The consumer.
pub type Consumer<M = Mapped> = generic::Consumer<Mpsc, M>;
/// Room in the ring for one payload.
pub type Claim<'a, M = Mapped> = generic::Claim<'a, Mpsc, M>;
/// Records that are sent all at once, or not at all.
pub type Batch<'a, M = Mapped> = generic::Batch<'a, Mpsc, M>;
/// Room for one payload of a batch.
pub type BatchClaim<'b, 'a, M = Mapped> = generic::BatchClaim<'b, 'a, Mpsc, M>;
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
