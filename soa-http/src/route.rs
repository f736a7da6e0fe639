//! The route of an action: a method, a path, and the origin of each field of the request.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use soa_wire::BuildError;
use soa_wire::declared::{BodyForm, Method, Route};
use soa_wire::schema::{Field, Keys, Node, NodeKind, Schema};

use crate::hosted::{Hosted, Offered};

/// A route of a service that is served here.
#[derive(Debug)]
pub(crate) struct RoutePlan {
    pub(crate) hosted: Arc<Hosted>,
    form: RouteForm,
}

impl Deref for RoutePlan {
    type Target = RouteForm;

    fn deref(&self) -> &RouteForm {
        &self.form
    }
}

/// A route with the origin of each field of its action's request.
#[derive(Debug)]
pub(crate) struct RouteForm {
    pub(crate) offered: Arc<Offered>,
    pub(crate) method: Method,
    /// The whole path, with names in braces.
    pub(crate) path: String,
    /// The fields in the path.
    pub(crate) in_path: Vec<String>,
    /// The fields in the query.
    pub(crate) in_query: Vec<String>,
    pub(crate) body: BodyPart,
}

/// The part of a request that the body of HTTP is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyPart {
    /// No part: a body is ignored.
    None,
    Field(String),
    /// All fields that are not in the path.
    Rest,
}

impl RouteForm {
    /// Returns the field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        let mut fields = self.offered.arguments()?.iter();
        fields.find(|field| field.is_named(name))
    }

    /// Returns the path with every name replaced, so that routes that match the same requests are equal.
    pub(crate) fn shape(&self) -> String {
        let segments = self
            .path
            .split('/')
            .map(|segment| match segment.starts_with('{') {
                true => "{}",
                false => segment,
            });
        segments.collect::<Vec<_>>().join("/")
    }
}

/// Returns the routes of a service.
///
/// # Errors
/// A path names no field of the request; a field has no text form; a body where there is none; two routes match the same
/// requests.
pub(crate) fn plans(hosted: &Arc<Hosted>) -> Result<Vec<RoutePlan>, BuildError> {
    let prefix = hosted
        .server
        .descriptor()
        .map_or("", |service| service.rest());
    let mut plans: Vec<RoutePlan> = Vec::new();
    let mut known: HashMap<(Method, String), String> = HashMap::new();
    // A default goes before the variants that are declared before it.
    let mut in_order: Vec<&Arc<Offered>> = hosted.offered().iter().collect();
    in_order.sort_by_key(|offered| offered.descriptor.switch().is_some());
    for offered in in_order {
        // The variants of an action share its routes; which one answers is decided by the switches of each request.
        let is_default = offered.descriptor.switch().is_none();
        for route in offered.http().all_routes() {
            let of_variant = known.values().any(|name| name == offered.name());
            if !is_default && of_variant {
                continue;
            }
            let form = RouteForm::new(offered, prefix, route).map_err(|problem| {
                let (service, action) = (hosted.server.name(), offered.name());
                BuildError::new(format!(
                    "action `{service}.{action}`, route `{} {}`: {problem}",
                    route.method().as_str(),
                    route.path()
                ))
            })?;
            let plan = RoutePlan {
                hosted: Arc::clone(hosted),
                form,
            };
            let shape = (plan.method, plan.shape());
            if let Some(other) = known.insert(shape, offered.name().to_owned()) {
                return Err(BuildError::new(format!(
                    "the actions `{other}` and `{}` of `{}` have the same route `{} {}`",
                    offered.name(),
                    hosted.server.name(),
                    plan.method.as_str(),
                    plan.path,
                )));
            }
            plans.push(plan);
        }
    }
    Ok(plans)
}

impl RouteForm {
    /// Finds out where each field of a request is.
    ///
    /// # Errors
    /// A field cannot be where it would have to be.
    pub(crate) fn new(offered: &Arc<Offered>, prefix: &str, route: &Route) -> Result<Self, String> {
        let http = offered.http();
        let fields = offered.arguments();
        let path = whole_path(prefix, route.path());
        let in_path = names(&path)?;
        let Some(fields) = fields else {
            // The request is a map or an enum: the whole body.
            return match (in_path.first(), route.method().has_body()) {
                (Some(name), _) => Err(format!(
                    "`{{{name}}}` is no field: the request is not a struct"
                )),
                (None, true) => Ok(Self {
                    offered: Arc::clone(offered),
                    method: route.method(),
                    path,
                    in_path,
                    in_query: Vec::new(),
                    body: BodyPart::Rest,
                }),
                (None, false) => {
                    Err("the request is not a struct, and the method has no body".to_owned())
                }
            };
        };
        let schema = &offered.request;
        for name in &in_path {
            let field = fields.iter().find(|field| field.name == *name);
            let field = field.ok_or_else(|| format!("`{{{name}}}` is no field of the request"))?;
            if !has_text_form(schema, &field.node) {
                return Err(match is_list_of_texts(schema, &field.node) {
                    true => {
                        format!(
                            "`{name}` is a list, and a path holds one value: put it into the query"
                        )
                    }
                    false => format!(
                        "`{name}` cannot be in a path: numbers, texts, booleans, times and enums of plain names can"
                    ),
                });
            }
        }
        headers_have_texts(offered)?;
        let rest = || fields.iter().filter(|field| !in_path.contains(&field.name));
        let body = match http.body_form() {
            BodyForm::Field(name) => {
                if !route.method().has_body() {
                    return Err(format!("`body = {name}`, but the method has no body"));
                }
                let is_field = rest().any(|field| field.name == name);
                if !is_field {
                    return Err(format!("`body = {name}` is no field of the request"));
                }
                BodyPart::Field(name.to_owned())
            }
            BodyForm::Whole if route.method().has_body() => BodyPart::Rest,
            BodyForm::Whole => return Err("`body = whole`, but the method has no body".to_owned()),
            BodyForm::ByType if !route.method().has_body() => BodyPart::None,
            // The first field that is a struct, as in the reference.
            BodyForm::ByType => match rest().find(|field| is_struct(schema, &field.node)) {
                Some(field) => BodyPart::Field(field.name.clone()),
                None => BodyPart::None,
            },
        };
        let mut in_query = Vec::new();
        for field in rest() {
            let is_body = match &body {
                BodyPart::None => false,
                BodyPart::Field(name) => *name == field.name,
                BodyPart::Rest => true,
            };
            if is_body {
                continue;
            }
            if !has_text_form(schema, &field.node) && !is_list_of_texts(schema, &field.node) {
                let name = &field.name;
                return Err(match route.method().has_body() {
                    true => format!(
                        "`{name}` cannot be in a query, as it has no text form: write `body = {name}`, or `body = whole` to read \
                     all fields from the body"
                    ),
                    false => format!(
                        "`{name}` cannot be in a query, as it has no text form, and the method has no body: make it `post`, or \
                     leave out the route and call the action by its name"
                    ),
                });
            }
            in_query.push(field.name.clone());
        }
        Ok(Self {
            offered: Arc::clone(offered),
            method: route.method(),
            path,
            in_path,
            in_query,
            body,
        })
    }
}

/// Checks that the fields in the headers of a success have a text form.
fn headers_have_texts(offered: &Offered) -> Result<(), String> {
    for (header, pattern) in offered.http().success_headers() {
        let names = pattern.split('{').skip(1);
        for (name, _) in names.filter_map(|rest| rest.split_once('}')) {
            let of = |schema: &'_ Schema| {
                let field = schema.fields()?.iter().find(|field| field.name == name)?;
                Some(has_text_form(schema, &field.node))
            };
            if of(&offered.response).or_else(|| of(&offered.request)) == Some(false) {
                return Err(format!(
                    "`{name}` cannot be in the header `{header}`: it is not one value"
                ));
            }
        }
    }
    Ok(())
}

/// Joins the prefix of a service and the path of a route.
fn whole_path(prefix: &str, path: &str) -> String {
    let prefix = prefix.trim_matches('/');
    let path = path.trim_start_matches('/');
    match prefix {
        "" => format!("/{path}"),
        prefix => format!("/{prefix}/{path}"),
    }
}

/// Returns the names in the braces of a path.
fn names(path: &str) -> Result<Vec<String>, String> {
    let mut names: Vec<String> = Vec::new();
    for segment in path.split('/') {
        if segment.starts_with([':', '*']) {
            return Err(format!(
                "`{segment}`: a name is written in braces, and stands for one segment of the path"
            ));
        }
        if !segment.is_ascii() || segment.contains('%') {
            return Err(format!(
                "`{segment}`: paths are written in ASCII, without escapes"
            ));
        }
        if !segment.contains(['{', '}']) {
            continue;
        }
        let name = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let name = name.filter(|name| !name.is_empty() && !name.contains(['{', '}', '*', ':']));
        let Some(name) = name else {
            return Err(format!(
                "`{segment}`: a name in braces is a whole segment of the path"
            ));
        };
        if names.iter().any(|known| known == name) {
            return Err(format!("`{{{name}}}` is in the path twice"));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// True if values of the type are one text each.
pub(crate) fn has_text_form(schema: &Schema, node: &Node) -> bool {
    let Some(node) = schema.resolve(node) else {
        return false;
    };
    match &node.kind {
        NodeKind::Boolean
        | NodeKind::Integer { .. }
        | NodeKind::Float(_)
        | NodeKind::Text { .. }
        | NodeKind::Bytes(_)
        | NodeKind::DateTime { .. }
        | NodeKind::Date
        | NodeKind::Time
        | NodeKind::Decimal(_)
        | NodeKind::Amount
        | NodeKind::Constant(_) => true,
        NodeKind::Nullable(inner) => has_text_form(schema, inner),
        NodeKind::Any(options) => options.iter().all(|option| has_text_form(schema, option)),
        _ => false,
    }
}

pub(crate) fn is_list_of_texts(schema: &Schema, node: &Node) -> bool {
    let Some(node) = schema.resolve(node) else {
        return false;
    };
    match &node.kind {
        NodeKind::List { contents, .. } => has_text_form(schema, contents),
        NodeKind::Nullable(inner) => is_list_of_texts(schema, inner),
        _ => false,
    }
}

fn is_struct(schema: &Schema, node: &Node) -> bool {
    let Some(node) = schema.resolve(node) else {
        return false;
    };
    match &node.kind {
        NodeKind::Dictionary { .. } | NodeKind::Tagged { .. } => true,
        NodeKind::Entries { keys, .. } => matches!(keys, Keys::Text),
        NodeKind::Nullable(inner) => is_struct(schema, inner),
        NodeKind::Any(options) => options.iter().any(|option| is_struct(schema, option)),
        _ => false,
    }
}
