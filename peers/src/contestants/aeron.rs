//! Aeron IPC, by rusteron. Records are claimed, written and committed (`try_claim`), the "zero-copy"
//! way of its documentation; one producer has an exclusive publication, many share one. The window is
//! half a term, so that terms of 2 MiB are 1 MiB of room; a record of 16 KiB is one fragment. The media
//! driver, which makes the buffers and moves the window on, runs in the process that creates the
//! channel, as one thread that is not pinned.

use std::cell::OnceCell;
use std::ffi::{CStr, CString};
use std::path::Path;

use anyhow::{Context, Result};
use rusteron_client::{
    Aeron, AeronClaim, AeronExclusivePublication, AeronOfferError, AeronPublication,
    AeronSubscription, Handlers,
};
use rusteron_media_driver::bindings::aeron_threading_mode_enum::AERON_THREADING_MODE_SHARED;
use rusteron_media_driver::testing::EmbeddedDriver;

use super::{About, Contestant};
use crate::channel::{End, Processes, Receiver, Sender, Size, text};
use crate::payload::Payload;
use crate::question::Kind;
use crate::wait::{PATIENCE, wait_for};

pub(crate) fn contestant() -> Contestant {
    Contestant::between_processes::<One>(About {
        name: "Aeron IPC",
        version: env!("LOCKED_rusteron_client").to_owned(),
        link: "https://docs.rs/rusteron-client",
        usage: "`try_claim`, `poll`, of one or many; by rusteron, with a driver of its own",
        kinds: &[Kind::RoundTrip, Kind::Single, Kind::Drain, Kind::ManyToOne],
    })
    .many_between_processes::<Many>()
}

const CHANNEL: &CStr = c"aeron:ipc?term-length=2m|mtu=32k";

thread_local! {
    /// That of this process; a thread that ends stops it.
    static DRIVER: OnceCell<EmbeddedDriver> = const { OnceCell::new() };
}

/// Where the driver of this process is; it is started if there is none.
fn driver(folder: &Path) -> Result<String> {
    DRIVER.with(|driver| {
        if let Some(driver) = driver.get() {
            return Ok(driver.dir().to_owned());
        }
        let place = CString::new(text(&folder.join("aeron"))?)?;
        let started = EmbeddedDriver::launch_with(|context| {
            context.set_dir(&place)?;
            context.set_threading_mode(AERON_THREADING_MODE_SHARED)?;
            Ok(())
        });
        let started = started.context("cannot start a media driver")?;
        Ok(driver.get_or_init(|| started).dir().to_owned())
    })
}

/// A client, and the stream that it is to use.
struct Stream {
    client: Aeron,
    number: i32,
    batch: usize,
}

impl Stream {
    fn create(path: &Path, size: &Size) -> Result<(Self, String)> {
        let folder = path.parent().context("no folder")?;
        let place = driver(folder)?;
        // A number for each name; there are few names.
        let name = super::name(path)?;
        let number = 1001 + name.bytes().map(i32::from).sum::<i32>();
        let ticket = format!("{number} {place}");
        Ok((Self::join(&ticket, size)?, ticket))
    }

    fn join(ticket: &str, size: &Size) -> Result<Self> {
        let (number, place) = ticket.split_once(' ').context("no number and place")?;
        Ok(Self {
            client: Aeron::connect_dir(place).context("cannot connect")?,
            number: number.parse()?,
            batch: size.batch,
        })
    }

    fn subscribe(self) -> Result<Receiving> {
        let subscription = self.client.async_add_subscription(
            CHANNEL,
            self.number,
            Handlers::NONE,
            Handlers::NONE,
        )?;
        Ok(Receiving {
            subscription: subscription.poll_blocking(PATIENCE)?,
            batch: self.batch,
            _client: self.client,
        })
    }
}

struct One;

impl Processes for One {
    type Channel<P: Payload> = Stream;
    type Sender<P: Payload> = Sending<AeronExclusivePublication>;
    type Receiver<P: Payload> = Receiving;

    fn create<P: Payload>(path: &Path, _: End, size: &Size) -> Result<(Stream, String)> {
        Stream::create(path, size)
    }

    fn join<P: Payload>(ticket: &str, size: &Size) -> Result<Stream> {
        Stream::join(ticket, size)
    }

    fn sender<P: Payload>(stream: Stream) -> Result<Self::Sender<P>> {
        let client = stream.client;
        let publication = client.async_add_exclusive_publication(CHANNEL, stream.number)?;
        Ok(Sending {
            publication: publication.poll_blocking(PATIENCE)?,
            _client: client,
        })
    }

    fn receiver<P: Payload>(stream: Stream) -> Result<Receiving> {
        stream.subscribe()
    }
}

struct Many;

impl Processes for Many {
    type Channel<P: Payload> = Stream;
    type Sender<P: Payload> = Sending<AeronPublication>;
    type Receiver<P: Payload> = Receiving;

    fn create<P: Payload>(path: &Path, _: End, size: &Size) -> Result<(Stream, String)> {
        Stream::create(path, size)
    }

    fn join<P: Payload>(ticket: &str, size: &Size) -> Result<Stream> {
        Stream::join(ticket, size)
    }

    fn sender<P: Payload>(stream: Stream) -> Result<Self::Sender<P>> {
        let client = stream.client;
        let publication = client.async_add_publication(CHANNEL, stream.number)?;
        Ok(Sending {
            publication: publication.poll_blocking(PATIENCE)?,
            _client: client,
        })
    }

    fn receiver<P: Payload>(stream: Stream) -> Result<Receiving> {
        stream.subscribe()
    }
}

/// Either kind of publication.
trait Claims {
    fn claim(&self, bytes: usize) -> Result<AeronClaim, AeronOfferError>;
}

impl Claims for AeronExclusivePublication {
    #[inline]
    fn claim(&self, bytes: usize) -> Result<AeronClaim, AeronOfferError> {
        self.try_claim_owned(bytes)
    }
}

impl Claims for AeronPublication {
    #[inline]
    fn claim(&self, bytes: usize) -> Result<AeronClaim, AeronOfferError> {
        self.try_claim_owned(bytes)
    }
}

struct Sending<T> {
    publication: T,
    // Dropped last.
    _client: Aeron,
}

impl<P: Payload, T: Claims> Sender<P> for Sending<T> {
    #[inline]
    fn send(&mut self, payload: &P) -> Result<()> {
        // Until the subscription is there, it is not connected, which is to be tried again too.
        let mut claim = wait_for(|| match self.publication.claim(P::BYTES) {
            Err(error) if error.is_retryable() => None,
            result => Some(result),
        })??;
        claim.data().copy_from_slice(payload.bytes());
        claim.commit()?;
        Ok(())
    }
}

struct Receiving {
    subscription: AeronSubscription,
    batch: usize,
    // Dropped last.
    _client: Aeron,
}

impl Receiving {
    #[inline]
    fn poll(&mut self, most: usize, mut see: impl FnMut(&[u8])) -> Result<()> {
        wait_for(
            || match self.subscription.poll_fn(|bytes, _| see(bytes), most) {
                Ok(0) => None,
                result => Some(result),
            },
        )??;
        Ok(())
    }
}

impl<P: Payload> Receiver<P> for Receiving {
    #[inline]
    fn receive(&mut self, see: impl FnMut(&[u8])) -> Result<()> {
        self.poll(1, see)
    }

    #[inline]
    fn receive_batch(&mut self, see: impl FnMut(&[u8])) -> Result<()> {
        self.poll(self.batch, see)
    }
}
