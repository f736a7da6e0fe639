//! The report: the services of components, their states and their addresses, as text for people.

use std::fmt::Write as _;

use axum::http::HeaderMap;
use axum::http::header::HOST;

use soa_runtime::ComponentState;

use crate::doors::Doors;

/// The path of the report.
pub(crate) const PATH: &str = "/report";

/// The path of the messages of protobuf.
pub(crate) const PROTOBUF_PATH: &str = "/report-protobuf";

/// Writes the report. The addresses are those by which others reach the listener, or those by which the request came to a
/// listener of somebody else.
pub(crate) fn report(doors: &Doors, headers: &HeaderMap, mounted_at: &str) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let url = match (doors.url(), host) {
        (Some(url), _) => format!("{url}{mounted_at}"),
        (None, Some(host)) => format!("http://{host}{mounted_at}"),
        (None, None) => mounted_at.to_owned(),
    };
    let mut report = String::new();
    for component in doors.components() {
        let addresses = doors.addresses_of(component, &url).into_iter();
        let addresses: Vec<String> = addresses
            .map(|(channel, url)| format!("{}({url})", channel.name()))
            .collect();
        let (name, interface) = (component.name(), component.interface_name());
        let (health, addresses) = (component.health_path(), addresses.join(", "));
        // Writing to a string cannot fail.
        let _ = write!(
            report,
            "{name}({interface})\n\timplementation: {interface}\n\thealth: {health}\n\taddresses: {addresses}\n"
        );
        if component.state() != ComponentState::Virgin {
            let _ = writeln!(report, "\tstate: {}", component.state());
        }
        report.push_str("\tservices:\n");
        for server in component.services() {
            let _ = match server.descriptor() {
                Some(one) => writeln!(report, "\t\t{}({})", server.name(), one.type_name()),
                None => writeln!(report, "\t\t{}", server.name()),
            };
        }
    }
    report
}
