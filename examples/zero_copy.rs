//! Builds payloads in the ring itself, and reads them there.
//!
//! Only for peers that can be vouched for: a hostile one could change bytes while they
//! are borrowed. Without `trust_peers` the same methods exist, but they copy.

use mapring::spsc::Options;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let name = format!("zero-copy-{}", std::process::id());
    let ring = Options::new().create(&name)?;
    // SAFETY: this program is the ring's only user: the mode is 0600, and no other program of
    // this user knows the name. So nobody touches the bytes of its claims and records.
    let mut producer = unsafe { ring.producer()?.trust_peers() };
    // SAFETY: as above.
    let mut consumer = unsafe { ring.consumer()?.trust_peers() };

    let mut claim = producer.try_claim(1024)?;
    for (i, byte) in claim.iter_mut().enumerate() {
        *byte = i as u8;
    }
    claim.commit(0);

    consumer.drain(1, |record| {
        let sum: u32 = record.iter().map(|byte| u32::from(*byte)).sum();
        println!("{} bytes, their sum is {sum}", record.len());
    })?;
    Ok(())
}
