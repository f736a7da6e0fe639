//! Keys about HTTP in a program without the feature `http`, which refuses them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _};

/// The reason why a program has no HTTP.
const MISSING: &str =
    "this program is built without HTTP: it needs the feature `http` of the crate `soa`";

/// Declares a type whose every value is refused.
macro_rules! refused {
    ($(#[doc = $documentation:literal] $name:ident)*) => {$(
        #[doc = $documentation]
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        #[cfg_attr(test, allow(unreachable_pub))] // With the feature, only the tests of this module use it.
        pub struct $name;

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                Err(D::Error::custom(MISSING))
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            /// Any value, so that the reason is the only problem with it.
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!(true)
            }
        }
    )*};
}

refused! {
    /// HTTP in front of the service, which this program does not have.
    HttpSettings
    /// Connections over HTTP, which this program does not have.
    HttpClientSettings
    /// Calls over HTTP, which this program does not have.
    HttpTransportSettings
    /// Registry of components over HTTP, which this program does not have.
    RegistrySettings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_http_are_refused_with_the_feature_that_is_missing() {
        let given = serde_json::json!({ "address": "127.0.0.1:8000" });
        let errors = [
            serde_json::from_value::<HttpSettings>(given.clone()).unwrap_err(),
            serde_json::from_value::<HttpClientSettings>(given.clone()).unwrap_err(),
            serde_json::from_value::<HttpTransportSettings>(given.clone()).unwrap_err(),
            serde_json::from_value::<RegistrySettings>(given).unwrap_err(),
        ];
        for error in errors {
            let error = error.to_string();
            assert!(
                error.contains("the feature `http` of the crate `soa`"),
                "{error}"
            );
        }
    }
}
