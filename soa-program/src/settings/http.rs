//! The key `server.http` of a program without the feature `http`, which refuses it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _};

/// HTTP in front of the service, which this program does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(test, allow(unreachable_pub))] // With the feature, only the tests of this module use it.
pub struct HttpSettings;

impl HttpSettings {
    /// The reason why a program does not serve HTTP.
    const MISSING: &str =
        "this program is built without HTTP: it needs the feature `http` of the crate `soa`";
}

impl<'de> Deserialize<'de> for HttpSettings {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom(Self::MISSING))
    }
}

impl JsonSchema for HttpSettings {
    fn schema_name() -> Cow<'static, str> {
        "HttpSettings".into()
    }

    /// Any value, so that the reason is the only problem with it.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_http_are_refused_with_the_feature_that_is_missing() {
        let given = serde_json::json!({ "address": "127.0.0.1:8000" });
        let error = serde_json::from_value::<HttpSettings>(given).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("the feature `http` of the crate `soa`")
        );
    }
}
