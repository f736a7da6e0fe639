//! A type that holds itself travels by JSON and MessagePack; protobuf has no form for it.

use std::process::Command;
use std::time::Duration;

use soa::http::{Doors, HttpListener, HttpServer, HttpSettings};
use soa::{ActionError, Channel, Component, service};

use crate::support::folder;

#[soa::body]
struct Tree {
    value: i64,
    #[serde(default)]
    children: Vec<Tree>,
}

#[soa::body]
struct Grow {
    tree: Tree,
}

#[soa::body]
struct Grown {
    result: Tree,
}

struct Trees;

#[service(name = "trees", version = "1.0.0")]
impl Trees {
    /// Adds one to every value.
    #[action]
    async fn grow(&self, request: Grow) -> Result<Grown, ActionError> {
        Ok(Grown {
            result: grown(request.tree),
        })
    }
}

fn grown(tree: Tree) -> Tree {
    Tree {
        value: tree.value + 1,
        children: tree.children.into_iter().map(grown).collect(),
    }
}

fn forest(channels: &[Channel]) -> Component {
    let forest = Component::builder("forest").service(Trees);
    forest.channels(channels.iter().copied()).build().unwrap()
}

#[tokio::test]
async fn the_reference_sends_and_reads_a_type_that_holds_itself() {
    let python = std::env::var("ASPYX_PYTHON").expect("ASPYX_PYTHON names a Python");
    let component = forest(&[Channel::Json, Channel::MessagePack]);
    let doors = Doors::new(component, HttpSettings::default()).unwrap();
    let server = HttpServer::new(doors, HttpListener::bind("127.0.0.1:0").unwrap()).unwrap();
    let url = server.url().to_owned();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stop_of_server = async { drop(stopped.await) };
    let serving = tokio::spawn(server.run_until(stop_of_server, Duration::from_secs(5)));
    let client = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(python);
        command
            .args(["recursive.py", &url])
            .current_dir(folder().join("python"));
        command
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap()
    });
    let output = client.await.unwrap();
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{failed}");
    drop(stop);
    serving.await.unwrap();
}

#[test]
fn protobuf_refuses_it_when_the_doors_are_built() {
    let component = forest(&[Channel::Json, Channel::Protobuf]);
    let refused = Doors::new(component, HttpSettings::default())
        .unwrap_err()
        .to_string();
    for part in ["trees", "grow", "tree", "children"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
}
