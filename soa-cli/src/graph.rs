//! `soa graph`: who calls whom, from the records of workers.
//!
//! The callers of a service are those that its own workers count, and services without records are known from the calls that
//! others make.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value as Json, json};
use soa_runtime::observe::record::{OTHER, PROGRAM};

use crate::arguments::{GraphArguments, GraphFormat};
use crate::connect::Target;
use crate::failure::Failure;
use crate::fleet::Fleet;
use crate::output::{Output, counted, harmless, print};
use crate::progress::while_running;

/// The name of callers that are programs.
pub(crate) const PROGRAMS: &str = "(programs)";

/// The name of callers that are too many to be told one by one.
pub(crate) const OTHERS: &str = "(others)";

/// Calls of one service by another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) calls: u64,
    /// Calls that failed, as far as the caller tells.
    pub(crate) failed: u64,
}

/// The calls among services, by caller and service.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) edges: BTreeMap<(String, String), Edge>,
    /// Services that nobody calls, and that call nobody.
    alone: BTreeSet<String>,
}

/// The name of a caller in the graph.
pub(crate) fn shown_caller(caller: &str) -> &str {
    match caller {
        PROGRAM => PROGRAMS,
        OTHER => OTHERS,
        caller => caller,
    }
}

impl Graph {
    pub(crate) fn of(fleet: &Fleet) -> Self {
        let mut edges: BTreeMap<(String, String), Edge> = BTreeMap::new();
        for (name, service) in &fleet.services {
            for worker in &service.workers {
                for action in worker.record.actions.values() {
                    for (caller, calls) in &action.callers {
                        let key = (shown_caller(caller).to_owned(), name.clone());
                        let edge = edges.entry(key).or_default();
                        edge.calls = edge.calls.saturating_add(*calls);
                    }
                }
            }
        }
        for (name, service) in &fleet.services {
            for worker in &service.workers {
                for (called, made) in &worker.record.called {
                    let tells = fleet.services.get(called);
                    let tells = tells.is_some_and(|called| !called.workers.is_empty());
                    let edge = edges.entry((name.clone(), called.clone())).or_default();
                    edge.failed = edge.failed.saturating_add(made.failed);
                    // A service that counts its callers knows better, also what came before its last start.
                    if !tells {
                        edge.calls = edge.calls.saturating_add(made.calls);
                    }
                }
            }
        }
        let mut graph = Self {
            edges,
            alone: BTreeSet::new(),
        };
        let named = graph.names();
        let services = fleet.services.keys().cloned();
        graph.alone = services.filter(|name| !named.contains(name)).collect();
        graph
    }

    fn names(&self) -> BTreeSet<String> {
        let names = self.edges.keys();
        names
            .flat_map(|(caller, service)| [caller.clone(), service.clone()])
            .collect()
    }

    /// Keeps what these services have to do with.
    fn only(&mut self, services: &[String]) {
        if services.is_empty() {
            return;
        }
        self.edges
            .retain(|(caller, service), _| services.contains(caller) || services.contains(service));
        self.alone.retain(|name| services.contains(name));
    }

    /// The column of each service: those that nobody calls are in the first one. Circles do not move anything.
    fn columns(&self) -> BTreeMap<String, usize> {
        let names = self.names();
        let mut columns: BTreeMap<String, usize> =
            names.into_iter().map(|name| (name, 0)).collect();
        let most = columns.len();
        for _ in 0..most {
            let mut has_moved = false;
            for (caller, service) in self.edges.keys() {
                let after = columns.get(caller).copied().unwrap_or(0) + 1;
                if let Some(column) = columns.get_mut(service)
                    && caller != service
                    && *column < after
                    && after < most
                {
                    *column = after;
                    has_moved = true;
                }
            }
            if !has_moved {
                break;
            }
        }
        // A circle has pushed its services as far as it could: the columns that are used follow each other.
        let used: BTreeSet<usize> = columns.values().copied().collect();
        let used: Vec<usize> = used.into_iter().collect();
        for column in columns.values_mut() {
            *column = used.partition_point(|other| other < column);
        }
        columns
    }
}

pub(crate) async fn run(
    target: &Target,
    output: Output,
    arguments: GraphArguments,
) -> Result<(), Failure> {
    let redis = target.connect("graph").await?;
    let fleet = while_running("looking at the fleet", redis.workers_of(&[])).await?;
    let mut graph = Graph::of(&fleet);
    graph.only(&arguments.service);
    if output.as_json {
        let edges: Vec<Json> = graph
            .edges
            .iter()
            .map(|((caller, service), edge)| {
                json!({
                    "from": caller,
                    "to": service,
                    "calls": edge.calls,
                    "failed": edge.failed,
                })
            })
            .collect();
        return output.json(&json!({ "edges": edges, "alone": graph.alone, "notes": fleet.notes }));
    }
    match arguments.format {
        GraphFormat::Dot => print(&dot(&graph)),
        GraphFormat::Svg => print(&svg(&graph)),
        GraphFormat::Text => {
            let mut out = text(output, &graph);
            for note in &fleet.notes {
                out += &format!("{}\n", output.dim(note));
            }
            print(&out)
        }
    }
}

fn label(edge: Edge) -> String {
    match edge.failed {
        0 => counted(edge.calls, "call"),
        failed => format!("{}, {failed} failed", counted(edge.calls, "call")),
    }
}

fn text(output: Output, graph: &Graph) -> String {
    let mut out = String::new();
    let mut last = None;
    for ((caller, service), edge) in &graph.edges {
        if last != Some(caller) {
            out += &format!("{}\n", output.bold(&harmless(caller)));
            last = Some(caller);
        }
        let told = label(*edge);
        let told = match edge.failed {
            0 => output.dim(&told),
            _ => output.bad(&told),
        };
        out += &format!("  → {}  {told}\n", harmless(service));
    }
    if !graph.alone.is_empty() {
        out += &format!("{}\n", output.dim("no calls are known of"));
        for name in &graph.alone {
            out += &format!("  {}\n", harmless(name));
        }
    }
    if out.is_empty() {
        out += "no calls are known: the graph is of the records of workers, and none tells one\n";
    }
    out
}

fn dot(graph: &Graph) -> String {
    let quoted = |text: &str| {
        let escaped = harmless(text).replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{escaped}\"")
    };
    let mut out =
        "digraph fleet {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n".to_owned();
    for name in graph.names().iter().chain(&graph.alone) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {};", quoted(name));
    }
    for ((caller, service), edge) in &graph.edges {
        let colour = if edge.failed > 0 { ", color=red" } else { "" };
        let _ = writeln!(
            out,
            "  {} -> {} [label={}{colour}];",
            quoted(caller),
            quoted(service),
            quoted(&label(*edge))
        );
    }
    out + "}\n"
}

/// The sizes of the picture, in pixels.
const BOX: (usize, usize) = (190, 34);
const GAP: (usize, usize) = (150, 26);
const MARGIN: usize = 20;

fn svg(graph: &Graph) -> String {
    let mut columns = graph.columns();
    columns.extend(graph.alone.iter().map(|name| (name.clone(), 0)));
    let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
    let mut places = BTreeMap::new();
    for (name, column) in &columns {
        let row = rows.entry(*column).or_default();
        let left = MARGIN + column * (BOX.0 + GAP.0);
        let top = MARGIN + *row * (BOX.1 + GAP.1);
        places.insert(name.as_str(), (left, top));
        *row += 1;
    }
    let width = rows
        .keys()
        .max()
        .map_or(0, |most| (most + 1) * (BOX.0 + GAP.0))
        + 2 * MARGIN;
    let height = rows.values().max().copied().unwrap_or(0) * (BOX.1 + GAP.1) + 2 * MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<title>Calls among services</title>\n<defs><marker id=\"tip\" \
         viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 \
         8z\"/></marker></defs>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for ((caller, service), edge) in &graph.edges {
        let (Some(from), Some(to)) = (places.get(caller.as_str()), places.get(service.as_str()))
        else {
            continue;
        };
        let (x1, y1) = (from.0 + BOX.0, from.1 + BOX.1 / 2);
        let (x2, y2) = (to.0, to.1 + BOX.1 / 2);
        let bend = GAP.0 / 2;
        let colour = if edge.failed > 0 { "#b00020" } else { "#555" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "<path d=\"M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}\" fill=\"none\" stroke=\"{colour}\" marker-end=\"url(#tip)\"/>",
            x1 + bend,
            x2.saturating_sub(bend)
        );
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" font-size=\"11\" fill=\"{colour}\">{}</text>",
            usize::midpoint(x1, x2),
            usize::midpoint(y1, y2).saturating_sub(4),
            marked(&label(*edge))
        );
    }
    for (name, (left, top)) in &places {
        let _ = writeln!(
            out,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" rx=\"5\" fill=\"#eef3fb\" stroke=\"#333\"/>",
            BOX.0, BOX.1
        );
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            left + BOX.0 / 2,
            top + BOX.1 / 2 + 5,
            marked(&shortened(name))
        );
    }
    out + "</svg>\n"
}

/// A name that fits into its box.
fn shortened(name: &str) -> String {
    const MOST: usize = 26;
    match name.chars().count() {
        0..=MOST => name.to_owned(),
        _ => name.chars().take(MOST - 1).chain(['…']).collect(),
    }
}

/// A text inside of markup.
fn marked(text: &str) -> String {
    harmless(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &str)]) -> Graph {
        let edges = edges.iter().map(|(from, to)| {
            let edge = Edge {
                calls: 3,
                failed: 0,
            };
            ((from.to_string(), to.to_string()), edge)
        });
        Graph {
            edges: edges.collect(),
            alone: BTreeSet::new(),
        }
    }

    #[test]
    fn a_service_stands_to_the_right_of_its_callers_and_circles_end() {
        let columns = graph(&[("shop", "books"), ("books", "users"), ("shop", "users")]).columns();
        let expected = [("books", 1), ("shop", 0), ("users", 2)];
        let expected = expected.map(|(name, column)| (name.to_owned(), column));
        assert_eq!(columns, BTreeMap::from(expected));
        let circle = graph(&[("a", "b"), ("b", "c"), ("c", "a"), ("a", "a")]).columns();
        assert_eq!(circle.len(), 3);
    }

    #[test]
    fn names_cannot_break_out_of_their_form() {
        let graph = graph(&[("a\"];x", "<script>")]);
        assert!(dot(&graph).contains(r#""a\"];x" -> "<script>" [label="3 calls"];"#));
        let picture = svg(&graph);
        assert!(picture.contains("&lt;script&gt;") && !picture.contains("<script>"));
    }
}
