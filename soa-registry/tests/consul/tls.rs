//! Agents behind TLS.

use std::path::PathBuf;

use soa_http::{HttpClient, HttpClientSettings};
use soa_registry::{ConsulRegistry, Registry as _};

use crate::agent::{Agent, free_port};
use crate::fake::Fake;
use crate::support::{client, registration, until_listed};

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_behind_tls_is_asked_if_its_certificate_is_trusted() {
    let port = free_port();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = |name: &str, text: String| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let path = folder.join(format!("consul-{port}.{name}"));
        std::fs::write(&path, text).unwrap();
        path
    };
    let certificate = file("pem", made.cert.pem());
    let key = file("key", made.signing_key.serialize_pem());
    let agent = Agent::with(&format!(
        "ports {{ https = {port} }}, cert_file = {certificate:?}, key_file = {key:?}"
    ));
    let url = format!("consul+https://localhost:{port}");

    let mut settings = HttpClientSettings::default();
    settings.trusted_certificates = Some(certificate.clone());
    let trusting = HttpClient::new(&settings).unwrap();
    let registry = ConsulRegistry::new(&trusting, &url).unwrap();
    let instance = Fake::healthy();
    registry
        .register(&registration(instance.port))
        .await
        .unwrap();
    until_listed(&registry, 1).await;

    let stranger = ConsulRegistry::new(&client(), &url).unwrap();
    let error = format!("{:?}", stranger.look_up("shop").await.unwrap_err());
    let expected = format!("the agent does not answer: https://localhost:{port} cannot be reached");
    assert!(error.starts_with(&expected), "{error}");
    // Without TLS, the port cannot be used.
    let plain = ConsulRegistry::new(&client(), &format!("consul://localhost:{port}")).unwrap();
    plain.look_up("shop").await.unwrap_err();
    drop(agent);
    for path in [certificate, key] {
        std::fs::remove_file(path).unwrap();
    }
}
