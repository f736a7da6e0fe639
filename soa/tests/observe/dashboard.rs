//! The dashboard and the guide name the metrics that there are.

use std::collections::BTreeSet;

use soa::Value;
use soa::codec::json;
use soa::observe::{METRICS, MetricKind};

const DASHBOARD: &str = include_str!("../../../dashboards/soa.json");
const GUIDE: &str = include_str!("../../src/docs/observing.md");

/// What the dashboard does not show: sizes of messages do not tell that something is wrong, and how long a server was
/// idle is what its jobs leave.
const LEFT_OUT: [&str; 3] = [
    "client.transport.redis_gateway.send.message_size",
    "server.transport.redis_gateway.send.message_size",
    "server.idle_time",
];

/// Every text under this key, anywhere in a value.
fn texts<'a>(value: &'a Value, wanted: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Map(map) => {
            for (key, value) in map {
                match value.as_str() {
                    Some(text) if key.as_str() == Some(wanted) => found.push(text),
                    _ => texts(value, wanted, found),
                }
            }
        }
        Value::List(list) => list.iter().for_each(|value| texts(value, wanted, found)),
        _ => {}
    }
}

/// The names in a query that could be those of metrics: they have the prefixes of ours.
fn names(query: &str) -> impl Iterator<Item = &str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = query.split(move |letter| !is_part(letter));
    words.filter(|word| {
        let mut prefixes = ["server_", "client_", "redis_", "log_"].iter();
        prefixes.any(|prefix| word.starts_with(prefix))
    })
}

#[test]
fn the_dashboard_shows_every_metric_and_no_other() {
    let dashboard = json::decode_value(DASHBOARD.as_bytes()).unwrap();
    let mut queries = Vec::new();
    texts(&dashboard, "expr", &mut queries);
    assert!(queries.len() > 20, "{queries:?}");
    let shown: BTreeSet<&str> = queries.into_iter().flat_map(names).collect();
    let mut known = BTreeSet::new();
    for metric in METRICS {
        let name = metric.prometheus_name();
        let forms = match metric.kind {
            MetricKind::Histogram => ["_bucket", "_count", "_sum"]
                .map(|end| name.clone() + end)
                .to_vec(),
            _ => vec![name],
        };
        let is_shown = forms.iter().any(|form| shown.contains(&**form));
        let is_left_out = LEFT_OUT.contains(&metric.name);
        assert!(
            is_shown != is_left_out,
            "{} is shown: {is_shown}",
            metric.name
        );
        known.extend(forms);
    }
    for name in shown {
        assert!(known.contains(name), "there is no metric `{name}`");
    }
}

#[test]
fn the_dashboard_lets_one_choose_where_its_data_comes_from() {
    let dashboard = json::decode_value(DASHBOARD.as_bytes()).unwrap();
    let mut sources = Vec::new();
    texts(&dashboard, "uid", &mut sources);
    sources.retain(|source| *source != "soa-services");
    assert!(!sources.is_empty());
    assert!(
        sources.iter().all(|source| *source == "${datasource}"),
        "{sources:?}"
    );
}

#[test]
fn labels_in_the_dashboard_are_those_of_the_metrics() {
    let dashboard = json::decode_value(DASHBOARD.as_bytes()).unwrap();
    let mut legends = Vec::new();
    texts(&dashboard, "legendFormat", &mut legends);
    let labels: BTreeSet<&str> = METRICS
        .iter()
        .flat_map(|metric| metric.labels)
        .copied()
        .collect();
    for legend in legends {
        for label in legend.split("{{").skip(1) {
            let label = label.split("}}").next().unwrap();
            assert!(labels.contains(label), "there is no label `{label}`");
        }
    }
}

#[test]
fn the_guide_tells_of_every_metric() {
    let (_, rest) = GUIDE.split_once("<!-- metrics -->\n\n").unwrap();
    let (told, _) = rest.split_once("<!-- end -->").unwrap();
    let mut table = "| metric | kind | labels | |\n|---|---|---|---|\n".to_owned();
    for metric in METRICS {
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            _ => "histogram",
        };
        let labels: Vec<_> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let star = if metric.is_of_reference { " *" } else { "" };
        table += &format!(
            "| `{}`{star} | {kind} | {} | {} |\n",
            metric.name,
            labels.join(", "),
            metric.description
        );
    }
    assert!(told == table, "write this into the guide:\n{table}");
}

#[test]
fn no_two_metrics_have_one_name() {
    let names: BTreeSet<String> = METRICS
        .iter()
        .map(|metric| metric.prometheus_name())
        .collect();
    assert_eq!(names.len(), METRICS.len());
}
