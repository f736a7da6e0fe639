//! The configuration of expansions, with the keys of the reference.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// The expansions that calls of a client can ask for.
///
/// They have the keys of the reference, in settings and in code. A route names the action that finds objects by their
/// identifiers. An expansion names the field of an object that holds the identifier, and the field that takes the
/// object that was found.
///
/// ```
/// # mod soa { pub use soa_wire::expansion as client; }
/// use soa::client::{Expansion, ExpansionRoute, Expansions};
///
/// let expansions = Expansions::new()
///     .route(
///         "authors",
///         ExpansionRoute::new("library", "get_authors")
///             .request_field("author_ids")
///             .response_field("authors"),
///     )
///     .expansion(
///         "book",
///         "author",
///         Expansion::new("authors")
///             .source_field("author_id")
///             .destination_field("author")
///             .of_type("author"),
///     );
/// // `Client::builder().expansions(expansions)` takes them.
/// assert_eq!(expansions.type_routes["authors"].service, "library");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Expansions {
    /// The actions that find objects, by the names that `type_expansions` refer to.
    pub type_routes: BTreeMap<String, ExpansionRoute>,
    /// The expansions: by the `_type` of an object, then by the name that calls ask for.
    pub type_expansions: BTreeMap<String, BTreeMap<String, Expansion>>,
}

/// An action that finds objects by their identifiers.
///
/// ```
/// # mod soa { pub use soa_wire::expansion as client; }
/// use soa::client::ExpansionRoute;
///
/// let authors = ExpansionRoute::new("library", "get_authors")
///     .request_field("author_ids")
///     .response_field("authors");
/// assert_eq!(authors.action, "get_authors");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ExpansionRoute {
    /// The service that finds the objects.
    pub service: String,
    /// Its action.
    pub action: String,
    /// The field of the request that takes the identifiers, as a list.
    pub request_field: String,
    /// The field of the response that holds the objects, as a map by identifier.
    pub response_field: String,
}

/// An expansion of objects of one type.
///
/// ```
/// # mod soa { pub use soa_wire::expansion as client; }
/// use soa::client::Expansion;
///
/// let author = Expansion::new("authors")
///     .source_field("author_id")
///     .destination_field("author")
///     .of_type("author")
///     .raise_action_errors();
/// assert_eq!(author.route, "authors");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Expansion {
    /// The `_type` of the objects that are found, for expansions nested in this one (`owner.boss`).
    #[serde(rename = "type")]
    pub of_type: Option<String>,
    /// The name of the route that finds them.
    pub route: String,
    /// The field that holds the identifier.
    pub source_field: String,
    /// The field that takes the object. An object that is there already is kept.
    pub destination_field: String,
    /// True if errors that the service answers are errors of the call. Otherwise they are logged, and the objects are
    /// left out.
    #[serde(default)]
    pub raise_action_errors: bool,
}

impl Expansions {
    /// Returns an empty configuration.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route; one of the same name is replaced.
    #[must_use]
    pub fn route(mut self, name: impl Into<String>, route: ExpansionRoute) -> Self {
        self.type_routes.insert(name.into(), route);
        self
    }

    /// Adds an expansion of the objects with this `_type`; one of the same name is replaced.
    #[must_use]
    pub fn expansion(
        mut self,
        object_type: impl Into<String>,
        name: impl Into<String>,
        expansion: Expansion,
    ) -> Self {
        let expansions = self.type_expansions.entry(object_type.into()).or_default();
        expansions.insert(name.into(), expansion);
        self
    }

    /// Returns the mistakes in the configuration.
    #[doc(hidden)]
    pub fn mistakes(&self) -> Vec<Mistake<'_>> {
        let mut mistakes = Vec::new();
        for (name, route) in &self.type_routes {
            let fields = [
                ("service", &route.service),
                ("action", &route.action),
                ("request_field", &route.request_field),
                ("response_field", &route.response_field),
            ];
            let path = |field| vec!["type_routes", name, field];
            mistakes.extend(empty(&fields, path));
        }
        for (object_type, expansions) in &self.type_expansions {
            for (name, expansion) in expansions {
                let path = |field| vec!["type_expansions", object_type, name, field];
                let (source, destination) = (&expansion.source_field, &expansion.destination_field);
                let fields = [("source_field", source), ("destination_field", destination)];
                mistakes.extend(empty(&fields, path));
                if source == destination && !source.is_empty() {
                    let message = "source and destination are the same field; the object needs a field of its own";
                    let path = path("destination_field");
                    mistakes.push(Mistake::new(path, message.to_owned()));
                }
                if !self.type_routes.contains_key(&expansion.route) {
                    let message = format!("there is no route `{}`", expansion.route);
                    mistakes.push(Mistake {
                        meant: Some((&expansion.route, self.type_routes.keys().collect())),
                        ..Mistake::new(path("route"), message)
                    });
                }
                if name.contains('.') {
                    let path = vec!["type_expansions", object_type, name];
                    let message = "the name contains a dot, which is reserved for expansions nested in others";
                    mistakes.push(Mistake::new(path, message.to_owned()));
                }
            }
        }
        mistakes
    }
}

fn empty<'a>(
    fields: &[(&'static str, &String)],
    path: impl Fn(&'static str) -> Vec<&'a str>,
) -> Vec<Mistake<'a>> {
    let fields = fields.iter().filter(|(_, value)| value.is_empty());
    fields
        .map(|(field, _)| Mistake::new(path(field), "must not be empty".to_owned()))
        .collect()
}

/// A mistake in the configuration.
#[derive(Debug)]
#[doc(hidden)]
pub struct Mistake<'a> {
    /// The keys that lead to the mistake.
    #[doc(hidden)]
    pub path: Vec<&'a str>,
    #[doc(hidden)]
    pub message: String,
    /// The name that does not exist, and the names that do.
    #[doc(hidden)]
    pub meant: Option<(&'a str, Vec<&'a String>)>,
}

impl<'a> Mistake<'a> {
    fn new(path: Vec<&'a str>, message: String) -> Self {
        Self {
            path,
            message,
            meant: None,
        }
    }
}

impl fmt::Display for Mistake<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.path.join("."), self.message)?;
        if let Some((_, known)) = &self.meant {
            f.write_str(&listed(known.iter().copied()))?;
        }
        Ok(())
    }
}

/// Returns the names that exist, for messages.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return "; none exist".to_owned();
    }
    format!("; known are {}", names.join(", "))
}

impl ExpansionRoute {
    /// Returns a route to this action of this service. Both fields have to be set, too.
    pub fn new(service: impl Into<String>, action: impl Into<String>) -> Self {
        Self {
            service: service.into(),
            action: action.into(),
            request_field: String::new(),
            response_field: String::new(),
        }
    }

    /// Sets the field of the request that takes the identifiers, as a list.
    #[must_use]
    pub fn request_field(mut self, name: impl Into<String>) -> Self {
        self.request_field = name.into();
        self
    }

    /// Sets the field of the response that holds the objects, as a map by identifier.
    #[must_use]
    pub fn response_field(mut self, name: impl Into<String>) -> Self {
        self.response_field = name.into();
        self
    }
}

impl Expansion {
    /// Returns an expansion by the route of this name. Both fields have to be set, too.
    pub fn new(route: impl Into<String>) -> Self {
        Self {
            of_type: None,
            route: route.into(),
            source_field: String::new(),
            destination_field: String::new(),
            raise_action_errors: false,
        }
    }

    /// Sets the field that holds the identifier.
    #[must_use]
    pub fn source_field(mut self, name: impl Into<String>) -> Self {
        self.source_field = name.into();
        self
    }

    /// Sets the field that takes the object.
    #[must_use]
    pub fn destination_field(mut self, name: impl Into<String>) -> Self {
        self.destination_field = name.into();
        self
    }

    /// Sets the `_type` of the objects that are found, for expansions nested in this one.
    #[must_use]
    pub fn of_type(mut self, object_type: impl Into<String>) -> Self {
        self.of_type = Some(object_type.into());
        self
    }

    /// Turns errors that the service answers into errors of the call.
    #[must_use]
    pub fn raise_action_errors(mut self) -> Self {
        self.raise_action_errors = true;
        self
    }
}
