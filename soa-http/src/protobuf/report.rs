//! The messages as `.proto` files, one after the other: each can be read by tools if it is in a file of its package's name.

use std::fmt::Write as _;

use super::message::Message;
use super::package::Package;

/// Returns the text of all files.
pub(super) fn of(packages: &[Package]) -> String {
    packages.iter().map(file).collect()
}

fn file(package: &Package) -> String {
    let mut out = format!("syntax = \"proto2\";\n\npackage {};\n", package.name);
    if !package.imports.is_empty() {
        out.push('\n');
    }
    // Writing to a text cannot fail.
    for import in &package.imports {
        let _ = writeln!(out, "import \"{import}.proto\";");
    }
    for message in &package.messages {
        let _ = writeln!(out, "\nmessage {} {{", message.name);
        for (number, place) in message.numbered() {
            let label = match place.is_list {
                true => "repeated",
                false => "optional",
            };
            let (type_name, name) = (place.form.type_name(), &place.name);
            let _ = writeln!(out, "  {label} {type_name} {name} = {number};");
        }
        out.push_str("}\n");
    }
    for service in &package.services {
        let _ = writeln!(out, "\nservice {} {{", service.name);
        for method in &service.methods {
            let (name, request, response) = (&method.name, &method.request, &method.response);
            let (request, response) = (full_name(request), full_name(response));
            let _ = writeln!(out, "  rpc {name} ({request}) returns ({response});");
        }
        out.push_str("}\n");
    }
    out
}

fn full_name(message: &Message) -> String {
    format!("{}.{}", message.package, message.name)
}
