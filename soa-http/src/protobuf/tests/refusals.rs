//! The types that have no form, and the names that collide.

use std::collections::BTreeMap;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa_runtime::{
    Action, ActionDescriptor, Channel, Component, Server, Service, ServiceAction, ServiceDescriptor,
};
use soa_wire::{Nullable, Value};

use super::message_of;
use crate::{Doors, HttpSettings};

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Holder<T> {
    inner: Inner<T>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Inner<T> {
    value: T,
}

fn refusal_of<T: JsonSchema + 'static>() -> String {
    message_of::<Holder<T>>().unwrap_err()
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Tree {
    children: Vec<Tree>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Chain {
    next: Option<Box<Chain>>,
}

#[test]
fn lists_of_what_has_no_form_are_refused_with_their_field() {
    let refused = |what: &str| {
        format!(
            "field `inner.value`: {what} has no form there; use dispatch-json or dispatch-msgpack"
        )
    };
    assert_eq!(
        refusal_of::<Vec<Option<i64>>>(),
        refused("a list of optional values")
    );
    assert_eq!(
        refusal_of::<Vec<Nullable<String>>>(),
        refused("a list of optional values")
    );
    assert_eq!(refusal_of::<Vec<Vec<i64>>>(), refused("a list of lists"));
    assert_eq!(
        refusal_of::<Vec<Value>>(),
        refused("a list of values of any type")
    );
    assert_eq!(
        refusal_of::<Vec<BTreeMap<String, i64>>>(),
        refused("a list in which each element is a map")
    );
    assert_eq!(
        refusal_of::<Vec<(i64, i64)>>(),
        refused("a list in which each element is a tuple")
    );
}

#[test]
fn a_type_that_contains_itself_is_refused_unless_it_can_only_be_absent() {
    assert_eq!(
        refusal_of::<Tree>(),
        "field `inner.value.children`: the type `Tree` contains itself; use dispatch-json or dispatch-msgpack"
    );
    assert_eq!(
        message_of::<Tree>().unwrap_err(),
        "field `children.children`: the type `Tree` contains itself; use dispatch-json or dispatch-msgpack"
    );
    assert!(message_of::<Chain>().is_ok());
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Twins {
    #[schemars(rename = "a-b")]
    one: i64,
    #[schemars(rename = "a_b")]
    other: i64,
}

#[test]
fn fields_whose_names_would_be_the_same_are_refused() {
    assert_eq!(
        message_of::<Twins>().unwrap_err(),
        "the fields `a-b` and `a_b` would both be named `a_b`"
    );
}

macro_rules! bodies {
    ($($(#[$attribute:meta])* $name:ident { $field:ident: $ty:ty })*) => {$(
        #[derive(JsonSchema, Serialize, Deserialize, Validate)]
        #[garde(allow_unvalidated)]
        $(#[$attribute])*
        pub(super) struct $name {
            $field: $ty,
        }
    )*};
}

mod other {
    use super::*;

    bodies! { Point { x: f64 } }
}

bodies! {
    Point { x: i64 }
    #[schemars(extend("x-soa-package" = "elsewhere"))]
    Away { at: other::Point }
    OnePoint { value: Point }
    OtherPoint { value: other::Point }
    AwayPoint { value: Away }
    Optionals { value: Vec<Option<i64>> }
}

macro_rules! service {
    ($service:ident, $name:literal, $type_name:literal, $action:literal, $request:ty) => {
        struct $service;

        impl Service for $service {
            const DESCRIPTOR: &'static ServiceDescriptor = {
                const ACTIONS: &[ActionDescriptor] =
                    &[Action::<$request, ()>::new($action).describe("")];
                const DESCRIPTOR: ServiceDescriptor =
                    ServiceDescriptor::new($name, "1.0.0", "", ACTIONS)
                        .with_type_name($type_name)
                        .with_package("shared");
                &DESCRIPTOR
            };
            const ACTIONS: &'static [ServiceAction<Self>] = &[ServiceAction::new(
                Action::<$request, ()>::new($action),
                |_, _| Box::pin(std::future::pending()),
            )];
        }
    };
}

service!(One, "one", "One", "find", OnePoint);
service!(Other, "other", "Other", "find", OtherPoint);
service!(Moved, "moved", "Moved", "find", AwayPoint);
service!(SameType, "same-type", "One", "find", OtherPoint);
service!(Named, "named", "Point", "find", OnePoint);
service!(Untold, "untold", "Untold", "list", Optionals);

fn opened(servers: Vec<Server>, channels: &[Channel]) -> Result<Doors, String> {
    let mut component = Component::builder("tests").channels(channels.iter().copied());
    for server in servers {
        component = component.service(server);
    }
    let doors = Doors::new(component.build().unwrap(), HttpSettings::default());
    doors.map_err(|error| error.to_string())
}

fn server(service: impl Service) -> Server {
    Server::builder(service).build().unwrap()
}

#[test]
fn doors_with_protobuf_name_the_action_and_the_field_that_cannot_travel() {
    let problem = opened(vec![server(Untold)], &[Channel::Json, Channel::Protobuf]).unwrap_err();
    assert_eq!(
        problem,
        "action `untold.list` cannot be called by protobuf: field `value`: a list of optional values has no form there; use \
         dispatch-json or dispatch-msgpack"
    );
    // Without the channel, nobody asks.
    assert!(opened(vec![server(Untold)], &[Channel::Json]).is_ok());
    let mut settings = HttpSettings::default();
    assert!(Doors::new(server(Untold).into(), settings.clone()).is_ok());
    settings.protobuf = Some(true);
    assert!(Doors::new(server(Untold).into(), settings.clone()).is_err());
    // The setting opens it beside the channels that the component declares.
    let component = Component::builder("all").service(Server::builder(One));
    let component = component.channels([Channel::Json]).build().unwrap();
    let doors = Doors::new(component, settings).unwrap();
    assert_eq!(doors.channels(), [Channel::Json, Channel::Protobuf]);
}

#[test]
fn two_types_of_one_name_in_a_package_are_refused_if_they_differ() {
    let both = || vec![server(One), server(Other)];
    let problem = opened(both(), &[Channel::Protobuf]).unwrap_err();
    assert_eq!(
        problem,
        "action `other.find` cannot be called by protobuf: field `value`: the package `shared` has another message `Point` \
         with other fields; rename one of the types, or put it into another package"
    );
    // The type in a type of another package is in that one.
    assert!(opened(vec![server(One), server(Moved)], &[Channel::Protobuf]).is_ok());
    let again = Server::builder(One).name("again").build().unwrap();
    assert!(opened(vec![server(One), again], &[Channel::Protobuf]).is_ok());
}

#[test]
fn two_services_of_one_name_in_a_package_are_refused() {
    let problem = opened(vec![server(One), server(SameType)], &[Channel::Protobuf]).unwrap_err();
    assert!(problem.contains("another message"), "{problem}");
    let problem = opened(vec![server(Named)], &[Channel::Protobuf]).unwrap_err();
    assert_eq!(
        problem,
        "protobuf: the package `shared` has a service and a type `Point`; put the type into another package"
    );
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Outer {
    around: Around,
}

#[derive(JsonSchema)]
#[schemars(extend("x-soa-package" = "here"))]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Around {
    #[schemars(flatten)]
    away: Away,
    #[schemars(flatten)]
    either: Either,
    own: i64,
}

#[derive(JsonSchema)]
#[schemars(untagged, extend("x-soa-package" = "elsewhere"))]
#[expect(dead_code, reason = "only its schema is of interest")]
enum Either {
    One { one: i64 },
}

#[test]
fn a_struct_is_in_its_own_package_whatever_is_flattened_into_it() {
    let message = message_of::<Outer>().unwrap();
    assert_eq!(message.fields[0].form.type_name(), "here.Around");
}
