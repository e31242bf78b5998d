//! Lines in a plot, as an SVG element.

use std::ops::Range;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

/// Width and height; the browser scales it.
const SIZE: (u32, u32) = (900, 360);
/// Neither dark nor bright.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0x3b, 0x82, 0xc4),
    RGBColor(0xd9, 0x82, 0x2b),
    RGBColor(0x3a, 0x9b, 0x5c),
    RGBColor(0x9b, 0x6b, 0xd0),
    RGBColor(0xc8, 0x50, 0x6a),
    RGBColor(0x8a, 0x8f, 0x3c),
];
/// What the page draws in the colour of faint lines.
const FAINT: RGBColor = RGBColor(0x80, 0x80, 0x80);
/// What the page draws in the colour of its text.
const TEXT: RGBColor = BLACK;
/// Pixels of a dash, and of the space behind it.
const DASH: (u32, u32) = (6, 4);

/// Lines over an axis, on a logarithmic scale.
pub(super) struct Plot {
    pub(super) title: String,
    pub(super) across: Axis,
    pub(super) lines: Vec<Line>,
}

/// What is across.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    /// One by the share of samples that are above; shown as percentiles.
    Percentiles,
    /// Bytes, on a logarithmic scale.
    Sizes,
    /// How many producers.
    Producers,
}

/// A line through points, each so far across and so far up.
pub(super) struct Line {
    pub(super) name: String,
    colour: RGBColor,
    pub(super) is_dashed: bool,
    points: Vec<(f64, f64)>,
}

impl Line {
    /// Of a case.
    pub(super) fn solid(colour: usize, name: &str, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            colour: COLOURS[colour % COLOURS.len()],
            is_dashed: false,
            points,
        }
    }

    /// Of the limit of the case of that colour.
    pub(super) fn dashed(colour: usize, name: &str, points: Vec<(f64, f64)>) -> Self {
        Self {
            is_dashed: true,
            ..Self::solid(colour, name, points)
        }
    }
}

impl Plot {
    /// As an element of a page.
    pub(super) fn to_svg(&self) -> Result<String> {
        let mut svg = String::new();
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let drawn = match self.across {
            Axis::Percentiles | Axis::Sizes => {
                let across = range(self.lines.iter().flat_map(Line::across));
                self.draw(&root, across.log_scale())
            }
            Axis::Producers => {
                let across = range(self.lines.iter().flat_map(Line::across));
                self.draw(&root, across)
            }
        };
        // What can fail is the drawing library itself.
        drawn.map_err(|error| anyhow!("cannot draw {}: {error}", self.title))?;
        drop(root);
        Ok(svg)
    }

    fn draw<X>(
        &self,
        root: &DrawingArea<SVGBackend<'_>, Shift>,
        across: X,
    ) -> Result<(), Box<dyn std::error::Error>>
    where
        X: AsRangedCoord<Value = f64>,
        X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let up = range(self.lines.iter().flat_map(Line::up));
        // From a power of ten on, which has a label.
        let up = 10_f64.powf(up.start.log10().floor())..up.end;
        let mut chart = ChartBuilder::on(root)
            .caption(&self.title, ("sans-serif", 17, &TEXT))
            .margin(8)
            .x_label_area_size(30)
            .y_label_area_size(70)
            .build_cartesian_2d(across, up.log_scale())?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(FAINT)
            .axis_style(TEXT)
            .label_style(("sans-serif", 14, &TEXT))
            .x_label_formatter(&|at| self.across.label(*at))
            .y_label_formatter(&|at| number(*at))
            .draw()?;
        for line in &self.lines {
            let style = line.colour.stroke_width(2);
            let points = line.points.iter().copied();
            if line.is_dashed {
                let (dash, space) = DASH;
                chart.draw_series(DashedLineSeries::new(points, dash, space, style))?;
            } else {
                chart.draw_series(LineSeries::new(points, style))?;
            }
        }
        root.present()?;
        Ok(())
    }
}

impl Line {
    /// Its colour, as style sheets have it.
    pub(super) fn css_colour(&self) -> String {
        let RGBColor(red, green, blue) = self.colour;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    fn across(&self) -> impl Iterator<Item = f64> {
        self.points.iter().map(|point| point.0)
    }

    fn up(&self) -> impl Iterator<Item = f64> {
        self.points.iter().map(|point| point.1)
    }
}

/// From the least to a little more than the greatest: a range has two ends, and a logarithm no zero.
fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (least, most) = values.fold((f64::MAX, 0.0_f64), |(least, most), value| {
        (least.min(value), most.max(value))
    });
    let least = least.clamp(1e-9, 1e18);
    least..most.max(least) * 1.05
}

impl Axis {
    fn label(self, at: f64) -> String {
        match self {
            // Ten is the nine tenths that are below, a hundred the ninety-nine of a hundred.
            Self::Percentiles if is_power_of_ten(at) => {
                let percent = (100.0 - 100.0 / at).to_string();
                format!("{} %", percent.get(..8).unwrap_or(&percent))
            }
            Self::Percentiles => String::new(),
            Self::Sizes | Self::Producers => number(at),
        }
    }
}

fn is_power_of_ten(at: f64) -> bool {
    let power = at.log10();
    (power - power.round()).abs() < 1e-6
}

/// A number that may be large or small, in few characters.
fn number(at: f64) -> String {
    match at {
        1e9.. => format!("{} G", at / 1e9),
        1e6..1e9 => format!("{} M", at / 1e6),
        1e3..1e6 => format!("{} k", at / 1e3),
        _ => format!("{}", (at * 1e6).round() / 1e6),
    }
}
