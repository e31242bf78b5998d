//! The shape of a benchmark's results, as `docs/bench-json.md` has it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Where the shape is described.
const DOCUMENT: &str = include_str!("../../../docs/bench-json.md");

const UNITS: [&str; 5] = ["ns", "records/s", "bytes/s", "operations/s", "ratio"];

/// The whole text, as one object.
#[track_caller]
pub(crate) fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// The names of all cases.
pub(crate) fn cases(results: &Value) -> Vec<&str> {
    let cases = results["cases"].as_array().expect("cases");
    cases.iter().map(|case| text(&case["name"])).collect()
}

/// The names of a case's figures.
pub(crate) fn figures(case: &Value) -> Vec<&str> {
    let figures = case["figures"].as_array().expect("figures");
    figures.iter().map(|figure| text(&figure["name"])).collect()
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// Checks everything that the document promises.
#[track_caller]
pub(crate) fn check(results: &Value) {
    assert_eq!(results["schema"], "mapring-bench");
    assert_eq!(results["version"], 1);
    assert_eq!(results["mapring"], env!("CARGO_PKG_VERSION"));
    assert!(results["started_s"].as_u64() > Some(1_700_000_000));
    assert!(results["machine"]["cores"].as_u64() > Some(0));
    let rounds = results["settings"]["rounds"].as_u64().expect("rounds") as usize;
    let mut names = BTreeSet::new();
    for case in results["cases"].as_array().expect("cases") {
        let name = (text(&case["question"]), text(&case["name"]));
        assert!(names.insert(name), "{name:?} is there twice");
        assert!(text(&case["limit"]).starts_with("bare "), "{case}");
        check_figures(case, rounds);
        if let Some(distribution) = case.get("distribution") {
            check_distribution(distribution);
        }
    }
    let mut keys = BTreeSet::new();
    collect_keys(results, &mut keys);
    for key in keys {
        assert!(
            DOCUMENT.contains(&format!("`{key}`")),
            "{key} is not documented"
        );
    }
}

#[track_caller]
fn check_figures(case: &Value, rounds: usize) {
    for figure in case["figures"].as_array().expect("figures") {
        let name = text(&figure["name"]);
        assert!(
            DOCUMENT.contains(&format!("`{name}`")),
            "{name} is not documented"
        );
        let unit = text(&figure["unit"]);
        assert!(UNITS.contains(&unit), "{unit}");
        let better = if unit == "ns" { "less" } else { "more" };
        assert_eq!(figure["better"], better, "{figure}");
        let value = spread(&figure["value"], rounds);
        // What is a ratio already has neither.
        assert_eq!(figure.get("limit").is_none(), unit == "ratio", "{figure}");
        assert_eq!(figure.get("ratio").is_none(), unit == "ratio", "{figure}");
        if unit != "ratio" {
            let limit = spread(&figure["limit"], rounds);
            let ratio = spread(&figure["ratio"], rounds);
            for round in 0..rounds {
                let expected = value[round] / limit[round];
                assert!((ratio[round] / expected - 1.0).abs() < 1e-9, "{figure}");
            }
        }
    }
}

/// The rounds of a spread, of which the rest is checked.
#[track_caller]
fn spread(spread: &Value, rounds: usize) -> Vec<f64> {
    let number = |value: &Value| value.as_f64().expect("a number");
    let all: Vec<_> = spread["rounds"]
        .as_array()
        .expect("rounds")
        .iter()
        .map(number)
        .collect();
    assert_eq!(all.len(), rounds, "{spread}");
    assert!(
        all.iter().all(|figure| figure.is_finite() && *figure > 0.0),
        "{spread}"
    );
    let mut sorted = all.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = (sorted[(rounds - 1) / 2] + sorted[rounds / 2]) / 2.0;
    for (name, expected) in [
        ("min", sorted[0]),
        ("median", middle),
        ("max", sorted[rounds - 1]),
    ] {
        let found = number(&spread[name]);
        assert!(
            (found - expected).abs() <= 1e-9 * expected,
            "{name} of {spread}"
        );
    }
    all
}

#[track_caller]
fn check_distribution(distribution: &Value) {
    assert_eq!(distribution["unit"], "ns");
    for samples in ["samples", "limit_samples"] {
        assert!(distribution[samples].as_u64() > Some(0), "{distribution}");
    }
    let points = distribution["points"].as_array().expect("points");
    let rises = |name: &str| {
        let all = points
            .iter()
            .map(|point| point[name].as_f64().expect("a number"));
        all.collect::<Vec<_>>().is_sorted()
    };
    assert!(
        rises("percentile") && rises("value") && rises("limit"),
        "{distribution}"
    );
    assert_eq!(points.last().expect("a point")["percentile"], 100.0);
}

fn collect_keys(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            let fields: &Map<String, Value> = fields;
            for (key, value) in fields {
                keys.insert(key.clone());
                collect_keys(value, keys);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        _ => {}
    }
}
