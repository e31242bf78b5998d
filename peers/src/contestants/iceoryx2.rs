//! iceoryx2: publish and subscribe. Slices of bytes are loaned, written and sent, as in its own
//! benchmark; the subscriber's buffer holds 1 MiB, and nothing overflows: a publisher waits. Asleep,
//! each sample is followed by a notification of an event, which the subscriber waits for, as its
//! documentation says. It receives one by one.

use std::path::Path;

use ::iceoryx2::port::listener::Listener;
use ::iceoryx2::port::notifier::Notifier;
use ::iceoryx2::port::publisher::Publisher;
use ::iceoryx2::port::subscriber::Subscriber;
use ::iceoryx2::prelude::{
    Alignment, BackpressureStrategy, Config, FileName, Node, NodeBuilder, Path as Root,
    SemanticString, ServiceName, ipc,
};
use ::iceoryx2::service::port_factory::event::PortFactory as Events;
use ::iceoryx2::service::port_factory::publish_subscribe::PortFactory as Samples;
use anyhow::{Context, Result, anyhow};

use super::{About, Contestant, name};
use crate::channel::{End, Processes, Receiver, Sender, Size, Wait, text};
use crate::payload::Payload;
use crate::question::Kind;
use crate::wait::{PATIENCE, wait_for};

pub(crate) fn contestant() -> Contestant {
    Contestant::between_processes::<Iceoryx2>(About {
        name: "iceoryx2",
        version: env!("LOCKED_iceoryx2").to_owned(),
        link: "https://docs.rs/iceoryx2",
        usage: "`loan_slice_uninit`, `send`, `receive`; asleep, with an event",
        kinds: &[Kind::RoundTrip, Kind::Asleep, Kind::Single, Kind::ManyToOne],
    })
}

struct Iceoryx2;

/// The two services; ports keep what they need of them.
struct Services {
    samples: Samples<ipc::Service, [u8], ()>,
    events: Option<Events<ipc::Service>>,
    slots: usize,
    /// Whose end is its end.
    _node: Node<ipc::Service>,
}

impl Services {
    fn open<P: Payload>(path: &Path, size: &Size) -> Result<Self> {
        let mut config = Config::default();
        let folder = path.parent().context("no folder")?;
        let root = Root::new(text(folder)?.as_bytes()).map_err(|error| anyhow!("{error:?}"))?;
        config.global.set_root_path(&root);
        let prefix = FileName::new(name(path)?.as_bytes());
        config.global.prefix = prefix.map_err(|error| anyhow!("{error:?}"))?;
        let node = NodeBuilder::new()
            .config(&config)
            .create::<ipc::Service>()?;
        let service = ServiceName::new("peers").map_err(|error| anyhow!("{error:?}"))?;
        let line = if P::BYTES < 64 { 8 } else { 64 };
        let samples = node
            .service_builder(&service)
            .publish_subscribe::<[u8]>()
            .payload_alignment(Alignment::new(line).context("no alignment")?)
            .enable_safe_overflow(false)
            .subscriber_max_buffer_size(size.slots)
            .history_size(0)
            .max_subscribers(1)
            .max_publishers(size.producers)
            .open_or_create()?;
        let events = match size.wait {
            Wait::Busy | Wait::Freely => None,
            Wait::Asleep => Some(node.service_builder(&service).event().open_or_create()?),
        };
        Ok(Self {
            samples,
            events,
            slots: size.slots,
            _node: node,
        })
    }
}

impl Processes for Iceoryx2 {
    type Channel<P: Payload> = Services;
    type Sender<P: Payload> = Sending;
    type Receiver<P: Payload> = Receiving;

    fn create<P: Payload>(path: &Path, _: End, size: &Size) -> Result<(Services, String)> {
        Ok((Services::open::<P>(path, size)?, text(path)?))
    }

    fn join<P: Payload>(ticket: &str, size: &Size) -> Result<Services> {
        Services::open::<P>(Path::new(ticket), size)
    }

    fn sender<P: Payload>(services: Services) -> Result<Sending> {
        let builder = services.samples.publisher_builder();
        let publisher = builder
            .initial_max_slice_len(P::BYTES)
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
            .create()?;
        let events = services.events.as_ref();
        let notifier = events.map(|events| events.notifier_builder().create());
        Ok(Sending {
            publisher,
            notifier: notifier.transpose()?,
            _services: services,
        })
    }

    fn receiver<P: Payload>(services: Services) -> Result<Receiving> {
        let builder = services.samples.subscriber_builder();
        let subscriber = builder.buffer_size(services.slots).create()?;
        let events = services.events.as_ref();
        let listener = events.map(|events| events.listener_builder().create());
        Ok(Receiving {
            subscriber,
            listener: listener.transpose()?,
            _services: services,
        })
    }
}

struct Sending {
    publisher: Publisher<ipc::Service, [u8], ()>,
    notifier: Option<Notifier<ipc::Service>>,
    _services: Services,
}

impl<P: Payload> Sender<P> for Sending {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        let sample = self.publisher.loan_slice_uninit(P::BYTES)?;
        sample.write_from_slice(payload.bytes()).send()?;
        if let Some(notifier) = &self.notifier {
            notifier.notify()?;
        }
        Ok(())
    }
}

struct Receiving {
    subscriber: Subscriber<ipc::Service, [u8], ()>,
    listener: Option<Listener<ipc::Service>>,
    _services: Services,
}

impl<P: Payload> Receiver<P> for Receiving {
    #[inline(always)]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let sample = wait_for(|| {
            let received = self.subscriber.receive();
            match (received, &self.listener) {
                (Ok(None), None) => None,
                (Ok(None), Some(listener)) => {
                    let woken = listener.timed_wait(|_| {}, PATIENCE);
                    woken.err().map(|error| Err(error.into()))
                }
                (Ok(Some(sample)), _) => Some(Ok(sample)),
                (Err(error), _) => Some(Err(anyhow::Error::new(error))),
            }
        })??;
        see(sample.payload());
        Ok(())
    }
}
