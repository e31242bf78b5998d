//! Where and when.

use std::fs;

use anyhow::Result;
use serde::Serialize;

/// The machine that a run took place on, and when.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    /// How many this program may use.
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    /// Programs that wanted a core in the minute before; other programs spoil figures.
    pub(crate) load: f64,
    /// Year, month and day, in UTC.
    pub(crate) date: String,
}

impl Machine {
    /// This one, now.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn new() -> Result<Self> {
        let information = fs::read_to_string("/proc/cpuinfo")?;
        let load = fs::read_to_string("/proc/loadavg")?;
        let load = load.split(' ').next().and_then(|text| text.parse().ok());
        let release = rustix::system::uname();
        Ok(Self {
            processor: model(&information),
            cores: mapring_limits::cores()?.len(),
            kernel: format!("Linux {}", release.release().to_string_lossy()),
            load: load.unwrap_or(f64::NAN),
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
        })
    }
}

/// What `/proc/cpuinfo` calls the processor; only some architectures say.
fn model(information: &str) -> String {
    let mut lines = information.lines();
    let name = lines.find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let unknown = || format!("a processor of type {}", std::env::consts::ARCH);
    name.map_or_else(unknown, |(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_found() {
        let information = "processor\t: 0\nmodel name\t: Some Processor @ 2.0 GHz\nflags\t: x\n";
        assert_eq!(model(information), "Some Processor @ 2.0 GHz");
        assert!(model("processor\t: 0\n").contains(std::env::consts::ARCH));
    }
}
