//! A chart of latency over load, as one SVG without fonts or scripts.
//!
//! The horizontal axis is the load that was reached, in round trips a second. The vertical axis is latency, logarithmic,
//! since the slowest calls are many times slower than the median.

use std::fmt::Write;

use crate::measure::Outcome;

// Pixels. The margins hold the labels.
const CHART_WIDTH: f64 = 720.0;
const CHART_HEIGHT: f64 = 400.0;
const LEFT_MARGIN: f64 = 80.0;
const RIGHT_MARGIN: f64 = 60.0;
const TOP_MARGIN: f64 = 30.0;
const BOTTOM_MARGIN: f64 = 50.0;

/// The quantiles that have a line, with their labels and colours.
const QUANTILE_LINES: [(f64, &str, &str); 4] = [
    (0.5, "p50", "#1b6ca8"),
    (0.9, "p90", "#2f9e44"),
    (0.99, "p99", "#e8890c"),
    (0.999, "p99.9", "#c92a2a"),
];

/// Draws a chart of some runs.
pub(crate) fn svg(outcomes: &[Outcome]) -> String {
    let mut points: Vec<Point> = outcomes.iter().map(Point::of).collect();
    points.sort_by(|one, other| one.load.total_cmp(&other.load));
    draw(&points)
}

/// The load of a run, and its latency on each line.
struct Point {
    load: f64,
    latencies: [f64; QUANTILE_LINES.len()],
}

impl Point {
    fn of(outcome: &Outcome) -> Self {
        Self {
            load: outcome.rate(),
            // The logarithm of 0 is not finite.
            latencies: QUANTILE_LINES.map(|(quantile, ..)| outcome.latency(quantile).max(1.0)),
        }
    }
}

fn draw(points: &[Point]) -> String {
    let latencies = || points.iter().flat_map(|point| point.latencies);
    let lowest = latencies()
        .fold(f64::MAX, f64::min)
        .min(1e6)
        .log10()
        .floor();
    let highest = latencies()
        .fold(1.0, f64::max)
        .log10()
        .ceil()
        .max(lowest + 1.0);
    let most = points
        .iter()
        .fold(1.0, |most: f64, point| most.max(point.load));
    let step = round(most / 6.0);
    let across = |load: f64| LEFT_MARGIN + load / most * (CHART_WIDTH - LEFT_MARGIN - RIGHT_MARGIN);
    let up = |decade: f64| {
        let part = (decade - lowest) / (highest - lowest);
        CHART_HEIGHT - BOTTOM_MARGIN - part * (CHART_HEIGHT - TOP_MARGIN - BOTTOM_MARGIN)
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {CHART_WIDTH} {CHART_HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let mut decade = lowest;
    while decade <= highest {
        let y = up(decade);
        rule(&mut out, (LEFT_MARGIN, y), (CHART_WIDTH - RIGHT_MARGIN, y));
        text(&mut out, (LEFT_MARGIN - 8.0, y + 4.0), "end", &time(decade));
        decade += 1.0;
    }
    let mut load = 0.0;
    while load <= most {
        let x = across(load);
        rule(&mut out, (x, TOP_MARGIN), (x, CHART_HEIGHT - BOTTOM_MARGIN));
        text(
            &mut out,
            (x, CHART_HEIGHT - BOTTOM_MARGIN + 18.0),
            "middle",
            &count(load),
        );
        load += step;
    }
    let middle = (LEFT_MARGIN + CHART_WIDTH - RIGHT_MARGIN) / 2.0;
    text(
        &mut out,
        (middle, CHART_HEIGHT - 10.0),
        "middle",
        "round trips a second",
    );
    text(
        &mut out,
        (LEFT_MARGIN - 8.0, TOP_MARGIN - 12.0),
        "end",
        "latency",
    );
    for (index, (_, name, colour)) in QUANTILE_LINES.iter().enumerate() {
        let places = points.iter().filter_map(|point| {
            let latency = point.latencies.get(index)?;
            Some((across(point.load), up(latency.log10())))
        });
        line(&mut out, &places.collect::<Vec<_>>(), name, colour);
    }
    out.push_str("</svg>\n");
    out
}

// Below, results are ignored where writing to a string cannot fail.

fn rule(out: &mut String, from: (f64, f64), to: (f64, f64)) {
    let _ = writeln!(
        out,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#ddd\"/>",
        from.0, from.1, to.0, to.1
    );
}

fn text(out: &mut String, place: (f64, f64), anchor: &str, text: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{text}</text>",
        place.0, place.1
    );
}

/// Draws a line with a dot for each run and its label at the end.
fn line(out: &mut String, places: &[(f64, f64)], name: &str, colour: &str) {
    let _ = writeln!(out, "<g stroke=\"{colour}\" fill=\"{colour}\">");
    let _ = write!(out, "<polyline fill=\"none\" stroke-width=\"2\" points=\"");
    for (x, y) in places {
        let _ = write!(out, "{x:.1},{y:.1} ");
    }
    out.push_str("\"/>\n");
    for (x, y) in places {
        let _ = writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
    }
    if let Some((x, y)) = places.last() {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" stroke=\"none\">{name}</text>",
            x + 8.0,
            y + 4.0
        );
    }
    out.push_str("</g>\n");
}

/// Rounds up to 1, 2 or 5 times a power of ten.
fn round(number: f64) -> f64 {
    let power = 10_f64.powf(number.max(1e-3).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    let fitting = steps.into_iter().find(|step| *step >= number);
    fitting.unwrap_or(10.0 * power)
}

/// Formats a power of ten of microseconds.
fn time(decade: f64) -> String {
    if decade >= 6.0 {
        format!("{} s", 10_f64.powf(decade - 6.0))
    } else if decade >= 3.0 {
        format!("{} ms", 10_f64.powf(decade - 3.0))
    } else {
        format!("{} µs", 10_f64.powf(decade))
    }
}

fn count(number: f64) -> String {
    if number >= 10_000.0 {
        format!("{}k", number / 1000.0)
    } else {
        format!("{number}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_a_line_for_each_quantile_and_a_dot_for_each_run() {
        let point = |load, p50| Point {
            load,
            latencies: [p50, p50 * 2.0, p50 * 10.0, p50 * 100.0],
        };
        let svg = draw(&[point(16_000.0, 60.0), point(150_000.0, 400.0)]);
        assert_eq!(svg.matches("<polyline").count(), 4);
        assert_eq!(svg.matches("<circle").count(), 8);
        for label in [">10 µs<", ">100 ms<", ">50k<", ">100k<", ">p99.9<"] {
            assert!(svg.contains(label), "{label}: {svg}");
        }
        assert!(svg.ends_with("</svg>\n"));
    }

    #[test]
    fn a_chart_without_runs_can_be_drawn() {
        assert!(!draw(&[]).contains("NaN"));
    }
}
