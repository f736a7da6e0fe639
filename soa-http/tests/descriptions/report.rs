//! The report as text.

use axum::body::Body;
use axum::http::Request;
use soa::Server;

use crate::support::{COMPONENT, send, send_request};

#[tokio::test]
async fn the_report_has_the_services_and_the_addresses_by_which_it_was_asked() {
    let router = soa_http::router(COMPONENT.clone()).unwrap();
    let request = Request::get("/report").header("Host", "books:8000");
    let report = send_request(&router, request.body(Body::empty()).unwrap()).await;
    assert_eq!(report.header("content-type"), "text/plain; charset=utf-8");
    let url = "http://books:8000";
    let expected = format!(
        "example-component(ExampleComponent)\n\timplementation: ExampleComponent\n\thealth: /health\n\taddresses: \
         rest({url}), dispatch-json({url}), dispatch-msgpack({url}), dispatch-protobuf({url})\n\tservices:\n\
         \t\texample(ExampleService)\n\t\tdefault-named(DefaultNamed)\n\t\texample-rest(ExampleRest)\n"
    );
    assert_eq!(report.text(), expected);
}

#[tokio::test]
async fn the_report_of_doors_that_are_mounted_has_their_path() {
    let server = Server::untyped("tools", "1.0.0").build().unwrap();
    let doors = soa_http::router(&server).unwrap();
    let router = axum::Router::new().nest("/behind/tools", doors);
    let request = Request::get("/behind/tools/report").header("Host", "here");
    let report = send_request(&router, request.body(Body::empty()).unwrap()).await;
    assert!(
        report
            .text()
            .contains("call(http://here/behind/tools/call)"),
        "{}",
        report.text()
    );
    let without_host = send(&router, "GET /behind/tools/report", None).await;
    assert!(
        without_host.text().contains("call(/behind/tools/call)"),
        "{}",
        without_host.text()
    );
}
