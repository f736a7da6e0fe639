//! TLS towards Redis and sentinels, by certificates of the test's own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
};
use soa_redis::{
    RedisClientTransport, RedisConnection, RedisSettings, SentinelSettings, TlsSettings,
};
use soa_runtime::value;

use crate::sentinel::Sentinel;
use crate::support::{Redis, Running, client, free_port, service};

/// An authority, and files with what it has signed.
pub(crate) struct Authority {
    directory: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let name = format!("tls-{}", free_port());
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let authority = Self { directory, issuer };
        authority.write("ca.pem", &authority.issuer.pem());
        authority
    }

    /// A certificate for these names and its key.
    pub(crate) fn sign(&self, file: &str, names: &[&str]) -> (PathBuf, PathBuf) {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names).unwrap();
        // By default it has the name of the authority, as if it had signed itself.
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, file);
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        (
            self.write(&format!("{file}.pem"), &signed.pem()),
            self.write(&format!("{file}.key"), &key.serialize_pem()),
        )
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// Options of a Redis, or lines for a sentinel, which shows a certificate for these names and wants to see one.
    fn options(&self, port: u16, names: &[&str]) -> Vec<String> {
        let (certificate, key) = self.sign("server", names);
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        vec![
            "--tls-port".to_owned(),
            port.to_string(),
            "--tls-cert-file".to_owned(),
            text(certificate),
            "--tls-key-file".to_owned(),
            text(key),
            "--tls-ca-cert-file".to_owned(),
            text(self.ca()),
            "--tls-auth-clients".to_owned(),
            "yes".to_owned(),
        ]
    }

    /// Trusts the authority and shows a certificate of its.
    pub(crate) fn settings(&self) -> TlsSettings {
        let (certificate, key) = self.sign("client", &["a client"]);
        TlsSettings::default()
            .ca_certificates(self.ca())
            .client_certificate(certificate, key)
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A Redis with TLS, and the port for that.
pub(crate) fn redis(authority: &Authority, names: &[&str]) -> (Redis, u16) {
    let port = free_port();
    let options = authority.options(port, names);
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    (Redis::with(&options), port)
}

async fn works(settings: RedisSettings) {
    let running = Running::start(service().build().unwrap(), settings.clone());
    let client = client(settings);
    for number in 0..20_i64 {
        let body = value!({ "number": (number) });
        let answer = client.call_action("test", "echo", &body).await.unwrap();
        assert_eq!(answer, body);
    }
    running.stop().await;
}

async fn refused(settings: RedisSettings) -> String {
    let settings = settings.connect_timeout(Duration::from_secs(1));
    let refused = RedisClientTransport::connect("test", settings).await;
    refused.unwrap_err().to_string()
}

#[tokio::test]
async fn both_sides_know_each_other_by_certificates() {
    let authority = Authority::new();
    let (_redis, port) = redis(&authority, &["127.0.0.1"]);
    let settings = RedisSettings::new("127.0.0.1", port);
    works(settings.clone().tls(authority.settings())).await;

    // Without a certificate of one's own, with another authority, or without TLS at all.
    let other = Authority::new();
    for tls in [
        Some(TlsSettings::default().ca_certificates(authority.ca())),
        Some(other.settings()),
        None,
    ] {
        let mut settings = settings.clone();
        settings.tls = tls;
        let error = refused(settings).await;
        assert!(error.contains("cannot be reached"), "{error}");
    }
}

#[tokio::test]
async fn the_name_in_a_certificate_counts_and_can_be_given() {
    let authority = Authority::new();
    let (_redis, port) = redis(&authority, &["redis.internal"]);
    let settings = RedisSettings::new("127.0.0.1", port);
    let error = refused(settings.clone().tls(authority.settings())).await;
    assert!(error.contains("cannot be reached"), "{error}");
    works(settings.tls(authority.settings().server_name("redis.internal"))).await;
}

#[tokio::test]
async fn sentinels_may_have_tls_as_well() {
    let authority = Authority::new();
    let (_redis, port) = redis(&authority, &["127.0.0.1"]);
    let tls = free_port();
    let lines = authority.options(tls, &["127.0.0.1"]);
    let pairs = lines.chunks(2).map(|pair| {
        let option = pair[0].strip_prefix("--").unwrap();
        format!("{option} {}\n", pair[1])
    });
    // By this, the sentinel itself speaks TLS with the masters.
    let lines: String = pairs.chain(["tls-replication yes".to_owned()]).collect();
    let _sentinel = Sentinel::watch(&[("alpha", port)], &lines);
    let named = SentinelSettings::default()
        .services(vec!["alpha".to_owned()])
        .failover_retries(5)
        .tls(authority.settings());
    works(RedisSettings::sentinel([("127.0.0.1", tls)], named.clone()).tls(authority.settings()))
        .await;
}

#[test]
fn files_that_cannot_be_used_are_told_before_anything_connects() {
    let authority = Authority::new();
    let empty = authority.write("empty.pem", "");
    let (certificate, _) = authority.sign("first", &["a"]);
    let (_, key) = authority.sign("second", &["b"]);
    let trusting = || TlsSettings::default().ca_certificates(authority.ca());
    for (tls, field) in [
        (
            TlsSettings::default().ca_certificates("no/such.pem"),
            "`ca_certificates`",
        ),
        (
            TlsSettings::default().ca_certificates(&empty),
            "`ca_certificates`",
        ),
        (
            trusting().client_certificate(&certificate, "no/such.key"),
            "`client_certificate`",
        ),
        (
            trusting().client_certificate(&certificate, &key),
            "`client_certificate`",
        ),
    ] {
        let error = RedisConnection::new(RedisSettings::default().tls(tls)).unwrap_err();
        assert!(error.to_string().contains("the setting `tls`"), "{error}");
        assert!(error.to_string().contains(field), "{error}");
    }
}
