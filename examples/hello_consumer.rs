//! Receives until the producer has left. With its counterpart:
//!
//! ```sh
//! cargo run --example hello_consumer &
//! cargo run --example hello_producer
//! ```
//!
//! Both take the name of the ring as an argument; without one it is `hello`.

use mapring::spsc::Options;
use mapring::{Deadline, RecvError};
use std::env;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).unwrap_or_else(|| "hello".to_owned());
    // Both make the same call; whoever comes first creates the ring.
    let ring = Options::new().create_or_open(&name)?;
    println!("{:?} {}", ring.origin(), ring.path().display());

    let mut consumer = ring.consumer()?;
    let mut payload = Vec::new();
    loop {
        match consumer.recv(&mut payload, Deadline::NEVER) {
            Ok(received) => println!("{}: {}", received.tag, String::from_utf8_lossy(&payload)),
            Err(RecvError::Disconnected) => return Ok(()),
            // The producer was killed, for example: all that it had sent was printed.
            Err(error) => return Err(error.into()),
        }
    }
}
