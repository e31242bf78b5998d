//! The picture: six panels of bars, on logarithmic scales.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::table::{Cell, cell, number};
use crate::question::{Mode, Question};
use crate::results::Results;

const SIZE: (u32, u32) = (1200, 1500);

/// A bar: whose it is, how long, and its color.
struct Bar {
    name: String,
    value: f64,
    color: RGBColor,
}

/// Draws all of it into `file`.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn draw(results: &Results, file: &Path) -> Result<()> {
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    fill(results, &root).map_err(|error| anyhow!("{error}"))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn fill(results: &Results, root: &Area<'_>) -> Drawn {
    root.fill(&WHITE)?;
    let machine = &results.machine;
    let heading = format!(
        "{}, {} cores, {}: red mapring, black the raw limit, blue between processes, grey between threads",
        machine.processor, machine.cores, machine.date
    );
    let root = root.titled(&heading, ("sans-serif", 16))?;
    let panels: [(&str, &[Question]); 6] = [
        (
            "round trip, 64 bytes, polling: nanoseconds",
            &[Question::RoundTrip { bytes: 64 }],
        ),
        (
            "round trip, 64 bytes, asleep: nanoseconds",
            &[Question::Asleep],
        ),
        ("8 bytes, best mode: million a second", &modes(8)),
        ("64 bytes, best mode: million a second", &modes(64)),
        ("16 KiB, best mode: million a second", &modes(16384)),
        (
            "64 bytes, 4 producers: million a second",
            &[Question::ManyToOne { producers: 4 }],
        ),
    ];
    for (area, (title, questions)) in root.split_evenly((3, 2)).iter().zip(panels) {
        let bars = bars(results, questions);
        if !bars.is_empty() {
            panel(area, title, &bars)?;
        }
    }
    root.present()?;
    Ok(())
}

fn modes(bytes: usize) -> [Question; 3] {
    [Mode::Single, Mode::Drain, Mode::Batch].map(|mode| Question::Stream { bytes, mode })
}

/// The best answer of each contestant to one of these questions, the best contestant last, which is
/// at the top.
fn bars(results: &Results, questions: &[Question]) -> Vec<Bar> {
    let is_time = questions.iter().all(|question| question.is_round_trip());
    let mut bars = Vec::new();
    for entry in &results.entries {
        let answers =
            questions
                .iter()
                .filter_map(|question| match cell(results, entry, *question) {
                    Cell::Figure { spread, .. } => Some(spread.median),
                    Cell::None | Cell::Cannot | Cell::Failed => None,
                });
        let Some(value) = answers.max_by(f64::total_cmp) else {
            continue;
        };
        let color = match entry.name {
            name if name.starts_with("mapring") => RGBColor(200, 40, 40),
            "raw limit" => BLACK,
            _ if entry.between_processes => RGBColor(60, 100, 190),
            _ => RGBColor(150, 150, 150),
        };
        bars.push(Bar {
            name: entry.name.to_owned(),
            value,
            color,
        });
    }
    bars.sort_by(|one, other| one.value.total_cmp(&other.value));
    if is_time {
        bars.reverse();
    }
    bars
}

fn panel(area: &Area<'_>, title: &str, bars: &[Bar]) -> Drawn {
    let values = || bars.iter().map(|bar| bar.value);
    let least = values().fold(f64::INFINITY, f64::min) / 2.0;
    let most = values().fold(0.0, f64::max) * 3.0;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 15))
        .margin(8)
        .x_label_area_size(22)
        .y_label_area_size(140)
        .build_cartesian_2d((least..most).log_scale(), (0..bars.len()).into_segmented())?;
    let name = |place: &SegmentValue<usize>| match place {
        SegmentValue::CenterOf(index) => bars.get(*index).map(|bar| bar.name.clone()),
        _ => None,
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .y_labels(bars.len())
        .y_label_formatter(&|place| name(place).unwrap_or_default())
        .x_label_formatter(&|value| number(*value))
        .draw()?;
    chart.draw_series(bars.iter().enumerate().map(|(index, bar)| {
        let corners = [
            (least, SegmentValue::Exact(index)),
            (bar.value, SegmentValue::Exact(index + 1)),
        ];
        let mut rectangle = Rectangle::new(corners, bar.color.filled());
        rectangle.set_margin(2, 2, 0, 0);
        rectangle
    }))?;
    chart.draw_series(bars.iter().enumerate().map(|(index, bar)| {
        let place = (bar.value, SegmentValue::CenterOf(index));
        EmptyElement::at(place)
            + Text::new(number(bar.value), (4, -6), ("sans-serif", 12).into_font())
    }))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::results;
    use super::*;

    #[test]
    fn the_picture_names_who_answered() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plot.svg");
        draw(&results(), &file).unwrap();
        let picture = std::fs::read_to_string(file).unwrap();
        assert!(picture.contains("<svg") && picture.contains("</svg>"));
        assert!(picture.matches("\nother\n").count() == 2, "{picture}");
        assert!(picture.contains("150") && picture.contains("2026-01-02"));
    }

    #[test]
    fn the_best_is_at_the_top() {
        let names = |questions: &[Question]| {
            let bars = bars(&results(), questions).into_iter();
            bars.map(|bar| bar.name).collect::<Vec<_>>()
        };
        let fastest_last = ["other", "raw limit"];
        assert_eq!(names(&[Question::RoundTrip { bytes: 64 }]), fastest_last);
        assert_eq!(names(&modes(64)), fastest_last);
    }
}
