//! The document of the example against the one that the reference wrote.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::support::{COMPONENT, at, document, mistakes};

fn of_reference() -> Json {
    serde_json::from_str(include_str!("aspyx_openapi.json")).unwrap()
}

/// Returns the operations of a document.
fn operations(document: &Json) -> BTreeMap<String, Json> {
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{method} {path}"), operation.clone()))
    });
    all.collect()
}

/// Returns the parameters of an operation: place and name, and if they are required.
fn parameters(operation: &Json) -> BTreeMap<String, bool> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let all = parameters.map(|one| {
        let text = |key: &str| one[key].as_str().unwrap().to_owned();
        let required = one["required"].as_bool().unwrap_or(false);
        (format!("{} {}", text("in"), text("name")), required)
    });
    all.collect()
}

#[test]
fn the_official_validator_finds_no_mistake_in_the_document_of_the_example() {
    assert_eq!(mistakes(&document(&*COMPONENT)), [""; 0]);
}

/// The reference forgets that queries without default are required, takes bodies without a mark for queries, and has no
/// `PATCH`.
#[test]
fn the_example_has_the_operations_and_parameters_of_the_reference_but_for_its_faults() {
    let (ours, theirs) = (
        operations(&document(&*COMPONENT)),
        operations(&of_reference()),
    );
    let mut faults = Vec::new();
    for (name, their) in &theirs {
        let Some(our) = ours.get(name) else {
            panic!("the reference has `{name}`");
        };
        let (our_parameters, their_parameters) = (parameters(our), parameters(their));
        for (parameter, required) in &their_parameters {
            match our_parameters.get(parameter) {
                Some(our) if our == required => {}
                Some(true) => faults.push(format!("{name}: {parameter} is required")),
                Some(false) => panic!("{name}: {parameter} is not required"),
                None => faults.push(format!("{name}: {parameter} is none")),
            }
        }
        for parameter in our_parameters.keys() {
            assert!(
                their_parameters.contains_key(parameter),
                "{name}: {parameter}"
            );
        }
        if their["requestBody"].is_object() {
            assert_eq!(
                our["requestBody"]["required"], their["requestBody"]["required"],
                "{name}"
            );
        } else if our["requestBody"].is_object() && name != "post /invoke" {
            faults.push(format!("{name}: it has a body"));
        }
        for status in their["responses"].as_object().unwrap().keys() {
            assert!(our["responses"][status].is_object(), "{name}: {status}");
        }
    }
    let expected = [
        "get /example/many: query values is required",
        "get /example/search: query text is required",
        "post /example/items/{id}: query item is none",
        "post /example/items/{id}: it has a body",
        "put /example/items/{id}/name: query name is required",
    ];
    assert_eq!(faults, expected);
    assert!(ours.contains_key("patch /example/items/{id}"));
}

#[test]
fn texts_of_the_example_are_those_of_the_reference() {
    let (ours, theirs) = (document(&*COMPONENT), of_reference());
    for (operation, key) in [
        (at("/example/hello/{name}", "get"), "/summary"),
        (at("/example/hello/{name}", "get"), "/tags"),
        (
            at("/example/hello/{name}", "get"),
            "/parameters/0/description",
        ),
        (
            at("/example/hello/{name}", "get"),
            "/parameters/1/description",
        ),
        (
            at("/example/hello/{name}", "get"),
            "/parameters/1/schema/default",
        ),
        (at("/example/sum/{a}/{b}", "get"), "/summary"),
        (at("/example/sum/{a}/{b}", "get"), "/description"),
        (
            at("/example/sum/{a}/{b}", "get"),
            "/parameters/0/description",
        ),
        (at("/example/search", "get"), "/parameters/0/description"),
        (at("/example/search", "get"), "/parameters/1/schema/default"),
        (at("/example/search", "get"), "/parameters/2/schema/default"),
    ] {
        let place = format!("{operation}{key}");
        assert_eq!(ours.pointer(&place), theirs.pointer(&place), "{place}");
        assert!(ours.pointer(&place).is_some(), "{place}");
    }
    let body = ours.pointer(&at("/example/items", "post")).unwrap();
    assert_eq!(body["requestBody"]["description"], "the item to create");
    let schema = &body["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(schema["$ref"], "#/components/schemas/Item");
    let hello = ours.pointer(&at("/example/hello/{name}", "get")).unwrap();
    assert_eq!(hello["description"], "Says hello.");
}

#[test]
fn the_types_of_the_example_have_the_properties_of_the_reference() {
    let (ours, theirs) = (document(&*COMPONENT), of_reference());
    for name in ["Item", "Point", "Tag", "Found"] {
        let place = format!("/components/schemas/{name}");
        let (our, their) = (
            ours.pointer(&place).unwrap(),
            theirs.pointer(&place).unwrap(),
        );
        assert_eq!(our["required"], their["required"], "{name}");
        let keys = |schema: &Json| {
            let properties = schema["properties"].as_object().unwrap().iter();
            let kinds = properties.map(|(name, property)| {
                let mut property = property.clone();
                let property = property.as_object_mut().unwrap();
                property.retain(|key, _| key != "title" && key != "format");
                if let Some(Json::Array(options)) = property.get_mut("anyOf") {
                    options
                        .iter_mut()
                        .for_each(|option| drop(option.as_object_mut().unwrap().remove("format")));
                }
                (name.clone(), Json::Object(property.clone()))
            });
            kinds.collect::<Vec<_>>()
        };
        assert_eq!(keys(our), keys(their), "{name}");
    }
}
