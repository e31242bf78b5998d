//! Tells the program which versions of its peers, and of Rust, it was built with.

use std::error::Error;
use std::process::Command;
use std::{env, fs};

const LOCK: &str = "../Cargo.lock";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={LOCK}");
    let lock = fs::read_to_string(LOCK).map_err(|error| format!("cannot read {LOCK}: {error}"))?;
    for (name, version) in packages(&lock) {
        // `LOCKED_crossbeam_channel` and so on; only those that this program names matter.
        let name = name.replace('-', "_");
        println!("cargo::rustc-env=LOCKED_{name}={version}");
    }
    let rustc = env::var("RUSTC").unwrap_or("rustc".to_owned());
    let output = Command::new(rustc).arg("--version").output()?;
    let text = String::from_utf8(output.stdout)?;
    let version = text
        .split(' ')
        .nth(1)
        .ok_or("rustc does not tell its version")?;
    println!("cargo::rustc-env=RUSTC_VERSION={version}");
    Ok(())
}

/// The names and versions of all packages, each on lines like `name = "rtrb"`.
fn packages(lock: &str) -> impl Iterator<Item = (&str, &str)> {
    lock.split("[[package]]").filter_map(|package| {
        let field = |name: &str| {
            let value = package.lines().find_map(|line| line.strip_prefix(name))?;
            value.strip_prefix(" = \"")?.strip_suffix('"')
        };
        Some((field("name")?, field("version")?))
    })
}
