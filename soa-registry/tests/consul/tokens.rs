//! Tokens, and what an agent says without one.

use std::error::Error as _;

use soa_registry::{ConsulRegistry, Registry as _, RegistryError};

use crate::agent::{Agent, MANAGER};
use crate::fake::Fake;
use crate::support::{client, consul, keep_log, lines, registration, until_listed};

const WRONG: &str = "11111111-2222-3333-4444-555555555555";

fn text(error: &RegistryError) -> String {
    format!("{error} {error:?} {:?}", error.source())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_told_and_shown_nowhere() {
    keep_log();
    let agent = Agent::with_acl();
    let registry = consul(&agent).token(WRONG);
    let instance = Fake::healthy();
    let errors = [
        registry.register(&registration(instance.port)).await.err(),
        registry
            .deregister(&registration(instance.port))
            .await
            .err(),
        registry.look_up("shop").await.err(),
    ];
    for error in errors {
        let error = error.unwrap();
        let expected = "the agent answers 403 `ACL not found`: authentication failed; check the token and its policies";
        assert_eq!(error.to_string(), expected);
        assert!(!text(&error).contains(WRONG), "{error:?}");
    }
    assert!(!format!("{registry:?}").contains(WRONG));
    assert_eq!(lines(WRONG), [""; 0]);
    // Without any, nothing may be registered.
    let nobody = consul(&agent);
    let error = nobody.register(&registration(instance.port)).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("authentication failed"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_file_is_read_again_when_it_has_changed() {
    let agent = Agent::with_acl();
    let file = format!("{}/token-{}", env!("CARGO_TARGET_TMPDIR"), agent.port);
    let registry = consul(&agent).token_file(&file);
    let error = registry.look_up("shop").await.unwrap_err();
    let expected = format!("the file of the token, {file}, cannot be read");
    assert_eq!(error.to_string(), expected);
    std::fs::write(&file, WRONG).unwrap();
    registry.look_up("shop").await.unwrap_err();
    std::fs::write(&file, format!("{MANAGER}\n")).unwrap();
    let instance = Fake::healthy();
    let one = registration(instance.port);
    registry.register(&one).await.unwrap();
    until_listed(&registry, 1).await;
    registry.deregister(&one).await.unwrap();
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_tells_the_token_is_not_quoted() {
    let said = format!("no such token: {WRONG}\r\n{}", "x".repeat(5000));
    let fake = Fake::start(move |_| Some((403, String::new(), said.clone().into_bytes())));
    let url = format!("consul://127.0.0.1:{}", fake.port);
    let registry = ConsulRegistry::new(&client(), &url).unwrap();
    let error = registry.token(WRONG).look_up("shop").await.unwrap_err();
    let error = error.to_string();
    assert!(error.contains("`no such token: …  xxx"), "{error}");
    assert!(error.len() < 400, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_and_a_datacenter_travel_with_each_question() {
    let (fake, requests) = Fake::keeping(|_| {
        let index = "X-Consul-Index: 1\r\n".to_owned();
        Some((200, index, b"[]".to_vec()))
    });
    let url = format!("consul://127.0.0.1:{}", fake.port);
    let registry = ConsulRegistry::new(&client(), &url).unwrap();
    let registry = registry.token(MANAGER).datacenter("west");
    registry.look_up("shop").await.unwrap();
    let request = requests.recv().unwrap();
    assert_eq!(request.target, "/v1/health/service/shop?passing=1&dc=west");
    let header = format!("x-consul-token: {MANAGER}");
    assert!(request.headers.contains(&header), "{}", request.headers);
}
