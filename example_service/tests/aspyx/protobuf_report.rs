//! `GET /report-protobuf`: the text of the reference, and what protoc makes of it.

use std::process::Command;

use axum::body::Body;
use axum::http::Request;
use prost_reflect::{DescriptorPool, DynamicMessage};

use crate::support::{doors, folder, send};
use crate::vectors::vectors;

async fn report() -> String {
    let request = Request::get("/report-protobuf").body(Body::empty());
    let answer = send(&doors(), request.unwrap()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.content_type(), "text/plain; charset=utf-8");
    answer.text()
}

#[tokio::test]
async fn the_report_is_that_of_the_reference_with_each_import_once() {
    let captured = folder().join("vectors/report-protobuf.txt");
    let mut captured = std::fs::read_to_string(captured).unwrap();
    let import = "import \"example_types.proto\";\n";
    captured = captured.replace(&import.repeat(3), import);
    assert_eq!(report().await, captured);
}

/// Returns what protoc makes of the files of a report.
fn compiled(report: &str) -> DescriptorPool {
    let folder = std::env::temp_dir().join(format!("soa-protoc-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut names = Vec::new();
    for file in report.split("syntax = ").skip(1) {
        let package = file.split("package ").nth(1).unwrap();
        let name = format!("{}.proto", package.split(';').next().unwrap());
        std::fs::write(folder.join(&name), format!("syntax = {file}")).unwrap();
        names.push(name);
    }
    let output = Command::new("protoc")
        .current_dir(&folder)
        .args(["--descriptor_set_out=set", "--include_imports"])
        .args(&names)
        .output()
        .expect("`protoc` can be started; Debian's package is `protobuf-compiler`");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
    let set = std::fs::read(folder.join("set")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    DescriptorPool::decode(&*set).unwrap()
}

#[tokio::test]
async fn protoc_reads_the_report_and_its_messages_read_the_captured_bytes() {
    let pool = compiled(&report().await);
    let service = pool
        .get_service_by_name("example_api.ExampleService")
        .unwrap();
    assert_eq!(service.methods().len(), 36);
    let mut read = 0;
    for exchange in vectors("dispatch-protobuf") {
        for side in ["request", "response"] {
            let Some(name) = exchange.told[side]["decoded"]["message"].as_str() else {
                continue;
            };
            let message = pool.get_message_by_name(name).unwrap();
            let bytes = exchange.body(side);
            let dynamic = DynamicMessage::decode(message, &*bytes).unwrap();
            assert_eq!(dynamic.unknown_fields().count(), 0, "{name}");
            assert_eq!(
                prost_reflect::prost::Message::encode_to_vec(&dynamic),
                bytes,
                "{name}"
            );
            read += 1;
        }
    }
    assert!(read > 10);
}
