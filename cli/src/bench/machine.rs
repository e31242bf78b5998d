//! The machine that figures are of.

use std::env;
use std::fs;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

/// What is known of the machine. What the system does not say is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Machine {
    /// The model of its processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cpu: Option<String>,
    pub(super) architecture: String,
    /// Cores that this process may run on.
    pub(super) cores: usize,
    /// The version of Linux.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kernel: Option<String>,
    /// Whether the processor says that it is a virtual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) is_virtual: Option<bool>,
    /// How the frequency of the first core is governed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) governor: Option<String>,
    /// Processes that ran or wanted to, on average over a minute, before it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) load: Option<f64>,
}

impl Machine {
    /// The one that this runs on.
    pub(super) fn look() -> Result<Self> {
        let cores = mapring_limits::cores()?;
        let cpuinfo = read("/proc/cpuinfo").unwrap_or_default();
        let governor = cores
            .first()
            .map(|core| format!("/sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor"));
        let load = read("/proc/loadavg");
        Ok(Self {
            cpu: field(&cpuinfo, &["model name", "Model", "cpu model", "uarch"]),
            architecture: env::consts::ARCH.to_owned(),
            cores: cores.len(),
            kernel: read("/proc/sys/kernel/osrelease"),
            is_virtual: field(&cpuinfo, &["flags"])
                .map(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor")),
            governor: governor.and_then(read),
            load: load.and_then(|load| load.split(' ').next()?.parse().ok()),
        })
    }

    /// In one line.
    pub(super) fn summary(&self) -> String {
        let mut parts = vec![
            self.cpu.clone().unwrap_or("unknown processor".to_owned()),
            self.architecture.clone(),
            format!(
                "{} core{}",
                self.cores,
                if self.cores == 1 { "" } else { "s" }
            ),
        ];
        if self.is_virtual == Some(true) {
            parts.push("virtual".to_owned());
        }
        if let Some(governor) = &self.governor {
            parts.push(format!("governor {governor}"));
        }
        if let Some(kernel) = &self.kernel {
            parts.push(format!("Linux {kernel}"));
        }
        if let Some(load) = self.load {
            parts.push(format!("load {load:.1}"));
        }
        parts.join(", ")
    }
}

fn read(path: impl AsRef<Path>) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned())
}

/// What stands behind the first of these names that there is, in lines like `name : value`.
fn field(text: &str, names: &[&str]) -> Option<String> {
    let value_of = |name: &str| {
        text.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(found, _)| found.trim() == name)
            .map(|(_, value)| value.trim().to_owned())
    };
    names.iter().find_map(|name| value_of(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text =
            "processor\t: 0\nmodel\t\t: 1\nmodel name\t: AMD: EPYC\nflags : fpu hypervisor\n";
        assert_eq!(field(text, &["model name"]).unwrap(), "AMD: EPYC");
        assert_eq!(field(text, &["Model", "model"]).unwrap(), "1");
        assert_eq!(field(text, &["name"]), None);
    }

    #[test]
    fn this_one_has_cores_and_a_kernel() {
        let machine = Machine::look().unwrap();
        assert!(machine.cores > 0 && machine.kernel.is_some());
        let summary = machine.summary();
        assert!(summary.contains(env::consts::ARCH) && summary.contains("Linux "));
    }
}
