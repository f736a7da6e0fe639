//! Components: their hooks, their state, and the calls between services of one process.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use soa::testing::{Stub, Stubs};
use soa::{
    ActionError, BoxFuture, Client, Component, ComponentBuilder, ComponentState, Context,
    ErrorKind, LocalTransport, Server, ServerBuilder, Value, code, value,
};

/// The steps that hooks have told, in their order.
#[derive(Clone, Default)]
struct Steps(Arc<Mutex<Vec<&'static str>>>);

impl Steps {
    fn told(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn starts(
        &self,
        step: &'static str,
    ) -> impl Fn(Component) -> BoxFuture<Result<(), Box<dyn std::error::Error + Send + Sync>>> + use<>
    {
        let steps = self.clone();
        move |_| {
            steps.0.lock().unwrap().push(step);
            let outcome = match step.starts_with("fail") {
                true => Err(format!("{step}ed").into()),
                false => Ok(()),
            };
            Box::pin(std::future::ready(outcome))
        }
    }

    fn ends(&self, step: &'static str) -> impl Fn(Component) -> std::future::Ready<()> + use<> {
        let steps = self.clone();
        move |_| {
            steps.0.lock().unwrap().push(step);
            std::future::ready(())
        }
    }
}

fn tools() -> ServerBuilder {
    Server::untyped("tools", "1.0.0")
}

/// A service whose action `ask` calls `answer` of another one, and returns what that has seen.
fn asking(name: &'static str, other: &'static str) -> ServerBuilder {
    Server::untyped(name, "1.0.0")
        .action("ask", move |body: Value, cx: Context| async move {
            let call = cx.soa_client().call_action(other, "answer", &body);
            Ok::<_, ActionError>(call.await?)
        })
        .action("answer", move |_: Value, cx: Context| async move {
            let header = cx.header();
            Ok::<_, ActionError>(value!({
                "service": name,
                "correlation": (header.correlation_id.to_string()),
                "caller": (header.calling_service.as_deref().unwrap_or_default()),
                "has_deadline": (cx.time_left().is_some()),
            }))
        })
}

async fn ask(component: &Component, service: &str) -> Result<Value, soa::ClientError> {
    let server = component.service(service).unwrap().clone();
    let client = Client::builder()
        .service(service.to_owned(), LocalTransport::new(server))
        .build()
        .unwrap();
    let call = client.call_action(service.to_owned(), "ask", &value!({}));
    call.correlation_id("c-7")
        .timeout(Duration::from_secs(60))
        .await
}

#[tokio::test]
async fn hooks_run_in_their_order_and_are_undone_in_reverse() {
    let steps = Steps::default();
    let component = Component::builder("library")
        .service(tools())
        .on_startup(steps.starts("open"))
        .on_teardown(steps.ends("close"))
        .on_startup(steps.starts("warm"))
        .on_teardown(steps.ends("cool"))
        .build()
        .unwrap();
    assert_eq!(component.state(), ComponentState::Virgin);
    component.start().await.unwrap();
    assert_eq!(steps.told(), ["open", "warm"]);
    let clone = component.clone();
    assert_eq!(clone.state(), ComponentState::Running);
    // It runs already.
    clone.start().await.unwrap();
    assert_eq!(steps.told(), [""; 0]);
    component.stop().await;
    component.stop().await;
    assert_eq!(steps.told(), ["cool", "close"]);
    assert_eq!(component.state().to_string(), "stopped");
}

#[tokio::test]
async fn a_hook_that_fails_undoes_what_was_done_before_it() {
    let steps = Steps::default();
    let component = Component::builder("library")
        .service(tools())
        .on_startup(steps.starts("open"))
        .on_teardown(steps.ends("close"))
        .on_startup(steps.starts("lock"))
        .on_teardown(steps.ends("unlock"))
        .on_startup(steps.starts("fail"))
        .on_teardown(steps.ends("never"))
        .on_startup(steps.starts("never"))
        .build()
        .unwrap();
    let error = component.start().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the component `library` cannot start: a startup hook failed: failed"
    );
    let expected = ["open", "lock", "fail", "unlock", "close"];
    assert_eq!(steps.told(), expected);
    assert_eq!(component.state(), ComponentState::Stopped);
    component.stop().await;
    assert_eq!(steps.told(), [""; 0]);
}

#[tokio::test]
async fn a_start_that_is_given_up_is_undone_by_the_stop() {
    let steps = Steps::default();
    let component = Component::builder("library")
        .service(tools())
        .on_startup(steps.starts("open"))
        .on_teardown(steps.ends("close"))
        .on_startup(|_| std::future::pending())
        .on_teardown(steps.ends("never"))
        .build()
        .unwrap();
    let short = Duration::from_millis(20);
    assert!(
        tokio::time::timeout(short, component.start())
            .await
            .is_err()
    );
    assert_eq!(component.state(), ComponentState::Virgin);
    component.stop().await;
    assert_eq!(steps.told(), ["open", "close"]);
    assert_eq!(component.state(), ComponentState::Stopped);
}

#[tokio::test]
async fn a_hook_that_panics_fails() {
    let component = Component::builder("library")
        .service(tools())
        .on_startup(|_| async { panic!("the shelf is empty") })
        .build()
        .unwrap();
    let error = component.start().await.unwrap_err().to_string();
    assert!(
        error.ends_with("failed: panicked: the shelf is empty"),
        "{error}"
    );
}

#[test]
fn names_that_cannot_travel_are_refused() {
    for name in ["a:b", "a,b", "a(b", "a b", "", "7up"] {
        let component = Component::builder(name).service(tools()).build();
        let told = component.unwrap_err().to_string();
        assert!(
            told.starts_with(&format!("invalid name `{name}`")),
            "{told}"
        );
    }
}

#[test]
fn names_that_are_there_twice_are_refused() {
    let library = |service| Component::builder("library").service(tools().name(service));
    let shop = |service| Component::builder("shop").service(tools().name(service));
    let told = |all: [ComponentBuilder; 2]| {
        let refused = ComponentBuilder::build_all(all);
        refused.unwrap_err().to_string()
    };
    let twice = library("books").service(tools().name("books")).build();
    assert_eq!(
        twice.unwrap_err().to_string(),
        "the component `library`: two services have the name `books`"
    );
    assert_eq!(
        told([library("a"), library("b")]),
        "two components have the name `library`"
    );
    assert_eq!(
        told([library("a"), shop("a")]),
        "two services have the name `a`"
    );
    assert!(ComponentBuilder::build_all([library("a"), shop("b")]).is_ok());
}

#[tokio::test]
async fn a_service_calls_its_neighbour_in_process_without_a_route() {
    let component = Component::builder("library")
        .service(asking("books", "readers"))
        .service(asking("readers", "books"))
        .build()
        .unwrap();
    for (service, other) in [("books", "readers"), ("readers", "books")] {
        let answer = ask(&component, service).await.unwrap();
        let expected = value!({
            "service": other, "correlation": "c-7", "caller": service, "has_deadline": true,
        });
        assert_eq!(answer, expected);
    }
}

#[tokio::test]
async fn a_service_calls_one_of_another_component_of_the_process() {
    let library = Component::builder("library").service(asking("books", "orders"));
    let shop = Component::builder("shop").service(asking("orders", "orders"));
    let all = ComponentBuilder::build_all([library, shop]).unwrap();
    let answer = ask(&all[0], "books").await.unwrap();
    assert_eq!(answer.get("service"), Some(&"orders".into()));
    // And itself.
    let answer = ask(&all[1], "orders").await.unwrap();
    assert_eq!(answer.get("service"), Some(&"orders".into()));
}

#[tokio::test]
async fn a_route_goes_before_a_neighbour() {
    let stubs = Stubs::new().service(
        "readers",
        Stub::new().on_action("answer", |_| Ok(value!({ "service": "elsewhere" }))),
    );
    let component = Component::builder("library")
        .service(asking("books", "readers").client(stubs.client()))
        .service(asking("readers", "books"))
        .build()
        .unwrap();
    let answer = ask(&component, "books").await.unwrap();
    assert_eq!(answer.get("service"), Some(&"elsewhere".into()));
}

#[tokio::test]
async fn a_service_that_is_not_in_the_process_has_no_route() {
    let component = Component::builder("library")
        .service(asking("books", "nobody"))
        .build()
        .unwrap();
    let error = ask(&component, "books").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Action);
    assert_eq!(error.errors()[0].code, code::SERVER_ERROR);
}

#[tokio::test]
async fn a_service_that_outlives_its_component_is_told_that_its_neighbours_are_gone() {
    let seen = Arc::new(Mutex::new(None));
    let tell = Arc::clone(&seen);
    let books = Server::untyped("books", "1.0.0").action("ask", move |_: Value, cx: Context| {
        let tell = Arc::clone(&tell);
        async move {
            let error = cx.soa_client().call_action("readers", "status", &()).await;
            *tell.lock().unwrap() = error.err().map(|error| error.kind());
            Ok::<_, ActionError>(value!({}))
        }
    });
    let component = Component::builder("library")
        .service(books)
        .service(tools().name("readers"))
        .build()
        .unwrap();
    let books = component.service("books").unwrap().clone();
    drop(component);
    let client = Client::builder().service("books", LocalTransport::new(books));
    let client = client.build().unwrap();
    client.call_action("books", "ask", &()).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), Some(ErrorKind::Transport));
}
