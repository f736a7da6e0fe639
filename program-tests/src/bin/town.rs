//! Two components in one program, of which one calls the other, with hooks that tell what they do.

use std::process::ExitCode;

use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use soa::settings::Settings;
use soa::{ActionError, Channel, Component, Context, Value, service};

/// The section `service` of the settings.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
struct Section {
    /// True if the shop cannot start.
    #[garde(skip)]
    #[serde(default)]
    fails: bool,
}

struct Books;

#[soa::body]
struct Found {
    title: String,
    caller: String,
    has_deadline: bool,
}

#[service(name = "books", version = "1.0.0")]
impl Books {
    /// Finds a book.
    #[action]
    async fn find(&self, cx: &Context) -> Result<Found, ActionError> {
        let caller = cx.header().calling_service.as_deref();
        Ok(Found {
            title: "Emma".to_owned(),
            caller: caller.unwrap_or_default().to_owned(),
            has_deadline: cx.time_left().is_some(),
        })
    }
}

struct Orders;

#[service(name = "orders", version = "1.0.0")]
impl Orders {
    /// Orders a book of the other component.
    #[action]
    async fn order(&self, cx: &Context) -> Result<Value, ActionError> {
        let call = cx.soa_client().call_action("books", "find", &());
        Ok(call.await?)
    }

    /// Has a name that clients of Aspyx have a method of.
    #[action]
    async fn create(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() -> ExitCode {
    soa::main(async |settings: Settings<Section>| {
        let fails = settings.service.fails;
        let library = Component::builder("library")
            .service(Books)
            .on_startup(|_| async { told("the library opens") })
            .on_teardown(|_| async { drop(told("the library closes")) });
        let shop = Component::builder("shop")
            .service(Orders)
            .health_path("/shop/health")
            .channels([Channel::Rest, Channel::Json])
            .on_startup(|_| async { told("the shop opens") })
            .on_teardown(|_| async { drop(told("the shop closes")) })
            .on_startup(move |_| async move {
                match fails {
                    true => Err("there is nothing to sell".into()),
                    false => Ok(()),
                }
            });
        Ok(vec![library, shop])
    })
}

/// Tells it on the standard error, where tests look for it.
fn told(what: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    tracing::info!("{what}");
    Ok(())
}
