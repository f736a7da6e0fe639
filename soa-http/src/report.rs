//! The report: the services of a component and their addresses, as text for people.

use std::fmt::Write as _;

use axum::http::HeaderMap;
use axum::http::header::HOST;

use crate::doors::Doors;

/// The path of the report.
pub(crate) const PATH: &str = "/report";

/// The path of the messages of protobuf.
pub(crate) const PROTOBUF_PATH: &str = "/report-protobuf";

/// Writes the report. The addresses are those by which the request came.
pub(crate) fn report(doors: &Doors, headers: &HeaderMap, mounted_at: &str) -> String {
    let component = doors.component();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let url = host.map_or_else(
        || mounted_at.to_owned(),
        |host| format!("http://{host}{mounted_at}"),
    );
    let addresses = doors.addresses(&url).into_iter();
    let addresses: Vec<String> = addresses
        .map(|(channel, url)| format!("{}({url})", channel.name()))
        .collect();
    let (name, interface) = (component.name(), component.interface_name());
    let (health, addresses) = (component.health_path(), addresses.join(", "));
    let mut report = format!(
        "{name}({interface})\n\timplementation: {interface}\n\thealth: {health}\n\taddresses: {addresses}\n\tservices:\n"
    );
    for hosted in doors.services() {
        let server = &hosted.server;
        let interface = server.descriptor().map(|one| one.type_name());
        // Writing to a string cannot fail.
        let _ = match interface {
            Some(interface) => writeln!(report, "\t\t{}({interface})", server.name()),
            None => writeln!(report, "\t\t{}", server.name()),
        };
    }
    report
}
