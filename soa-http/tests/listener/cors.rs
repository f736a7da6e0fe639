//! Pages of other origins.

use soa_http::{CorsSettings, Doors, HttpSettings};

use crate::support::{Running, request, settings, tools};

async fn asked(server: &Running, origin: &str) -> String {
    let mut peer = server.connect().await;
    peer.send(format!(
        "OPTIONS /call/tools/echo HTTP/1.1\r\nhost: a\r\norigin: {origin}\r\n\
         access-control-request-method: POST\r\naccess-control-request-headers: x-one, x-two\r\n\r\n"
    ))
    .await;
    peer.answer().await
}

#[tokio::test]
async fn a_listed_origin_may_call_and_another_may_not() {
    let server = Running::start(settings(|all| {
        let mut cors = CorsSettings::of(["https://shop.example"]);
        cors.credentials = true;
        cors.exposed_headers = vec!["server-timing".to_owned()];
        all.cors = Some(cors);
    }));
    let answer = asked(&server, "https://shop.example").await;
    for told in [
        "HTTP/1.1 204 ",
        "access-control-allow-origin: https://shop.example\r\n",
        "access-control-allow-credentials: true\r\n",
        "access-control-allow-methods: GET, HEAD, POST, PUT, PATCH, DELETE\r\n",
        "access-control-allow-headers: x-one, x-two\r\n",
        "access-control-max-age: 600\r\n",
        "vary: origin\r\n",
    ] {
        assert!(answer.contains(told), "{told}: {answer}");
    }
    let answer = asked(&server, "https://other.example").await;
    assert!(!answer.contains("access-control"), "{answer}");
    assert!(answer.contains("vary: origin\r\n"), "{answer}");

    let mut peer = server.connect().await;
    let call =
        request("echo", "{}").replace("host: test", "host: a\r\norigin: https://shop.example");
    peer.send(call).await;
    let answer = peer.answer().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer.contains("access-control-allow-origin: https://shop.example\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("access-control-expose-headers: server-timing\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn every_origin_may_be_listed_and_options_without_one_tell_the_methods() {
    let server = Running::start(settings(|all| all.cors = Some(CorsSettings::of(["*"]))));
    let answer = asked(&server, "https://other.example").await;
    assert!(
        answer.contains("access-control-allow-origin: *\r\n"),
        "{answer}"
    );
    let mut peer = server.connect().await;
    peer.send("OPTIONS /call/tools/echo HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    let answer = peer.answer().await;
    assert!(
        answer.contains("allow: GET, HEAD, OPTIONS, POST\r\n"),
        "{answer}"
    );
    assert!(!answer.contains("access-control"), "{answer}");
}

#[tokio::test]
async fn credentials_for_every_origin_are_refused() {
    let mut settings = HttpSettings::default();
    let mut cors = CorsSettings::of(["*"]);
    cors.credentials = true;
    settings.cors = Some(cors);
    let error = Doors::new(tools().into(), settings)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "`credentials` needs the names of the `origins`, and not `*`"
    );
}
