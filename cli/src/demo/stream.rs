//! How much goes through in one direction.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use indicatif::{BinaryBytes, DecimalBytes, HumanCount};
use sha2::{Digest, Sha256};

use super::link::Link;
use super::message::{END, HASHED, PLAIN};
use super::wait::PATIENCE;

/// Length of the file's records.
pub(crate) const CHUNK: usize = 16 << 10;
/// Lengths of records that are measured on their own.
const SIZES: [usize; 5] = [8, 64, 512, 4 << 10, 64 << 10];
/// The clock is read once in so many bytes.
const CLOCK_EVERY: usize = 256 << 10;

/// Streams the file twice: as fast as it goes, then with hashes to compare.
pub(crate) fn file(
    link: &mut Link,
    out: &mut impl Write,
    content: &[u8],
    bytes: u64,
) -> Result<()> {
    let passes = bytes.div_ceil(content.len() as u64);
    let total = passes * content.len() as u64;
    writeln!(
        out,
        "  sent      {} times {} = {}",
        HumanCount(passes),
        BinaryBytes(content.len() as u64),
        BinaryBytes(total)
    )?;
    let start = Instant::now();
    for _ in 0..passes {
        for chunk in content.chunks(CHUNK) {
            link.there.send(PLAIN, chunk, PATIENCE)?;
        }
    }
    let elapsed = end(link, start, total)?.0;
    writeln!(out, "  plain     {}", Rate(total, elapsed))?;

    let mut hash = Sha256::new();
    let start = Instant::now();
    for _ in 0..passes {
        for chunk in content.chunks(CHUNK) {
            link.there.send(HASHED, chunk, PATIENCE)?;
            hash.update(chunk);
        }
    }
    let (elapsed, received) = end(link, start, total)?;
    writeln!(
        out,
        "  hashed    {} (again, SHA-256 on both sides)",
        Rate(total, elapsed)
    )?;
    let (sent, received) = (hex(&hash.finalize()), hex(&received));
    writeln!(out, "  sender    {sent}\n  receiver  {received}")?;
    ensure!(
        sent == received,
        "the receiver has other bytes than the sender"
    );
    writeln!(out, "  the same bytes on both sides")?;
    Ok(())
}

/// Streams records of several sizes, each for its share of `time`.
pub(crate) fn sizes(link: &mut Link, out: &mut impl Write, time: Duration) -> Result<()> {
    writeln!(out, "       bytes         records/s       payload/s")?;
    for size in SIZES {
        let payload = vec![0x5a; size];
        let share = time / SIZES.len() as u32;
        let mut records = 0;
        let start = Instant::now();
        while records == 0 || start.elapsed() < share {
            for _ in 0..CLOCK_EVERY / size {
                link.there.send(PLAIN, &payload, PATIENCE)?;
                records += 1;
            }
        }
        let bytes = records * size as u64;
        let elapsed = end(link, start, bytes)?.0;
        let records_a_second = (records as f64 / elapsed.as_secs_f64()) as u64;
        writeln!(
            out,
            "  {:>10} {:>17} {:>15}",
            HumanCount(size as u64).to_string(),
            HumanCount(records_a_second).to_string(),
            Rate(bytes, elapsed).to_string(),
        )?;
    }
    Ok(())
}

/// Ends a stream. Returns how long it took until the receiver had all of it, and its hash.
fn end(link: &mut Link, start: Instant, bytes: u64) -> Result<(Duration, [u8; 32])> {
    link.there.send(END, &[], PATIENCE)?;
    let report = link.report()?;
    let elapsed = start.elapsed();
    ensure!(
        report.bytes == bytes,
        "the receiver got {} bytes, not {bytes}",
        report.bytes
    );
    Ok((elapsed, report.digest))
}

/// Bytes in a time, shown as bytes a second.
struct Rate(u64, Duration);

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let a_second = self.0 as f64 / self.1.as_secs_f64().max(1e-9);
        write!(f, "{}/s", DecimalBytes(a_second as u64))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
