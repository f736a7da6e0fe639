//! The service and the action that a command is about.

use std::path::Path;

use soa_runtime::ServiceDescriptor;
use soa_runtime::server::Server;

use super::failure::Failure;
use crate::settings::listed;

/// The program: a service, or a component of several.
#[derive(Clone, Copy)]
pub(super) struct Own {
    service: Option<&'static ServiceDescriptor>,
}

impl Own {
    pub(super) fn new(service: Option<&'static ServiceDescriptor>) -> Self {
        Self { service }
    }

    /// The service, if it is the only one.
    pub(super) fn service(&self) -> Option<&'static ServiceDescriptor> {
        self.service
    }

    /// The name of the program: that of its service, or that of its file.
    pub(super) fn name(&self) -> String {
        if let Some(service) = self.service {
            return service.name().to_owned();
        }
        let file = std::env::args_os().next();
        let stem = file.as_deref().map(Path::new).and_then(Path::file_stem);
        stem.map_or("service".to_owned(), |stem| {
            stem.to_string_lossy().into_owned()
        })
    }

    /// The version of its service; empty for a component.
    pub(super) fn version(&self) -> &'static str {
        self.service.map_or("", ServiceDescriptor::version)
    }

    /// Splits the argument of `call`, where the service is not named by a flag.
    pub(super) fn target<'a>(
        &self,
        named: Option<&'a str>,
        name_in_settings: Option<&'a str>,
        argument: &'a str,
    ) -> Result<(&'a str, &'a str), Failure> {
        if let Some(service) = named {
            return Ok((service, argument));
        }
        if let Some(service) = self.service {
            return Ok((name_in_settings.unwrap_or(service.name()), argument));
        }
        argument.split_once('.').ok_or_else(|| {
            let message = format!(
                "`{argument}` does not tell the service, and this program serves a component: write SERVICE.ACTION, or add \
                 `--service NAME`"
            );
            Failure::usage(message)
        })
    }
}

/// Finds the service of an argument: `SERVICE`, `SERVICE.ACTION`, or the action of the only service.
pub(super) fn find<'a>(
    services: &'a [Server],
    argument: &'a str,
) -> Result<(&'a Server, Option<&'a str>), Failure> {
    if let [only] = services {
        let of_it = strip(only, argument);
        return Ok((only, of_it.unwrap_or(Some(argument))));
    }
    let mut found = services
        .iter()
        .filter_map(|server| Some((server, strip(server, argument)?)));
    // A name may begin with another one and a dot.
    let longest = found.by_ref().max_by_key(|(server, _)| server.name().len());
    longest.ok_or_else(|| {
        let names = listed(services.iter().map(Server::name), "and");
        Failure::usage(format!(
            "`{argument}` is no service here, and no action of one as SERVICE.ACTION; the services are {names}"
        ))
    })
}

/// Returns the action in an argument of this service.
fn strip<'a>(server: &Server, argument: &'a str) -> Option<Option<&'a str>> {
    let rest = argument.strip_prefix(server.name())?;
    match rest.strip_prefix('.') {
        Some(action) => Some(Some(action)),
        None => rest.is_empty().then_some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(names: &[&str]) -> Vec<Server> {
        let built = names
            .iter()
            .map(|name| Server::untyped(*name, "1").build().unwrap());
        built.collect()
    }

    #[test]
    fn the_service_with_the_longest_name_that_fits_is_meant() {
        let all = services(&["books", "books.old", "readers"]);
        let found = |argument: &'static str| {
            let found = find(&all, argument).map(|(server, action)| (server.name(), action));
            found.ok()
        };
        assert_eq!(found("books"), Some(("books", None)));
        assert_eq!(found("books.find"), Some(("books", Some("find"))));
        assert_eq!(found("books.old.find"), Some(("books.old", Some("find"))));
        assert_eq!(found("readers.v2.add"), Some(("readers", Some("v2.add"))));
        assert_eq!(found("nobody.find"), None);
        assert_eq!(found("find"), None);
    }

    #[test]
    fn an_action_of_the_only_service_needs_no_service() {
        let all = services(&["books"]);
        for (argument, action) in [
            ("find", "find"),
            ("books.find", "find"),
            ("v2.find", "v2.find"),
        ] {
            let found = find(&all, argument).ok();
            assert_eq!(found.and_then(|(_, action)| action), Some(action));
        }
    }
}
