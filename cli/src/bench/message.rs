//! What the processes of a benchmark say to each other, outside of what is measured: a line each.

use std::io::{BufRead, Write};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::part::{Outcome, Part, Turn};

/// What the first process says to another one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Command {
    /// Open this; parts are numbered from 0. To be answered with [`Answer::Ready`].
    Open(Part),
    /// Play the part of that number. To be answered twice: [`Answer::Playing`], [`Answer::Played`].
    Play { part: usize, turn: Turn },
    /// Close all parts, and number those that come from 0. To be answered with [`Answer::Ready`].
    Close,
}

/// What another process answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// It is done.
    Ready,
    /// It begins now.
    Playing,
    /// What came of it.
    Played(Outcome),
    /// It went wrong, and the process ends.
    Failed { message: String },
}

/// Writes a message.
pub(crate) fn write(to: &mut impl Write, message: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()?;
    Ok(())
}

/// Reads a message; none if there will be no more.
pub(crate) fn read<M: DeserializeOwned>(from: &mut impl BufRead) -> Result<Option<M>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let message = serde_json::from_str(&line).context("cannot understand a message")?;
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_one_by_one() {
        let mut pipe = Vec::new();
        let turn = Turn {
            begin: u64::MAX,
            time: 1,
            gap: 2,
        };
        write(&mut pipe, &Command::Play { part: 3, turn }).unwrap();
        write(&mut pipe, &Command::Close).unwrap();
        let from = &mut pipe.as_slice();
        let first = read(from).unwrap();
        assert!(matches!(first, Some(Command::Play { part: 3, turn: same }) if same == turn));
        assert!(matches!(read(from).unwrap(), Some(Command::Close)));
        assert!(read::<Command>(from).unwrap().is_none());
        assert!(read::<Command>(&mut b"no message\n".as_slice()).is_err());
    }
}
