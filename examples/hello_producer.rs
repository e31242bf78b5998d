//! Sends three records, and waits until they were received. With its counterpart:
//!
//! ```sh
//! cargo run --example hello_consumer &
//! cargo run --example hello_producer
//! ```
//!
//! Both take the name of the ring as an argument; without one it is `hello`.

use mapring::Deadline;
use mapring::spsc::Options;
use std::env;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).unwrap_or_else(|| "hello".to_owned());
    // Both make the same call; whoever comes first creates the ring.
    let ring = Options::new().create_or_open(&name)?;
    println!("{:?} {}", ring.origin(), ring.path().display());

    let mut producer = ring.producer()?;
    for (tag, word) in (1..).zip(["hello", "from", "here"]) {
        producer.send(tag, word.as_bytes(), Deadline::NEVER)?;
    }
    // The ring goes with its last user, and what was not received goes with it.
    producer.flush(Deadline::NEVER)?;
    Ok(())
}
