//! `POST /invoke` with protobuf, and `GET /report-protobuf`. The protocol is that of Aspyx.
//!
//! There is no `.proto` file: each side makes the messages from its own declarations, when it starts. Names never travel,
//! only the numbers of fields, which are their places. Types that protobuf does not have are texts there.
//!
//! ```text
//! message  the messages: fields with their numbers and forms
//! types    the types of a schema as messages
//! package  packages: `.proto` files
//! plan     the messages of the actions, in packages
//! report   the messages as `.proto` files
//! read     bytes to the body of a job
//! write    a result to bytes
//! ```

mod message;
mod package;
mod plan;
pub(crate) mod read;
mod report;
#[cfg(test)]
mod tests;
mod types;
pub(crate) mod write;

use std::collections::HashMap;

use soa_wire::{BuildError, Name, Value};

pub(crate) use message::{Call, Form};

use crate::hosted::{Hosted, Offered};

/// The messages of a component.
#[derive(Debug)]
pub(crate) struct Protobuf {
    /// The messages of each action, by its service and the name that `introspect` shows.
    calls: HashMap<(Name, Name), Call>,
    report: String,
}

impl Call {
    /// Makes the messages of one action, for a caller: names never travel, so they are of no matter.
    ///
    /// # Errors
    /// A type cannot travel.
    pub(crate) fn of(offered: &Offered) -> Result<Self, String> {
        package::Packages::default().call(offered, "client", "Client", false)
    }
}

impl Protobuf {
    /// Makes the messages of all actions.
    ///
    /// # Errors
    /// A type cannot travel, or two messages of one package have the same name: names the service, the action, the field
    /// and the reason.
    pub(crate) fn new<'a>(
        services: impl IntoIterator<Item = &'a Hosted>,
    ) -> Result<Self, BuildError> {
        let mut packages = package::Packages::default();
        let mut calls = HashMap::new();
        for hosted in services {
            packages.add_service(hosted, &mut calls)?;
        }
        let report = report::of(packages.finished()?);
        Ok(Self { calls, report })
    }

    /// Returns the messages as `.proto` files, one after the other.
    pub(crate) fn report(&self) -> &str {
        &self.report
    }

    /// Returns the messages of an action.
    pub(crate) fn call(&self, hosted: &Hosted, offered: &Offered) -> Option<&Call> {
        let service = Name::from(hosted.server.name().to_owned());
        self.calls.get(&(service, offered.descriptor.shown_name()))
    }
}

/// Reads the arguments of an action, and reads them again after they were written. `None` if they cannot be read.
pub(crate) fn again(
    protobuf: &Protobuf,
    hosted: &Hosted,
    offered: &Offered,
    body: &[u8],
) -> Option<(Value, Value)> {
    let message = &protobuf.call(hosted, offered)?.request;
    let read = |body: &[u8]| match read::message(message, body) {
        Ok((value, errors)) if errors.is_empty() => Some(value),
        _ => None,
    };
    let value = read(body)?;
    let written = write::message(message, value.clone()).unwrap_or_default();
    Some((value, read(&written).unwrap_or_default()))
}
