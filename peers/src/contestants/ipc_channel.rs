//! ipc-channel, of Servo: channels between processes, over Unix sockets. Here those of bytes, which
//! "do not use serialized messages". Who joins connects to a one-shot server and is sent its end; of
//! many producers, each has a server of its own. In polling round trips the receiver polls
//! (`try_recv`); else it blocks (`recv`), which moves more in streams. Its room is that of a socket's
//! buffer.

use std::path::Path;

use ::ipc_channel::TryRecvError;
use ::ipc_channel::ipc::{
    self, IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcSender, bytes_channel,
};
use anyhow::{Context, Result, bail};

use super::{About, Contestant};
use crate::channel::{End, Processes, Receiver, Sender, Size, Wait};
use crate::payload::Payload;
use crate::question::Kind;
use crate::wait::wait_for;

pub(crate) fn contestant() -> Contestant {
    Contestant::between_processes::<IpcChannel>(About {
        name: "ipc-channel",
        version: env!("LOCKED_ipc_channel").to_owned(),
        link: "https://docs.rs/ipc-channel",
        usage: "`bytes_channel`, `send`, `recv`; polling, `try_recv`",
        kinds: &[Kind::RoundTrip, Kind::Asleep, Kind::Single, Kind::ManyToOne],
    })
}

struct IpcChannel;

/// By it, who joins is sent what it is to have.
type Server<T> = IpcOneShotServer<IpcSender<T>>;

enum Channel {
    /// Will send; the other process is to receive.
    Sender(Server<IpcBytesReceiver>),
    /// Will receive; the other processes are to send.
    Receiver(Vec<Server<IpcBytesSender>>, Wait),
    /// The name of its server.
    Joined(String, Wait),
}

impl Processes for IpcChannel {
    type Channel<P: Payload> = Channel;
    type Sender<P: Payload> = IpcBytesSender;
    type Receiver<P: Payload> = Receiving;

    fn create<P: Payload>(_: &Path, end: End, size: &Size) -> Result<(Channel, String)> {
        if end == End::Sender {
            let (server, name) = Server::new()?;
            return Ok((Channel::Sender(server), name));
        }
        let servers: std::io::Result<Vec<_>> = (0..size.producers).map(|_| Server::new()).collect();
        let (servers, names): (_, Vec<_>) = servers?.into_iter().unzip();
        Ok((Channel::Receiver(servers, size.wait), names.join(" ")))
    }

    fn join<P: Payload>(ticket: &str, size: &Size) -> Result<Channel> {
        let name = ticket.split(' ').nth(size.producer);
        let name = name.context("no server for this producer")?;
        Ok(Channel::Joined(name.to_owned(), size.wait))
    }

    fn sender<P: Payload>(channel: Channel) -> Result<IpcBytesSender> {
        match channel {
            Channel::Sender(server) => {
                let (sender, receiver) = bytes_channel()?;
                server.accept()?.1.send(receiver)?;
                Ok(sender)
            }
            Channel::Joined(name, _) => {
                let (give, take) = ipc::channel()?;
                IpcSender::connect(name)?.send(give)?;
                Ok(take.recv()?)
            }
            Channel::Receiver(..) => bail!("created for the other end"),
        }
    }

    fn receiver<P: Payload>(channel: Channel) -> Result<Receiving> {
        match channel {
            Channel::Receiver(servers, wait) => {
                let (sender, receiver) = bytes_channel()?;
                for server in servers {
                    server.accept()?.1.send(sender.clone())?;
                }
                Ok(Receiving { receiver, wait })
            }
            Channel::Joined(name, wait) => {
                let (give, take) = ipc::channel()?;
                IpcSender::connect(name)?.send(give)?;
                let receiver = take.recv()?;
                Ok(Receiving { receiver, wait })
            }
            Channel::Sender(_) => bail!("created for the other end"),
        }
    }
}

impl<P: Payload> Sender<P> for IpcBytesSender {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        Ok(IpcBytesSender::send(self, payload.bytes())?)
    }
}

struct Receiving {
    receiver: IpcBytesReceiver,
    wait: Wait,
}

impl<P: Payload> Receiver<P> for Receiving {
    #[inline(always)]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let bytes = match self.wait {
            Wait::Asleep | Wait::Freely => self.receiver.recv()?,
            Wait::Busy => wait_for(|| match self.receiver.try_recv() {
                Err(TryRecvError::Empty) => None,
                result => Some(result),
            })??,
        };
        see(&bytes);
        Ok(())
    }
}
