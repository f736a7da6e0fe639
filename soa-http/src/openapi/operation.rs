//! The operations of a document: routes, and calls by name.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};
use soa_runtime::ErrorDescriptor;
use soa_wire::schema::{ExtraKeys, Field, NodeKind};

use super::answers::{Answers, Form, json_answer};
use super::comment::Comment;
use super::types::{Side, Types};
use crate::hosted::{Hosted, Offered, ResultPart};
use crate::reply::JSON;
use crate::route::{BodyPart, RoutePlan};

/// The names of the security schemes.
pub(super) const BEARER: &str = "bearer";
pub(super) const COOKIE: &str = "cookie";

/// The writer of operations: what the operations of one document share.
#[derive(Debug)]
pub(super) struct Operations {
    pub(super) types: Types,
    ids: BTreeSet<String>,
    /// The tags in the order of their first use, with descriptions.
    tags: Vec<(String, Option<&'static str>)>,
    /// The cookie that may have a token.
    cookie: Option<String>,
    /// True if an operation takes a token.
    pub(super) is_secured: bool,
}

/// An operation before it is JSON.
#[derive(Debug, Default)]
struct Operation {
    tags: Vec<String>,
    summary: String,
    description: Option<String>,
    id: String,
    parameters: Vec<Json>,
    body: Option<Json>,
    answers: Json,
    is_deprecated: bool,
    is_secured: bool,
}

impl Operations {
    pub(super) fn new(cookie: Option<String>) -> Self {
        Self {
            types: Types::default(),
            ids: BTreeSet::new(),
            tags: Vec::new(),
            cookie,
            is_secured: false,
        }
    }

    /// Returns the tags of the document.
    pub(super) fn tags(&self) -> Json {
        let tags = self
            .tags
            .iter()
            .map(|(name, description)| match description {
                Some(description) => json!({ "name": name, "description": description }),
                None => json!({ "name": name }),
            });
        tags.collect()
    }

    /// Returns the operation of a route. The names in its path may be those of another route with the same places.
    pub(super) fn route(&mut self, plan: &RoutePlan, names: &[String]) -> Json {
        let offered = &*plan.offered;
        let comment = comment(offered);
        let places = plan.in_path.iter().zip(names);
        let mut parameters = Vec::new();
        for (field, shown) in places {
            if let Some(field) = plan.field(field) {
                parameters.push(self.parameter(offered, field, shown, "path", &comment));
            }
        }
        for name in &plan.in_query {
            if let Some(field) = plan.field(name) {
                parameters.push(self.parameter(offered, field, name, "query", &comment));
            }
        }
        let body = self.route_body(plan, &comment);
        let has_input = !parameters.is_empty() || body.is_some();
        let operation = Operation {
            parameters,
            body,
            answers: self.answers(&plan.hosted, offered, Form::Rest, has_input),
            ..self.operation(&plan.hosted, offered.name(), Some(offered), &comment)
        };
        self.write(operation)
    }

    /// Returns the operation of a call by name. Several variants of an action answer by the switches of a request.
    pub(super) fn call(&mut self, hosted: &Hosted, variants: &[&Offered]) -> Option<Json> {
        let first = *variants.first()?;
        let comment = comment(first);
        let mut requests = Vec::new();
        let mut responses = Vec::new();
        for variant in variants {
            requests.push(self.types.whole(&variant.request, Side::Request));
            responses.push(self.types.whole(&variant.response, Side::Answer));
        }
        let is_required = variants.iter().all(|one| needs_body(one));
        let body = json!({
            "required": is_required,
            "content": { JSON: { "schema": any_of(requests) } },
        });
        let switches = variants.iter().filter_map(|one| one.descriptor.switch());
        let switches: Vec<String> = switches.map(|one| format!("{}", one.number())).collect();
        let parameters = match switches.is_empty() {
            true => Vec::new(),
            false => vec![json!({
                "name": "X-Soa-Switches",
                "in": "header",
                "required": false,
                "description": format!(
                    "Switches that are on, with commas between. The action has variants for {}.",
                    switches.join(", ")
                ),
                "schema": { "type": "string" },
                "example": switches.first(),
            })],
        };
        let answers = Answers {
            success: (200, json_answer(SUCCESS, any_of(responses))),
            ..self.refusals(hosted, first, Form::Call, true)
        };
        let answers = answers.write(&mut self.types);
        let operation = Operation {
            parameters,
            body: Some(body),
            answers,
            ..self.operation(hosted, first.name(), Some(first), &comment)
        };
        Some(self.write(operation))
    }

    /// Returns the operation of a call by name of an action whose types are not declared.
    pub(super) fn untyped_call(&mut self, hosted: &Hosted, action: &str) -> Json {
        let server = &hosted.server;
        let (request, response) = (
            server.request_schema(action, &Default::default()),
            server.response_schema(action, &Default::default()),
        );
        let request = match request {
            Some(schema) => self.types.whole(&schema, Side::Request),
            None => json!({ "type": "object" }),
        };
        let response = match response {
            Some(schema) => self.types.whole(&schema, Side::Answer),
            None => json!({}),
        };
        let comment = Comment::default();
        let answers = Answers {
            form: Form::Call,
            success: (200, json_answer(SUCCESS, response)),
            declared: &[],
            has_input: true,
            authenticates: server.authenticates(),
            requires: false,
        };
        let operation = Operation {
            body: Some(json!({ "content": { JSON: { "schema": request } } })),
            answers: answers.write(&mut self.types),
            is_secured: server.authenticates(),
            ..self.operation(hosted, action, None, &comment)
        };
        self.write(operation)
    }

    /// Returns what the operations of an action have in common.
    fn operation(
        &mut self,
        hosted: &Hosted,
        action: &str,
        offered: Option<&Offered>,
        comment: &Comment,
    ) -> Operation {
        let service = hosted.server.name();
        let declared = offered.map(|one| one.descriptor.declared());
        let tags = declared.map_or(&[][..], |one| one.for_http().all_tags());
        let tags: Vec<String> = match tags {
            [] => {
                let descriptor = hosted.server.descriptor();
                let name = descriptor
                    .map_or_else(|| service.to_owned(), |one| one.type_name().into_owned());
                self.add_tag(&name, descriptor.and_then(|one| one.documentation()));
                vec![name]
            }
            tags => {
                tags.iter().for_each(|tag| self.add_tag(tag, None));
                tags.iter().map(|tag| (*tag).to_owned()).collect()
            }
        };
        let http = offered.map(Offered::http);
        let declared_text = http.and_then(|one| one.declared_description());
        let mut description = declared_text
            .map(str::to_owned)
            .or_else(|| comment.text.clone());
        let summary = http.and_then(|one| one.declared_summary());
        let summary = summary
            .map(str::to_owned)
            .or_else(|| comment.summary.clone());
        let permissions = declared.map_or(&[][..], |one| one.required_permissions());
        if !permissions.is_empty() {
            let needs = format!("Requires `{}`.", permissions.join("`, `"));
            description = Some(match description {
                Some(text) => format!("{text}\n\n{needs}"),
                None => needs,
            });
        }
        Operation {
            tags,
            summary: summary.unwrap_or_else(|| words(action)),
            description,
            id: self.id(&format!("{service}_{action}")),
            is_deprecated: offered.is_some_and(|one| one.descriptor.is_deprecated()),
            is_secured: !permissions.is_empty() || hosted.server.authenticates(),
            ..Operation::default()
        }
    }

    fn add_tag(&mut self, name: &str, description: Option<&'static str>) {
        match self.tags.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = known.or(description),
            None => self.tags.push((name.to_owned(), description)),
        }
    }

    /// Returns an id that no other operation has.
    fn id(&mut self, wanted: &str) -> String {
        let is_allowed = |one: char| one.is_ascii_alphanumeric() || one == '_';
        let wanted: String = wanted
            .chars()
            .map(|one| if is_allowed(one) { one } else { '_' })
            .collect();
        let mut id = wanted.clone();
        let mut number = 1;
        while !self.ids.insert(id.clone()) {
            number += 1;
            id = format!("{wanted}_{number}");
        }
        id
    }

    /// Returns an operation as JSON.
    fn write(&mut self, operation: Operation) -> Json {
        let mut written = Map::new();
        let mut set = |key: &str, value: Json| drop(written.insert(key.to_owned(), value));
        set("tags", operation.tags.into());
        set("summary", operation.summary.into());
        if let Some(description) = operation.description {
            set("description", description.into());
        }
        set("operationId", operation.id.into());
        if !operation.parameters.is_empty() {
            set("parameters", operation.parameters.into());
        }
        if let Some(body) = operation.body {
            set("requestBody", body);
        }
        set("responses", operation.answers);
        if operation.is_deprecated {
            set("deprecated", true.into());
        }
        if operation.is_secured {
            self.is_secured = true;
            let cookie = self.cookie.as_ref().map(|_| json!({ COOKIE: [] }));
            let ways: Vec<Json> = [Some(json!({ BEARER: [] })), cookie]
                .into_iter()
                .flatten()
                .collect();
            set("security", ways.into());
        }
        Json::Object(written)
    }

    fn parameter(
        &mut self,
        offered: &Offered,
        field: &Field,
        name: &str,
        place: &str,
        comment: &Comment,
    ) -> Json {
        // A parameter that is there is not null.
        let node = match &field.node.kind {
            NodeKind::Nullable(inner) => inner,
            _ => &field.node,
        };
        let mut schema = self.types.node(&offered.request, node, Side::Request);
        let mut parameter = Map::new();
        let mut set = |key: &str, value: Json| drop(parameter.insert(key.to_owned(), value));
        set("name", name.into());
        set("in", place.into());
        set("required", (place == "path" || field.required).into());
        let own = schema
            .as_object_mut()
            .and_then(|schema| schema.remove("description"));
        let own = own.or_else(|| field.node.description.clone().map(Json::from));
        let said = argument(comment, field);
        if let Some(description) = own.or_else(|| said.map(Json::from)) {
            set("description", description);
        }
        if let Some(deprecated) = schema
            .as_object_mut()
            .and_then(|schema| schema.remove("deprecated"))
        {
            set("deprecated", deprecated);
        }
        if let Some(example) = schema.pointer("/examples/0") {
            set("example", example.clone());
        }
        set("schema", schema);
        Json::Object(parameter)
    }

    fn route_body(&mut self, plan: &RoutePlan, comment: &Comment) -> Option<Json> {
        let offered = &*plan.offered;
        let (mut schema, is_required) = match &plan.body {
            BodyPart::None => return None,
            BodyPart::Field(name) => {
                let field = plan.field(name)?;
                let schema = self.types.field(&offered.request, field, Side::Request);
                (described(schema, argument(comment, field)), field.required)
            }
            BodyPart::Rest => (self.rest_of_body(plan, comment), needs_body(offered)),
        };
        let description = schema
            .as_object_mut()
            .and_then(|schema| schema.remove("description"));
        let mut body =
            json!({ "required": is_required, "content": { JSON: { "schema": schema } } });
        if let (Some(description), Some(body)) = (description, body.as_object_mut()) {
            body.insert("description".to_owned(), description);
        }
        Some(body)
    }

    /// Returns the schema of the fields that are not in the path.
    fn rest_of_body(&mut self, plan: &RoutePlan, comment: &Comment) -> Json {
        let offered = &*plan.offered;
        let Some(fields) = offered.arguments() else {
            return self.types.whole(&offered.request, Side::Request);
        };
        let in_body = || {
            fields
                .iter()
                .filter(|field| !plan.in_path.contains(&field.name))
        };
        let is_said =
            |field: &Field| field.node.description.is_none() && argument(comment, field).is_some();
        if plan.in_path.is_empty() && !in_body().any(is_said) {
            return self.types.whole(&offered.request, Side::Request);
        }
        let root = offered.request.resolve(offered.request.root());
        let extra = root.map_or(&ExtraKeys::Allowed, |root| match &root.kind {
            NodeKind::Dictionary { extra, .. } => extra,
            _ => &ExtraKeys::Refused,
        });
        let mut schema = self
            .types
            .fields(&offered.request, in_body(), extra, Side::Request);
        for field in in_body() {
            if let Some(property) = schema
                .get_mut("properties")
                .and_then(|properties| properties.get_mut(&field.name))
            {
                *property = described(property.take(), argument(comment, field));
            }
        }
        schema
    }

    /// Returns the answers to a route.
    fn answers(&mut self, hosted: &Hosted, offered: &Offered, form: Form, has_input: bool) -> Json {
        let http = offered.http();
        let mut schema = match &offered.result {
            ResultPart::Nothing => json!({ "type": "null" }),
            ResultPart::Whole => self.types.whole(&offered.response, Side::Answer),
            ResultPart::Field(_) => match offered.result_field() {
                Some(field) => self.types.field(&offered.response, field, Side::Answer),
                None => json!({}),
            },
        };
        let described = schema
            .as_object_mut()
            .and_then(|schema| schema.remove("description"));
        let description = described.as_ref().and_then(Json::as_str).unwrap_or(SUCCESS);
        let mut success = match http.success_status() {
            204 => json!({ "description": description }),
            _ => json_answer(description, schema),
        };
        let headers = http.success_headers().iter().map(|(name, pattern)| {
            let header = json!({ "schema": { "type": "string" }, "example": pattern });
            ((*name).to_owned(), header)
        });
        let headers: Map<String, Json> = headers.collect();
        if let (false, Some(success)) = (headers.is_empty(), success.as_object_mut()) {
            success.insert("headers".to_owned(), Json::Object(headers));
        }
        let answers = Answers {
            success: (http.success_status(), success),
            ..self.refusals(hosted, offered, form, has_input)
        };
        answers.write(&mut self.types)
    }

    /// Returns the errors of an action.
    fn refusals(
        &self,
        hosted: &Hosted,
        offered: &Offered,
        form: Form,
        has_input: bool,
    ) -> Answers<'static> {
        let declared: &'static [ErrorDescriptor] = offered.descriptor.declared_errors();
        Answers {
            form,
            success: (200, Json::Null),
            declared,
            has_input,
            authenticates: hosted.server.authenticates(),
            requires: !offered
                .descriptor
                .declared()
                .required_permissions()
                .is_empty(),
        }
    }
}

const SUCCESS: &str = "Successful response";

fn comment(offered: &Offered) -> Comment {
    let documentation = offered.descriptor.documentation().unwrap_or_default();
    let fields = offered.arguments().unwrap_or_default();
    Comment::read(documentation, |name| {
        fields
            .iter()
            .any(|field| field.is_named(name) || field.source_name.as_deref() == Some(name))
    })
}

/// Returns the description of a field in the doc comment of its action.
fn argument<'a>(comment: &'a Comment, field: &Field) -> Option<&'a str> {
    let source = field.source_name.as_deref();
    comment
        .argument(&field.name)
        .or_else(|| comment.argument(source?))
}

/// Adds a description to a schema that has none.
fn described(mut schema: Json, description: Option<&str>) -> Json {
    if let (Some(schema), Some(description)) = (schema.as_object_mut(), description) {
        schema
            .entry("description")
            .or_insert_with(|| description.into());
    }
    schema
}

/// True if a request without a body is wrong.
fn needs_body(offered: &Offered) -> bool {
    match offered.arguments() {
        Some(fields) => fields.iter().any(|field| field.required),
        None => {
            let root = offered.request.resolve(offered.request.root());
            !root.is_none_or(|root| {
                matches!(root.kind, NodeKind::Entries { .. } | NodeKind::Anything)
            })
        }
    }
}

/// Returns a schema of which one of several has to fit.
fn any_of(mut schemas: Vec<Json>) -> Json {
    schemas.dedup();
    match schemas.len() {
        1 => schemas.remove(0),
        _ => json!({ "anyOf": schemas }),
    }
}

/// Returns the words of a name: `add_item` becomes `Add item`.
fn words(name: &str) -> String {
    let name = name.replace(['_', '-', '.'], " ");
    let mut letters = name.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}
