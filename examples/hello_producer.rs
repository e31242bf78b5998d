//! Sends three records, and waits until they were received. With its counterpart:
//!
//! ```sh
//! cargo run --example hello_consumer &
//! cargo run --example hello_producer
//! ```

use mapring::Deadline;
use mapring::spsc::Options;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    // Both make the same call; whoever comes first creates the ring.
    let ring = Options::new().create_or_open("hello")?;
    println!("{:?} {}", ring.origin(), ring.path().display());

    let mut producer = ring.producer()?;
    for (tag, word) in (1..).zip(["hello", "from", "here"]) {
        producer.send(tag, word.as_bytes(), Deadline::NEVER)?;
    }
    // The ring goes with its last user, and what was not received goes with it.
    producer.flush(Deadline::NEVER)?;
    Ok(())
}
