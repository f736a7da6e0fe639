//! The messages of actions: those of their requests and responses, and the types in them, in packages.

use std::collections::HashMap;
use std::sync::Arc;

use soa_wire::schema::NodeKind;
use soa_wire::{BuildError, Name, SwitchSet};

use super::message::{Absence, Call, Form, Place};
use super::package::{Method, Packages, Service};
use super::types::{Types, identifier};
use crate::hosted::{Hosted, Offered, ResultPart};

impl Packages {
    /// Adds a service, and the messages of its actions.
    ///
    /// # Errors
    /// A type cannot travel; or a name is taken by something else.
    pub(super) fn add_service(
        &mut self,
        hosted: &Hosted,
        calls: &mut HashMap<(Name, Name), Call>,
    ) -> Result<(), BuildError> {
        let Some(descriptor) = hosted.server.descriptor() else {
            return Ok(());
        };
        let package = identifier(&descriptor.package());
        self.named(&package);
        let type_name = identifier(&descriptor.type_name());
        let service_name = hosted.server.name();
        let mut methods = Vec::new();
        for offered in hosted.offered() {
            // Of the variants of an action, `.proto` files have the one that answers without switches.
            let default = hosted.answering(offered.name(), &SwitchSet::default());
            let is_shown = default.is_some_and(|default| Arc::ptr_eq(default, offered));
            let shown_name = offered.descriptor.shown_name();
            let method = identifier(offered.name());
            let prefix = format!("{type_name}_{method}");
            let call = self.call(offered, &package, &prefix, is_shown);
            let call = call.map_err(|problem| {
                BuildError::new(format!(
                    "action `{service_name}.{shown_name}` cannot be called by protobuf: {problem}"
                ))
            })?;
            if is_shown {
                methods.push(Method {
                    name: method,
                    request: Arc::clone(&call.request),
                    response: Arc::clone(&call.response),
                });
            }
            calls.insert((service_name.to_owned().into(), shown_name), call);
        }
        let service = Service {
            name: type_name,
            methods,
        };
        let services = &mut self.named(&package).services;
        match services.iter().find(|known| known.name == service.name) {
            None => services.push(service),
            // One type, served under two names.
            Some(known) if *known == service => {}
            Some(_) => {
                let name = &service.name;
                return Err(BuildError::new(format!(
                    "service `{service_name}` cannot be called by protobuf: the package `{package}` has another service \
                     `{name}`; put one of them into another package"
                )));
            }
        }
        Ok(())
    }

    /// Makes the messages of an action.
    ///
    /// # Errors
    /// A type cannot travel.
    pub(super) fn call(
        &mut self,
        offered: &Offered,
        package: &str,
        prefix: &str,
        is_shown: bool,
    ) -> Result<Call, String> {
        let mut request = Types::new(self, &offered.request, is_shown);
        let root = offered.request.resolve(offered.request.root());
        let fields = match (offered.arguments(), root.map(|root| &root.kind)) {
            (Some(fields), _) => request.fields(fields, package, prefix)?,
            // A map, or a struct without fields: it is called without arguments.
            (None, Some(NodeKind::Entries { .. })) => Vec::new(),
            (None, _) => return Err("the request is not a struct".to_owned()),
        };
        let request = request.finish(package, format!("{prefix}_Request"), fields)?;
        let mut response = Types::new(self, &offered.response, is_shown);
        let result = match &offered.result {
            ResultPart::Nothing => text("result"),
            ResultPart::Whole => {
                let hint = format!("{prefix}_Result");
                let form = response.form(offered.response.root(), package, &hint)?;
                Place {
                    form,
                    ..text("result")
                }
            }
            ResultPart::Field(name) => {
                let mut fields = offered.response.fields().into_iter().flatten();
                let field = fields.find(|field| field.name == *name);
                let field = field.ok_or_else(|| format!("the response has no `{name}`"))?;
                let place = response.field(field, package, prefix)?;
                Place {
                    form: place.form,
                    is_list: place.is_list,
                    ..text("result")
                }
            }
        };
        let fields = vec![result, text("exception")];
        let response = response.finish(package, format!("{prefix}_Response"), fields)?;
        Ok(Call {
            request,
            response,
            nil_is_text: nil_is_text(offered),
        })
    }
}

/// True if the result is nothing, or of any type.
fn nil_is_text(offered: &Offered) -> bool {
    let node = match (&offered.result, offered.result_field()) {
        (ResultPart::Nothing, _) => return true,
        (_, Some(field)) if field.is_option => return false,
        (_, Some(field)) => &field.node,
        (_, None) => offered.response.root(),
    };
    let kind = offered.response.resolve(node).map(|node| &node.kind);
    matches!(kind, Some(NodeKind::Anything | NodeKind::Nil))
}

fn text(name: &str) -> Place {
    Place {
        key: name.to_owned(),
        name: name.to_owned(),
        form: Form::Text,
        is_list: false,
        absence: Absence::Left,
    }
}
