//! Tells the program which versions of its peers, and of Rust, it was built with, and compiles the
//! bridge to those of C and C++.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

const LOCK: &str = "../Cargo.lock";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    tell_versions()?;
    println!("cargo::rerun-if-changed=bridge");
    if env::var_os("CARGO_FEATURE_CPP").is_some() {
        compile_cpp()?;
    }
    if env::var_os("CARGO_FEATURE_DPDK").is_some() {
        compile_dpdk()?;
    }
    Ok(())
}

fn tell_versions() -> Result<()> {
    println!("cargo::rerun-if-changed={LOCK}");
    let lock = fs::read_to_string(LOCK).map_err(|error| format!("cannot read {LOCK}: {error}"))?;
    for (name, version) in packages(&lock) {
        // `LOCKED_crossbeam_channel` and so on; only those that this program names matter.
        let name = name.replace('-', "_");
        println!("cargo::rustc-env=LOCKED_{name}={version}");
    }
    let rustc = env::var("RUSTC").unwrap_or("rustc".to_owned());
    let text = printed(Command::new(rustc).arg("--version"))?;
    let version = text.split(' ').nth(1);
    let version = version.ok_or("rustc does not tell its version")?;
    println!("cargo::rustc-env=RUSTC_VERSION={version}");
    Ok(())
}

fn compile_cpp() -> Result<()> {
    let packages = [
        ("libboost-dev", "boost/version.hpp"),
        (
            "libconcurrentqueue-dev",
            "concurrentqueue/concurrentqueue.h",
        ),
        (
            "libreaderwriterqueue-dev",
            "readerwriterqueue/readerwriterqueue.h",
        ),
    ];
    for (package, header) in packages {
        debian(package, header)?;
    }
    let mut build = bridge();
    // GCC 12 takes the head of moodycamel's list of blocks, which is empty at first, for an overflow.
    build.flag_if_supported("-Wno-stringop-overflow");
    for file in ["boost_spsc", "boost_mq", "moodycamel"] {
        build.file(format!("bridge/{file}.cpp"));
    }
    build.compile("bridge_cpp");
    Ok(())
}

fn compile_dpdk() -> Result<()> {
    debian("libdpdk-dev", "dpdk/rte_ring.h")?;
    let flags = printed(Command::new("pkg-config").args(["--cflags", "libdpdk"]))?;
    let mut build = bridge();
    for flag in flags.split_whitespace() {
        build.flag(flag);
    }
    // Its headers use what this standard frowns upon.
    build.flag("-Wno-volatile");
    build.file("bridge/dpdk.cpp").compile("bridge_dpdk");
    println!("cargo::rustc-link-lib=rte_ring");
    Ok(())
}

fn bridge() -> cc::Build {
    let mut build = cc::Build::new();
    // As in a release: what is compared is the library, not the absence of a compiler.
    build.cpp(true).std("c++20").opt_level(3).warnings(true);
    build
}

/// Checks that a package of Debian is there, by one of its headers, and tells its version.
fn debian(package: &str, header: &str) -> Result<()> {
    if !Path::new("/usr/include").join(header).exists() {
        return Err(format!(
            "{header} is missing: install {package} (apt-get install {package}), or build without \
             the features `cpp` and `dpdk`"
        )
        .into());
    }
    let query = ["--show", "--showformat=${Version}", package];
    let version = printed(Command::new("dpkg-query").args(query));
    let version = version.unwrap_or("of unknown version".to_owned());
    let name = package.replace('-', "_");
    println!("cargo::rustc-env=DEBIAN_{name}={version}");
    Ok(())
}

/// What a command prints.
fn printed(command: &mut Command) -> Result<String> {
    let output = command.output();
    let output = output.map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} failed: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
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
