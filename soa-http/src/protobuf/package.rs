//! Packages: `.proto` files, with their messages and services.

use std::sync::Arc;

use soa_wire::BuildError;

use super::message::Message;

/// A package: a `.proto` file.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) name: String,
    /// The packages of types that its messages have, in the order of their first use.
    pub(super) imports: Vec<String>,
    /// In the order of their completion: a message is behind those that are in it.
    pub(super) messages: Vec<Arc<Message>>,
    pub(super) services: Vec<Service>,
}

/// A service of a package.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) methods: Vec<Method>,
}

/// A method of a service.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Method {
    pub(super) name: String,
    pub(super) request: Arc<Message>,
    pub(super) response: Arc<Message>,
}

/// Packages, in the order of their first use.
#[derive(Debug, Default)]
pub(super) struct Packages(Vec<Package>);

impl Packages {
    /// Returns the package of this name, which is new if there was none.
    pub(super) fn named(&mut self, name: &str) -> &mut Package {
        let at = self.0.iter().position(|package| package.name == name);
        let at = at.unwrap_or(self.0.len());
        if at == self.0.len() {
            self.0.push(Package {
                name: name.to_owned(),
                imports: Vec::new(),
                messages: Vec::new(),
                services: Vec::new(),
            });
        }
        &mut self.0[at]
    }

    /// Returns the packages.
    ///
    /// # Errors
    /// A message has the name of a service, or packages import each other: no tool could read the files.
    pub(super) fn finished(&self) -> Result<&[Package], BuildError> {
        for package in &self.0 {
            let name = &package.name;
            let is_taken = |service: &&Service| {
                let mut messages = package.messages.iter();
                messages.any(|message| message.name == service.name)
            };
            if let Some(service) = package.services.iter().find(is_taken) {
                let twice = &service.name;
                return Err(BuildError::new(format!(
                    "protobuf: the package `{name}` has a service and a type `{twice}`; put the type into another package"
                )));
            }
            if self.imports(name, name, &mut Vec::new()) {
                return Err(BuildError::new(format!(
                    "protobuf: the package `{name}` has types with fields of types of other packages, which have fields of \
                     types of `{name}`; put them into one package"
                )));
            }
        }
        Ok(&self.0)
    }

    /// True if a package imports another one, itself or by those that it imports.
    fn imports<'a>(&'a self, from: &str, wanted: &str, seen: &mut Vec<&'a str>) -> bool {
        let package = self.0.iter().find(|package| package.name == from);
        let imports = package.map_or(&[][..], |package| &package.imports);
        imports.iter().any(|import| {
            if import == wanted {
                return true;
            }
            if seen.contains(&&**import) {
                return false;
            }
            seen.push(import);
            self.imports(import, wanted, seen)
        })
    }
}
