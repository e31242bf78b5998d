//! POSIX message queues. The queue is to hold 1 MiB (65,536 messages at most, as the kernel says); who
//! may not have so many (`fs.mqueue.msg_max`, `RLIMIT_MSGQUEUE`) gets 10, the system's default. Nor
//! may everybody send long ones (`fs.mqueue.msgsize_max`, 8 KiB by default). Unless it is to sleep, the receiver polls (`O_NONBLOCK`),
//! which moves more in streams, too; the sender always blocks. The queue has no name any more when it is used: both ends are inherited.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd};
use std::path::Path;
use std::process;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::mqueue::{MQ_OFlag, MqAttr, MqdT, mq_open, mq_receive, mq_send, mq_unlink};
use nix::sys::stat::Mode;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::stream::inherited;
use super::{About, Contestant, kernel};
use crate::channel::{End, Processes, Receiver, Sender, Size, Wait};
use crate::payload::Payload;
use crate::question::Kind;
use crate::wait::wait_for;

pub(crate) fn contestant() -> Contestant {
    Contestant::between_processes::<PosixMq>(About {
        name: "POSIX mq",
        version: kernel(),
        link: "https://man7.org/linux/man-pages/man7/mq_overview.7.html",
        usage: "`mq_send`, `mq_receive`; polling, with `O_NONBLOCK`",
        kinds: &[Kind::RoundTrip, Kind::Asleep, Kind::Single, Kind::ManyToOne],
    })
    .unless(|question| too_long(question.bytes()))
}

/// Messages of one queue at most, whoever asks.
const MOST: usize = 65_536;
/// The system's limit of a message's bytes.
const LONGEST: &str = "fs.mqueue.msgsize_max";
/// What everybody may have.
const DEFAULT: usize = 10;

struct PosixMq;

/// Both ends, opened one by one, for whether a call blocks belongs to that.
struct Queue {
    sender: MqdT,
    receiver: MqdT,
}

impl Processes for PosixMq {
    type Channel<P: Payload> = Queue;
    type Sender<P: Payload> = Sending;
    type Receiver<P: Payload> = Receiving<P>;

    fn create<P: Payload>(path: &Path, _: End, size: &Size) -> Result<(Queue, String)> {
        let unlimited = Rlimit {
            current: None,
            maximum: None,
        };
        // Who may not do this has less room, see below.
        let _ = setrlimit(Resource::Msgqueue, unlimited);
        let name = super::name(path)?;
        let name = format!("/{name}");
        let mut sender = create(&name, size.slots.min(MOST), P::BYTES);
        if sender.is_err() {
            sender = create(&name, DEFAULT, P::BYTES);
        }
        let sender = sender.context("cannot create a queue")?;
        let mut flags = MQ_OFlag::O_RDONLY;
        if size.wait != Wait::Asleep {
            flags |= MQ_OFlag::O_NONBLOCK;
        }
        let receiver = mq_open(name.as_str(), flags, Mode::empty(), None);
        mq_unlink(name.as_str())?;
        let receiver = receiver?;
        fcntl_setfd(sender.as_fd(), FdFlags::empty())?;
        fcntl_setfd(receiver.as_fd(), FdFlags::empty())?;
        let ticket = format!("{},{}", sender.as_raw_fd(), receiver.as_raw_fd());
        Ok((Queue { sender, receiver }, ticket))
    }

    fn join<P: Payload>(ticket: &str, _: &Size) -> Result<Queue> {
        let (sender, receiver) = ticket.split_once(',').context("no two numbers")?;
        Ok(Queue {
            sender: queue(sender)?,
            receiver: queue(receiver)?,
        })
    }

    fn sender<P: Payload>(queue: Queue) -> Result<Sending> {
        Ok(Sending(queue.sender))
    }

    fn receiver<P: Payload>(queue: Queue) -> Result<Receiving<P>> {
        Ok(Receiving {
            queue: queue.receiver,
            payload: P::zeroed(),
        })
    }
}

fn create(name: &str, messages: usize, bytes: usize) -> nix::Result<MqdT> {
    let flags = MQ_OFlag::O_WRONLY | MQ_OFlag::O_CREAT | MQ_OFlag::O_EXCL;
    let attributes = MqAttr::new(0, messages as i64, bytes as i64, 0);
    mq_open(
        name,
        flags,
        Mode::S_IRUSR | Mode::S_IWUSR,
        Some(&attributes),
    )
}

/// Why there can be no messages of so many bytes, if so.
///
/// A queue for one of them is tried, for who has `CAP_SYS_RESOURCE` may exceed the limit.
fn too_long(bytes: usize) -> Option<String> {
    let name = format!("/mapring-peers-{}-{bytes}", process::id());
    let tried = create(&name, 1, bytes);
    // There is one to remove only if it was created.
    let _ = mq_unlink(name.as_str());
    if tried.err() != Some(Errno::EINVAL) {
        return None;
    }
    let limit = fs::read_to_string(format!("/proc/sys/{}", LONGEST.replace('.', "/")));
    let limit = limit.map_or("less".to_owned(), |text| text.trim_end().to_owned());
    Some(format!("messages of {bytes} bytes, {LONGEST} is {limit}"))
}

fn queue(number: &str) -> Result<MqdT> {
    let descriptor = inherited(number)?.into_raw_fd();
    // SAFETY: this process owns the descriptor, and gives it up here; on Linux, a queue is one.
    Ok(unsafe { MqdT::from_raw_fd(descriptor) })
}

struct Sending(MqdT);

impl<P: Payload> Sender<P> for Sending {
    #[inline(always)]
    fn send(&mut self, payload: &P) -> Result<()> {
        loop {
            match mq_send(&self.0, payload.bytes(), 0) {
                Err(Errno::EINTR) => {}
                result => return Ok(result?),
            }
        }
    }
}

struct Receiving<P> {
    queue: MqdT,
    payload: P,
}

impl<P: Payload> Receiver<P> for Receiving<P> {
    #[inline(always)]
    fn receive(&mut self, mut see: impl FnMut(&[u8])) -> Result<()> {
        let (into, mut priority) = (self.payload.bytes_mut(), 0);
        let length = wait_for(|| match mq_receive(&self.queue, into, &mut priority) {
            Err(Errno::EAGAIN | Errno::EINTR) => None,
            result => Some(result),
        })??;
        see(&into[..length]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_send_no_such_message_says_why() {
        assert_eq!(too_long(64), None);
        // One byte more than anybody may, whatever the limit is.
        let why = too_long((16 << 20) + 1).unwrap();
        assert!(why.starts_with("messages of 16777217 bytes, fs.mqueue.msgsize_max is "));
        assert!(!why.ends_with("less"), "{why}");
    }
}
