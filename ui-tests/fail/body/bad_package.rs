#[soa::body(package = "example-types")]
struct Point {
    x: i64,
}

#[soa::body(package = "example_types", without = "JsonSchema")]
struct Own {
    x: i64,
}

impl soa::__private::schemars::JsonSchema for Own {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Own".into()
    }

    fn json_schema(
        _: &mut soa::__private::schemars::SchemaGenerator,
    ) -> soa::__private::schemars::Schema {
        true.into()
    }
}

fn main() {
    let _ = (Point { x: 1 }, Own { x: 1 });
}
