//! `test_plans!`, on the plans of the package `soa`.

use std::path::Path;

use quote::quote;

use super::texts;
use crate::test_plans::expand;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../soa"))
}

#[test]
fn a_file_is_a_module_and_a_case_a_test() {
    let input = quote! {
        "tests/plans/skipped.pysoa",
        service = Example::new().await,
        constants = {"a": [1]},
        crate = crate::framework
    };
    let expanded = syn::parse2(expand(input, root())).unwrap();
    insta::assert_snapshot!(prettyplease::unparse(&expanded));
}

#[test]
fn what_needs_the_process_is_ignored_where_the_service_is_elsewhere() {
    let live = quote!(
        "tests/plans/directives.pysoa",
        live = client(),
        name = "example"
    );
    let expanded = expand(live, root()).to_string();
    assert!(expanded.contains("it freezes the clock, stubs or mocks"));
}

#[test]
fn every_mistake_in_the_arguments_is_told() {
    let inputs = [
        quote!(),
        quote!("tests/plans/*.pysoa"),
        quote!("tests/none/*.pysoa", service = X),
        quote!("tests/plans/*.pysoa", servise = X),
        quote!("tests/plans/*.pysoa", service = X, service = Y),
        quote!("tests/plans/*.pysoa", service = X, live = y),
        quote!("tests/plans/*.pysoa", service = X, name = "x"),
        quote!("tests/plans/*.pysoa", live = x),
        quote!("tests/plans/*.pysoa" service = X),
        quote!("tests/plans/*.pysoa", service = X, constants = 5),
    ];
    let told = inputs.map(|input| {
        let shown = input.to_string();
        let errors = texts(expand(input, root())).join("\n    ");
        format!("{shown}\n    {errors}")
    });
    insta::assert_snapshot!(told.join("\n"));
}
