//! The other process of the demo: receives, reports and echoes.

use std::fs::File;
use std::hint;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::parent_id;
use std::time::Instant;

use anyhow::{Context, Result};
use mapring::spsc::{Consumer, Options, Producer};
use mapring::{RecvError, TryRecvError, WaitStrategy};
use mapring_limits::{FutexPingPong, PingPong};
use sha2::{Digest, Sha256};

use crate::args::DemoPeerArgs;
use crate::spin::{receive, send};

use super::link::{BACK, PING, PONG, THERE};
use super::message::{
    BLOCK, Block, ECHO, END, HASHED, LONGEST, READY, REPORT, ROUND, Report, SLEEPING_BLOCK,
};
use super::wait::{PATIENCE, asleep, in_time};

/// Longest batch, in records.
const BATCH: usize = 256;

/// Serves until the first process leaves.
pub(crate) fn run(args: &DemoPeerArgs) -> Result<()> {
    if let Some(core) = args.core {
        mapring_limits::pin(core).with_context(|| format!("cannot run on core {core}"))?;
    }
    let parent = parent_id();
    let file_of_futexes = File::options().read(true).write(true).open(&args.futexes);
    let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let options = Options::new().prefault(true);
    let ring = |direction| options.open(&format!("{}-{direction}", args.name));
    let mut server = Server {
        there: ring(THERE)?.consumer()?,
        back: ring(BACK)?.producer()?,
        ping: ring(PING)?.consumer()?,
        pong: ring(PONG)?.producer()?,
        raw: PingPong::new(&file)?,
        futexes: FutexPingPong::new(&file_of_futexes.context("cannot open the futexes")?)?,
        parent,
    };
    // Who polls does not wait in a blocking call, so this is for the others.
    server.ping.set_wait_strategy(WaitStrategy::LowCpu);
    server.back.send(READY, &[], PATIENCE)?;
    server.serve()
}

struct Server {
    there: Consumer,
    back: Producer,
    ping: Consumer,
    pong: Producer,
    raw: PingPong,
    futexes: FutexPingPong,
    parent: u32,
}

impl Server {
    fn serve(&mut self) -> Result<()> {
        let mut report = Report::default();
        let mut hash = Sha256::new();
        let mut buffer = vec![0; LONGEST];
        loop {
            // Whatever asks for an answer is the last record, as the sender waits for it.
            let mut question = None;
            let drained = self.there.drain(BATCH, |record| {
                let len = record.copy_to(&mut buffer);
                match record.tag() {
                    END | BLOCK | SLEEPING_BLOCK => question = Some((record.tag(), len)),
                    tag => {
                        report.records += 1;
                        report.bytes += len as u64;
                        if tag == HASHED {
                            hash.update(&buffer[..len]);
                        } else {
                            hint::black_box(&buffer[..len]);
                        }
                    }
                }
            });
            match (drained, question) {
                (Err(TryRecvError::Empty), _) => match self.there.wait(PATIENCE) {
                    Ok(()) => {}
                    Err(RecvError::Disconnected) => return Ok(()),
                    Err(error) => return Err(error).context("the first process is gone"),
                },
                (Err(TryRecvError::Disconnected), _) => return Ok(()),
                (Err(error), _) => return Err(error.into()),
                (Ok(_), Some((END, _))) => {
                    report.digest = hash.finalize_reset().into();
                    self.back.send(REPORT, &report.to_bytes(), PATIENCE)?;
                    report = Report::default();
                }
                (Ok(_), Some((BLOCK, len))) => self.answer(Block::from_bytes(&buffer[..len])?)?,
                (Ok(_), Some((_, len))) => {
                    self.answer_asleep(Block::from_bytes(&buffer[..len])?)?;
                }
                (Ok(_), None) => {}
            }
        }
    }

    /// Answers so many rounds of the bare cache line, then as many through the rings.
    fn answer(&mut self, block: Block) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        for round in block.first..block.first + block.rounds {
            self.raw.pong(round, deadline)?;
        }
        let mut payload = [0; ECHO];
        for _ in 0..block.rounds {
            receive(&mut self.ping, &mut payload, || in_time(deadline))?;
            send(&mut self.pong, ROUND, &payload, || in_time(deadline))?;
        }
        Ok(())
    }

    /// Answers so many rounds of the bare futexes, then as many through the rings, and
    /// sleeps between two of them.
    fn answer_asleep(&mut self, block: Block) -> Result<()> {
        let mut rounds = block.first..block.first + block.rounds;
        let bare = || rounds.try_for_each(|round| self.futexes.pong(round as u32));
        asleep(|| parent_id() == self.parent, bare)?;
        let mut payload = [0; ECHO];
        for _ in 0..block.rounds {
            self.ping.recv(&mut payload, PATIENCE)?;
            self.pong.send(ROUND, &payload, PATIENCE)?;
        }
        Ok(())
    }
}
