//! What the exit code says.

use std::fmt;
use std::process::ExitCode;

use anyhow::Error;
use mapring::{AttachError, Corrupt, OpenError, RecvError, SendError, TryRecvError, TrySendError};

use crate::interrupt::Interrupted;

/// Told by `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  everything was sent, and received and written out by the other side
  1  an error that is none of the following
  2  wrong usage
  3  the other side died, or left before it was done; with --mpsc, one of the senders did
  4  --timeout: nothing moved for so long
  5  the region is corrupt
130  interrupted (SIGINT, SIGTERM or SIGHUP); a second signal ends it at once";

const ERROR: u8 = 1;
const USAGE: u8 = 2;
const PEER_GONE: u8 = 3;
const TIMED_OUT: u8 = 4;
const CORRUPT: u8 = 5;
/// What shells say of a command that SIGINT has ended.
const INTERRUPTED: u8 = 130;

/// Some senders have not sent everything: they died, or gave up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SendersDied {
    /// Their processes.
    pub(crate) pids: Vec<u32>,
}

impl fmt::Display for SendersDied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pids.as_slice() {
            [pid] => write!(f, "the sender, process {pid}, has died")?,
            pids => {
                let pids: Vec<_> = pids.iter().map(u32::to_string).collect();
                write!(f, "the senders, processes {}, have died", pids.join(", "))?;
            }
        }
        f.write_str(" before it was done: not everything arrived")
    }
}

impl std::error::Error for SendersDied {}

/// What was asked for cannot be, for a reason that only shows when it is seen together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrongUsage(pub(crate) String);

impl fmt::Display for WrongUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongUsage {}

/// The code that goes with the first cause that has one.
pub(crate) fn code_of(error: &Error) -> ExitCode {
    let code = error.chain().find_map(|cause| {
        if cause.is::<Corrupt>() {
            Some(CORRUPT)
        } else if cause.is::<Interrupted>() {
            Some(INTERRUPTED)
        } else if cause.is::<SendersDied>() {
            Some(PEER_GONE)
        } else if cause.is::<WrongUsage>() {
            Some(USAGE)
        } else if let Some(error) = cause.downcast_ref::<SendError>() {
            code_of_send(error)
        } else if let Some(error) = cause.downcast_ref::<RecvError>() {
            code_of_recv(error)
        } else if let Some(error) = cause.downcast_ref::<TryRecvError>() {
            matches!(error, TryRecvError::Corrupt(_)).then_some(CORRUPT)
        } else if let Some(error) = cause.downcast_ref::<TrySendError>() {
            matches!(error, TrySendError::Corrupt(_)).then_some(CORRUPT)
        } else if let Some(error) = cause.downcast_ref::<AttachError>() {
            matches!(error, AttachError::Corrupt(_)).then_some(CORRUPT)
        } else if let Some(error) = cause.downcast_ref::<OpenError>() {
            matches!(error, OpenError::Name { .. } | OpenError::Options { .. }).then_some(USAGE)
        } else {
            None
        }
    });
    ExitCode::from(code.unwrap_or(ERROR))
}

fn code_of_send(error: &SendError) -> Option<u8> {
    match error {
        SendError::TimedOut => Some(TIMED_OUT),
        SendError::Disconnected | SendError::PeerDied { .. } => Some(PEER_GONE),
        SendError::Corrupt(_) => Some(CORRUPT),
        _ => None,
    }
}

fn code_of_recv(error: &RecvError) -> Option<u8> {
    match error {
        RecvError::TimedOut => Some(TIMED_OUT),
        RecvError::Disconnected | RecvError::PeerDied { .. } => Some(PEER_GONE),
        RecvError::Corrupt(_) => Some(CORRUPT),
        _ => None,
    }
}
