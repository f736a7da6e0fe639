//! The declarations of an action for HTTP: routes, the parts of request and response, and descriptions.
//!
//! Paths and the prefix of a service have one grammar: they begin with a slash, and a name in braces is a whole segment. Two
//! routes of a service that match the same requests are a mistake, unless they belong to variants of one action. The names
//! in a path are fields of the request, which `codegen` lets the compiler check.

use std::collections::HashMap;

use syn::ext::IdentExt as _;
use syn::{Ident, LitStr};

use crate::attr::HttpArguments;
use crate::errors::Errors;
use crate::handler;
use crate::model::{Action, Http, Part, Route};
use crate::verb::Verb;

/// Checks the arguments of an action for HTTP; `None` if there are none. A route with a mistake is left out.
pub(crate) fn read(arguments: &HttpArguments, errors: &mut Errors) -> Option<Http> {
    let HttpArguments {
        routes,
        has_routes,
        body,
        result,
        status,
        headers,
        summary,
        description,
        tags,
    } = arguments;
    if let Some(body) = body {
        match routes.iter().find(|(verb, _)| !verb.has_body()) {
            _ if !has_routes => errors.on(
                body,
                "`body` is about requests over HTTP, and the action has no route: add one such as `post = \"/items\"`, or remove `body`",
            ),
            Some((verb, _)) => errors.on(
                body,
                format_args!(
                    "a request by `{}` has no body, as all its fields are in the path and the query: remove `body`, or make the other routes a second action",
                    verb.argument()
                ),
            ),
            None => {}
        }
    }
    if let Some(status) = status
        && !has_routes
    {
        errors.on(
            status,
            "`status` is about answers over HTTP, and the action has no route: add one such as `post = \"/items\"`, or remove `status`",
        );
    }
    for (name, value) in headers {
        header(name, value, errors);
    }
    if let Some((name, _)) = headers.first()
        && !has_routes
    {
        errors.on(
            name,
            "`headers` is about answers over HTTP, and the action has no route: add one such as `get = \"/items/{id}\"`, or remove `headers`",
        );
    }
    let routes: Vec<Route> = routes
        .iter()
        .filter(|(_, path)| is_path("a path", path, errors))
        .map(|(verb, path)| Route {
            verb: *verb,
            path: path.clone(),
        })
        .collect();
    let http = Http {
        routes,
        body: body.as_ref().map(part),
        result: result.as_ref().map(part),
        status: status.clone(),
        headers: headers.clone(),
        summary: summary.clone(),
        description: description.clone(),
        tags: tags.clone(),
    };
    (!http.is_empty()).then_some(http)
}

impl Http {
    fn is_empty(&self) -> bool {
        self.routes.is_empty()
            && self.body.is_none()
            && self.result.is_none()
            && self.status.is_none()
            && self.headers.is_empty()
            && self.summary.is_none()
            && self.description.is_none()
            && self.tags.is_empty()
    }
}

/// Returns the part that an argument names. `r#whole` is a field of that name.
fn part(name: &Ident) -> Part {
    if name == "whole" {
        return Part::Whole;
    }
    Part::Field(LitStr::new(&name.unraw().to_string(), name.span()))
}

/// Checks the prefix of a service. One with a mistake is left out.
pub(crate) fn prefix(given: Option<LitStr>, errors: &mut Errors) -> Option<LitStr> {
    given.filter(|prefix| is_path("a prefix", prefix, errors))
}

/// Returns true for a path that a route can have, and reports what is wrong in any other.
fn is_path(subject: &str, path: &LitStr, errors: &mut Errors) -> bool {
    let text = path.value();
    if !text.starts_with('/') {
        errors.on(
            path,
            format_args!("{subject} begins with a slash: write `\"/{text}\"`"),
        );
        return false;
    }
    if let Some(letter) = text
        .chars()
        .find(|letter| letter.is_whitespace() || letter.is_control() || matches!(letter, '?' | '#'))
    {
        errors.on(
            path,
            format_args!("{letter:?} cannot be in {subject}: remove it"),
        );
        return false;
    }
    if let Some(letter) = text
        .chars()
        .find(|letter| !letter.is_ascii() || *letter == '%')
    {
        errors.on(
            path,
            format_args!(
                "{letter:?} cannot be in {subject}: paths are written in ASCII, without escapes"
            ),
        );
        return false;
    }
    let mut names: Vec<&str> = Vec::new();
    let segments: Vec<&str> = text.split('/').skip(1).collect();
    let last = segments.len() - 1;
    for (index, segment) in segments.into_iter().enumerate() {
        if segment.is_empty() && index != last {
            errors.on(
                path,
                format_args!("{subject} cannot have an empty segment: remove one of the slashes"),
            );
            return false;
        }
        if matches!(segment, "." | "..") {
            errors.on(
                path,
                format_args!("{subject} cannot have a segment `{segment}`, which clients do not send: remove it"),
            );
            return false;
        }
        if let Some(name) = segment.strip_prefix(':') {
            errors.on(
                path,
                format_args!("a name is written in braces: `{{{name}}}` in place of `:{name}`"),
            );
            return false;
        }
        if segment.starts_with('*') {
            errors.on(
                path,
                format_args!(
                    "`{segment}`: a name stands for one segment of a path, and nothing for several"
                ),
            );
            return false;
        }
        if !segment.contains(['{', '}']) {
            continue;
        }
        let name = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            .filter(|name| !name.is_empty() && !name.contains(['{', '}', '*', ':']));
        let Some(name) = name else {
            errors.on(
                path,
                format_args!(
                    "`{segment}`: a name in braces is a whole segment of the path, as in `/items/{{id}}`"
                ),
            );
            return false;
        };
        if names.contains(&name) {
            errors.on(
                path,
                format_args!("`{{{name}}}` is in the path twice: keep one of them"),
            );
            return false;
        }
        names.push(name);
    }
    true
}

/// Checks a header: its name has no spaces, and its value no line breaks.
pub(crate) fn header(name: &LitStr, value: &LitStr, errors: &mut Errors) {
    let text = name.value();
    let is_letter =
        |letter: u8| letter.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&letter);
    if text.is_empty() || !text.bytes().all(is_letter) {
        errors.on(
            name,
            format_args!("`{text}` cannot name a header: write one such as `Location`"),
        );
    }
    if let Some(letter) = value.value().chars().find(|letter| letter.is_control()) {
        errors.on(
            value,
            format_args!("{letter:?} cannot be in the value of a header: remove it"),
        );
    }
}

/// Checks the names in the routes of an action against what the signature tells.
pub(crate) fn names(action: &Action, prefix: Option<&LitStr>, errors: &mut Errors) {
    let Some(http) = &action.declared.http else {
        return;
    };
    let method = &action.method;
    let takes_none = action.request.as_ref().is_none_or(handler::is_unit);
    let text = prefix.map(LitStr::value).unwrap_or_default();
    let in_prefix = names_in(&text);
    if let (Some(prefix), Some(name), true) = (prefix, in_prefix.first(), takes_none)
        && !http.routes.is_empty()
    {
        errors.on(
            prefix,
            format_args!("`{{{name}}}` is no field, as `{method}` takes no request"),
        );
    }
    for route in &http.routes {
        let path = route.path.value();
        for name in names_in(&path) {
            if in_prefix.contains(&name) {
                errors.on(
                    &route.path,
                    format_args!(
                        "`{{{name}}}` is in the prefix of the service already: remove it here"
                    ),
                );
            } else if takes_none {
                errors.on(
                    &route.path,
                    format_args!("`{{{name}}}` is no field, as `{method}` takes no request"),
                );
            }
        }
    }
    if let Some(Part::Field(field)) = &http.body {
        let name = field.value();
        let is_in = |path: &&Route| names_in(&path.path.value()).contains(&&*name);
        if takes_none {
            errors.on(
                field,
                format_args!("`{name}` is no field, as `{method}` takes no request"),
            );
        } else if let Some(route) = http.routes.iter().find(is_in) {
            let path = route.path.value();
            errors.on(
                field,
                format_args!(
                    "`{name}` is in the path `{path}`, so it cannot be the body: name another field"
                ),
            );
        } else if in_prefix.contains(&&*name) {
            errors.on(
                field,
                format_args!("`{name}` is in the prefix `{text}`, so it cannot be the body: name another field"),
            );
        }
    }
    if let Some(Part::Field(field)) = &http.result
        && handler::is_unit(&action.response)
    {
        errors.on(
            field,
            format_args!(
                "`{}` is no field, as the response of `{method}` is `()`",
                field.value()
            ),
        );
    }
}

/// Returns the names in the braces of a text, which a path has as whole segments, and a header anywhere.
pub(crate) fn names_in(text: &str) -> Vec<&str> {
    let after = text.split('{').skip(1);
    after
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .collect()
}

/// The routes that the actions of a service use.
#[derive(Default)]
pub(crate) struct Routes {
    /// By the method, and the path with each name replaced.
    taken: HashMap<(Verb, String), Vec<RouteUse>>,
}

/// One use of a route.
struct RouteUse {
    /// The name of the action, which its variants share.
    action: String,
    method: String,
    conditional: bool,
}

impl Routes {
    /// Adds the routes of an action, and reports those that match the same requests as others.
    pub(crate) fn add(
        &mut self,
        http: &Http,
        action: &str,
        method: &Ident,
        conditional: bool,
        errors: &mut Errors,
    ) {
        for Route { verb, path } in &http.routes {
            let shape = shape(&path.value());
            let uses = self.taken.entry((*verb, shape)).or_default();
            let argument = verb.argument();
            let shown = path.value();
            let is_same = |other: &&RouteUse| {
                (action != other.action || method == &other.method)
                    && !(other.conditional && conditional)
            };
            if let Some(other) = uses.iter().find(is_same) {
                let other = if method == &other.method {
                    "another route of this action: keep one of them".to_owned()
                } else {
                    let other = &other.method;
                    format!("a route of `{other}`: give one of them another path")
                };
                errors.on(
                    path,
                    format_args!("`{argument} = \"{shown}\"` matches the same requests as {other}"),
                );
                continue;
            }
            uses.push(RouteUse {
                action: action.to_owned(),
                method: method.to_string(),
                conditional,
            });
        }
    }
}

/// Returns a path with each name replaced, so that paths that match the same requests are equal.
fn shape(path: &str) -> String {
    let segments =
        path.trim_start_matches('/')
            .split('/')
            .map(|segment| match segment.starts_with('{') {
                true => "{}",
                false => segment,
            });
    segments.collect::<Vec<_>>().join("/")
}
