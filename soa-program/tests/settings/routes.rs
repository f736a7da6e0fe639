//! Middleware of single routes.

use std::sync::{Arc, Mutex};

use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use soa_program::settings::{KnownMiddleware, NoSection, Settings, SettingsError};
use soa_runtime::client::ClientRequest;
use soa_runtime::message::JobResponse;
use soa_runtime::middleware::{ClientStage, Next, from_fn};
use soa_runtime::{WireError, value};

/// Middleware that notes each call.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
struct Noting {
    /// Word of the note.
    #[garde(skip)]
    word: String,
    /// True if it answers that the service is overloaded.
    #[garde(skip)]
    #[serde(default)]
    refuses: bool,
}

type Notes = Arc<Mutex<Vec<String>>>;

fn known(notes: &Notes) -> KnownMiddleware {
    let notes = Arc::clone(notes);
    KnownMiddleware::shipped().client("noting", move |noting: Noting, client| {
        let notes = Arc::clone(&notes);
        Ok(client.middleware(from_fn(
            move |request: ClientRequest, next: Next<ClientStage>| {
                let note = format!("{} {}", noting.word, request.service);
                notes.lock().unwrap().push(note);
                let refuses = noting.refuses;
                async move {
                    if refuses {
                        let error = WireError::server("OVERLOADED", "No time");
                        return Ok(JobResponse::failed(vec![error]));
                    }
                    next.run(request).await
                }
            },
        )))
    })
}

fn load(notes: &Notes, toml: &str) -> Result<Settings, SettingsError> {
    Settings::<NoSection>::loader()
        .middleware(known(notes))
        .defaults(toml)
        .load()
}

#[tokio::test]
async fn middleware_of_a_route_is_for_its_calls_alone_and_inside_of_that_for_all() {
    let notes = Notes::default();
    let settings = load(
        &notes,
        r#"
        client_middleware = [{ name = "noting", word = "all" }]
        [client_routing.users]
        middleware = [
            { name = "retry", attempts = 3, pause = "1ms" },
            { name = "noting", word = "users:", refuses = true },
        ]
        [client_routing.posts]
        middleware = [{ name = "noting", word = "posts:", refuses = true }]
        "#,
    )
    .unwrap();
    let client = settings.client().unwrap().build().unwrap();
    for service in ["users", "posts"] {
        let call = client.call_action(service, "find", &value!({}));
        call.idempotent().await.unwrap_err();
    }
    assert_eq!(
        *notes.lock().unwrap(),
        [
            "all users",
            "users: users",
            "users: users",
            "users: users",
            "all posts",
            "posts: posts",
        ]
    );
}

#[test]
fn mistakes_in_middleware_of_a_route_have_their_place() {
    let error = load(
        &Notes::default(),
        "[client_routing.\"a.b\"]\nmiddleware = [\n{ name = \"retry\", atempts = 3 },\n{ name = \"rety\" },\n]\n",
    )
    .unwrap_err();
    insta::assert_snapshot!(error.to_string());
}
