//! The results as a page, which needs no other file.

mod plot;

use anyhow::Result;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::plan::list;
use super::report::{Case, Distribution, Figure, Report};
use super::table::{ratio, shown, title};
use crate::args::Question;

use plot::{Axis, Line, Plot};

/// Plots are legible on either background: their lines have colours of a middle brightness, and the
/// rest the colour of the text.
const STYLE: &str = "
:root { color-scheme: light dark; --text: #1c1f24; --faint: #6a7280; --line: #d5d9e0; --page: #ffffff }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e7ec; --faint: #98a1af; --line: #39404b; --page: #15181d }
}
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: var(--text);
  background: var(--page); font: 1rem/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem } h2 { margin-top: 3rem; font-size: 1.2rem } h3 { font-size: 1rem }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums }
th, td { padding: .15rem .8rem .15rem 0; text-align: right; vertical-align: top }
th:first-child, td:first-child { text-align: left }
tr.case th { padding-top: .8rem; text-align: left } thead th { color: var(--faint) }
.faint { color: var(--faint) } .note { border-left: 3px solid #d9822b; padding-left: .8rem }
figure { margin: 1.5rem 0 } figcaption { display: flex; flex-wrap: wrap; gap: .2rem 1.5rem; font-size: .85rem }
figcaption i { display: inline-block; width: 2rem; margin-right: .5rem; vertical-align: middle }
svg { width: 100%; height: auto; color: var(--text) }
svg text { fill: currentColor }
svg [stroke='#000000'] { stroke: currentColor } svg [stroke='#808080'] { stroke: var(--line) }
";

/// The whole page.
pub(super) fn page(report: &Report) -> Result<String> {
    let mut sections = Vec::new();
    for question in &report.settings.questions {
        sections.push(section(report, *question)?);
    }
    let settings = &report.settings;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "mapring bench" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "mapring " (report.mapring) }
                p { (report.machine.summary()) }
                p {
                    "Rings of " (settings.capacity_bytes) " bytes; processes on cores "
                    (list(&settings.cores)) ", in this order. Medians of " (settings.rounds)
                    " rounds of " (settings.duration_s) " s each, and the least and greatest of them. \
                    Limits were measured in the same rounds, between the same processes; each ratio \
                    is of one round."
                }
                @for note in &report.notes { p.note { (note) } }
                @for section in sections { (section) }
            }
        }
    };
    Ok(page.into_string())
}

fn section(report: &Report, question: Question) -> Result<Markup> {
    let cases = report.cases.iter();
    let cases: Vec<_> = cases.filter(|case| case.question == question).collect();
    let mut figures = Vec::new();
    for plot in plots_of(question, &cases) {
        figures.push(figure(&plot)?);
    }
    Ok(html! {
        h2 { (title(question)) }
        @for figure in figures { (figure) }
        table {
            thead { tr {
                th { "figure" } th { "mapring" } th { "min" } th { "max" } th { "limit" }
                th { "ratio" }
            } }
            tbody { @for case in cases { (rows(case)) } }
        }
    })
}

/// A plot, and what its lines are.
fn figure(plot: &Plot) -> Result<Markup> {
    let svg = plot.to_svg()?;
    let style = |line: &Line| {
        let kind = if line.is_dashed { "dashed" } else { "solid" };
        format!("border-top: 2px {kind} {}", line.css_colour())
    };
    Ok(html! { figure {
        (PreEscaped(svg))
        figcaption {
            @for line in &plot.lines {
                span { i style=(style(line)) {} (line.name) }
            }
        }
    } })
}

fn rows(case: &Case) -> Markup {
    html! {
        tr.case { th colspan="6" { (case.name) span.faint { " beside " (case.limit) } } }
        @for figure in &case.figures { (row(figure)) }
        @if let Some(note) = &case.note { tr { td colspan="6" { (note) } } }
        @if let Some(distribution) = &case.distribution {
            tr { td.faint colspan="6" {
                (distribution.samples) " samples, and " (distribution.limit_samples) " of the limit"
            } }
        }
    }
}

fn row(figure: &Figure) -> Markup {
    let value = &figure.value;
    html! { tr {
        td { (figure.name) }
        td { (shown(value.median, figure.unit)) }
        td { (shown(value.min, figure.unit)) }
        td { (shown(value.max, figure.unit)) }
        td { @if let Some(limit) = &figure.limit { (shown(limit.median, figure.unit)) } }
        td { @if let Some(of) = &figure.ratio { (ratio(of)) } }
    } }
}

fn plots_of(question: Question, cases: &[&Case]) -> Vec<Plot> {
    match question {
        Question::Rtt | Question::Wake | Question::Open => percentiles(cases),
        Question::Throughput => vec![
            by_size(cases, "records", "million records a second"),
            by_size(cases, "bytes", "million bytes a second"),
        ],
        Question::Mpsc => by_producers(cases),
    }
}

/// A plot for each size of payload, there and back or one way: times by percentile, of the cases and
/// their limits.
fn percentiles(cases: &[&Case]) -> Vec<Plot> {
    let mut plots = Vec::new();
    let kind = |case: &Case| (case.payload_bytes, case.figure("sent").is_some());
    for cases in cases.chunk_by(|one, other| kind(one) == kind(other)) {
        let mut lines = Vec::new();
        for (colour, case) in cases.iter().enumerate() {
            let Some(distribution) = &case.distribution else {
                continue;
            };
            let (own, limit) = curves(distribution);
            lines.push(Line::solid(colour, &case.name, own));
            lines.push(Line::dashed(colour, &case.limit, limit));
        }
        plots.push(Plot {
            title: "nanoseconds, by percentile".to_owned(),
            across: Axis::Percentiles,
            lines,
        });
    }
    plots
}

/// A point of a line.
type At = (f64, f64);

/// The times of a case and of its limit. Across is one by the share that took longer.
fn curves(distribution: &Distribution) -> (Vec<At>, Vec<At>) {
    let across = |percentile: f64, samples: u64| {
        let samples = samples.max(1) as f64;
        (1.0 / (1.0 - percentile / 100.0).max(1.0 / samples)).min(samples)
    };
    let points = &distribution.points;
    let own = |samples| {
        points
            .iter()
            .map(move |at| (across(at.percentile, samples), at.value))
    };
    let limit = |samples| {
        points
            .iter()
            .map(move |at| (across(at.percentile, samples), at.limit))
    };
    (
        own(distribution.samples).collect(),
        limit(distribution.limit_samples).collect(),
    )
}

/// Rates by size: single sends, batches and the limit.
fn by_size(cases: &[&Case], figure: &str, unit: &str) -> Plot {
    let is_single = |case: &&Case| case.batch == Some(1);
    let (single, batches): (Vec<&Case>, Vec<&Case>) = cases.iter().copied().partition(is_single);
    let points = |cases: &[&Case], of: fn(&Figure) -> Option<f64>| {
        let point = |case: &&Case| {
            let size = case.payload_bytes? as f64;
            Some((size, of(case.figure(figure)?)? / 1e6))
        };
        cases.iter().filter_map(point).collect::<Vec<_>>()
    };
    let value: fn(&Figure) -> Option<f64> = |figure| Some(figure.value.median);
    let limit: fn(&Figure) -> Option<f64> = |figure| Some(figure.limit.as_ref()?.median);
    let name = single.first().map_or("limit", |case| &case.limit);
    Plot {
        title: format!("{unit}, by bytes of payload"),
        across: Axis::Sizes,
        lines: vec![
            Line::solid(0, "single sends", points(&single, value)),
            Line::solid(1, "batches", points(&batches, value)),
            Line::dashed(0, name, points(&single, limit)),
        ],
    }
}

/// A plot for each size of payload: rates by how many producers there are.
fn by_producers(cases: &[&Case]) -> Vec<Plot> {
    let mut plots = Vec::new();
    for cases in cases.chunk_by(|one, other| one.payload_bytes == other.payload_bytes) {
        let points = |of: fn(&Figure) -> Option<f64>| {
            let point = |case: &&Case| {
                let producers = f64::from(case.producers?);
                Some((producers, of(case.figure("records")?)? / 1e6))
            };
            cases.iter().filter_map(point).collect::<Vec<_>>()
        };
        let size = cases[0].payload_bytes.unwrap_or_default();
        plots.push(Plot {
            title: format!("million records of {size} bytes a second, by producers"),
            across: Axis::Producers,
            lines: vec![
                Line::solid(0, "mapring", points(|figure| Some(figure.value.median))),
                Line::dashed(
                    0,
                    &cases[0].limit,
                    points(|figure| Some(figure.limit.as_ref()?.median)),
                ),
            ],
        });
    }
    plots
}
