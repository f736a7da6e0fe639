//! Passwords and certificates that are replaced while the process runs.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use soa_redis::{RedisConnection, RedisCredentials, RedisSettings, SentinelSettings};
use soa_runtime::{Client, TransportErrorKind, value};

use crate::sentinel::Sentinel;
use crate::support::{Redis, Reply, Running, client, free_port, logged, service, until};
#[cfg(feature = "tls")]
use crate::tls::Authority;

/// A file that ends with this.
struct File(PathBuf);

impl File {
    fn with(text: &str) -> Self {
        let name = format!("password-{}", free_port());
        let file = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.0, text).unwrap();
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A Redis with the user `worker`, and without another one.
fn redis(password: &str) -> Redis {
    let redis = Redis::start();
    set_password(redis.port, "worker", password);
    redis
}

fn set_password(port: u16, user: &str, password: &str) {
    let command = format!("ACL SETUSER {user} on resetpass >{password} ~* &* +@all");
    assert_eq!(
        Redis::command_at(port, &command),
        Reply::Text("+OK".to_owned())
    );
}

async fn answered(client: &Client) {
    let limit = Instant::now() + Duration::from_secs(20);
    let call = || client.call_action("test", "echo", &value!({}));
    while let Err(error) = call().timeout(Duration::from_millis(500)).await {
        assert!(Instant::now() < limit, "it does not recover: {error:?}");
    }
}

/// Rotates the password several times, with the old connections cut, and with a time in which it is wrong.
async fn rotates(redis: &Redis, settings: RedisSettings, publish: impl Fn(&str)) {
    let running = Running::start(service().build().unwrap(), settings.clone());
    let client = client(settings);
    answered(&client).await;
    for password in ["swordfish-2", "swordfish-3"] {
        publish(password);
        set_password(redis.port, "worker", password);
        redis.text("CLIENT KILL USER worker");
        answered(&client).await;
    }
    // Redis has the new one before it is published.
    set_password(redis.port, "worker", "swordfish-4");
    redis.text("CLIENT KILL USER worker");
    let limit = Instant::now() + Duration::from_secs(20);
    loop {
        let call = client.call_action("test", "echo", &value!({}));
        let error = call.timeout(Duration::from_millis(700)).await.unwrap_err();
        // The first may have been on its way when the connections were cut.
        let source = error.reason().unwrap().to_string();
        if source.contains("authentication failed") {
            break;
        }
        assert!(Instant::now() < limit, "{source}");
    }
    publish("swordfish-4");
    answered(&client).await;
    running.stop().await;
    assert_eq!(logged("swordfish"), [""; 0]);
}

#[tokio::test]
async fn a_password_in_a_file_is_read_again() {
    let redis = redis("swordfish-1");
    let file = File::with("swordfish-1\n");
    let mut settings = redis.settings().password_file(&file.0);
    settings.username = Some("worker".to_owned());
    rotates(&redis, settings, |password| {
        file.write(&format!("{password}\n"))
    })
    .await;
}

#[tokio::test]
async fn a_callback_is_asked_again() {
    let redis = redis("swordfish-1");
    let password = Arc::new(Mutex::new("swordfish-1".to_owned()));
    let current = Arc::clone(&password);
    let settings = redis.settings().credentials(move || {
        let password = current.lock().unwrap().clone();
        async move {
            tokio::task::yield_now().await;
            Ok::<_, std::io::Error>(RedisCredentials::user("worker", password))
        }
    });
    assert!(!format!("{settings:?}").contains("swordfish"));
    rotates(&redis, settings, |new| {
        new.clone_into(&mut password.lock().unwrap())
    })
    .await;
}

#[tokio::test]
async fn a_callback_that_fails_panics_or_hangs_is_told_and_asked_again() {
    let redis = redis("swordfish-1");
    redis.text("ACL SETUSER default off");
    let settings = || redis.settings().connect_timeout(Duration::from_millis(300));
    let sealed = settings().credentials(|| std::future::ready(Err("the store is sealed")));
    let error = RedisConnection::connect(sealed).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Transient, "{error}");
    let why = "cannot be reached: reading the credentials failed: the store is sealed";
    assert!(error.to_string().ends_with(why), "{error}");

    let asked = AtomicUsize::new(0);
    let settings = settings().credentials(move || {
        let asked = asked.fetch_add(1, Ordering::Relaxed);
        async move {
            match asked {
                0 => panic!("no store"),
                1 => std::future::pending().await,
                2 => Err("the store is empty"),
                _ => Ok(RedisCredentials::user("worker", "swordfish-1")),
            }
        }
    });
    let connection = RedisConnection::new(settings).unwrap();
    let limit = Instant::now() + Duration::from_secs(20);
    while connection.keys().get("key").await.is_err() {
        assert!(Instant::now() < limit, "it does not recover");
    }
    let told = redis.logged();
    for why in [
        "the callback panicked",
        "the callback timed out",
        "the store is empty",
    ] {
        let why = format!("reading the credentials failed: {why}");
        assert!(
            told.iter().any(|line| line.contains(&why)),
            "{why}: {told:#?}"
        );
    }
}

#[tokio::test]
async fn sentinels_have_a_login_of_their_own_that_is_read_again() {
    let mut redis = Redis::start();
    let sentinel = Sentinel::watch(&[("alpha", redis.port)], "");
    set_password(sentinel.port, "finder", "swordfish-1");
    let file = File::with("swordfish-1");
    let named = || SentinelSettings::default().services(vec!["alpha".to_owned()]);
    let mut by_file = named().password_file(&file.0);
    by_file.username = Some("finder".to_owned());
    let asked = Arc::new(AtomicUsize::new(0));
    let is_rotated = Arc::new(AtomicBool::new(false));
    let (count, rotated) = (Arc::clone(&asked), Arc::clone(&is_rotated));
    let by_callback = named().credentials(move || {
        count.fetch_add(1, Ordering::Relaxed);
        let number = 1 + u8::from(rotated.load(Ordering::Relaxed));
        let password = format!("swordfish-{number}");
        async move { Ok::<_, std::io::Error>(RedisCredentials::user("finder", password)) }
    });
    Redis::command_at(sentinel.port, "ACL SETUSER default off");
    let settings = [by_file, by_callback].map(|named| sentinel.settings(named));
    let connections = settings.map(|settings| RedisConnection::new(settings).unwrap());
    for connection in &connections {
        connection.keys().get("key").await.unwrap();
    }
    // For the question, and for the connection that listens.
    until("both have logged in", || asked.load(Ordering::Relaxed) == 2).await;
    // From here on only the new password works; the default user has none.
    let stream = format!("127.0.0.1:{}", sentinel.port);
    let mut stream = std::net::TcpStream::connect(stream).unwrap();
    let commands = "AUTH finder swordfish-1\r\nACL SETUSER finder resetpass >swordfish-2\r\n";
    std::io::Write::write_all(&mut stream, commands.as_bytes()).unwrap();
    let mut answer = [0; 10];
    std::io::Read::read_exact(&mut stream, &mut answer).unwrap();
    assert_eq!(&answer, b"+OK\r\n+OK\r\n");
    file.write("swordfish-2");
    is_rotated.store(true, Ordering::Relaxed);
    // Whoever misses the master asks for it.
    redis.kill();
    let limit = Instant::now() + Duration::from_secs(20);
    while asked.load(Ordering::Relaxed) < 3 {
        assert!(Instant::now() < limit, "nobody asks");
        let _ = connections[1].keys().get("key").await;
    }
    redis.start_again();
    for connection in &connections {
        let limit = Instant::now() + Duration::from_secs(20);
        while connection.keys().get("key").await.is_err() {
            assert!(Instant::now() < limit, "it does not recover");
        }
    }
}

#[test]
fn a_login_in_two_places_or_a_file_that_cannot_be_read_is_told_when_a_connection_is_made() {
    let told = |settings: RedisSettings| {
        let error = RedisConnection::new(settings).unwrap_err().to_string();
        assert!(!error.contains("swordfish"), "{error}");
        error
    };
    let callback = || async { Ok::<_, std::io::Error>(RedisCredentials::password("swordfish")) };
    let settings = RedisSettings::default;
    let file = File::with("swordfish");
    let both = told(settings().password("swordfish").password_file(&file.0));
    assert_eq!(
        both,
        "the setting `password_file` cannot be beside `password`: remove one of them"
    );
    for settings in [
        settings().password("swordfish"),
        settings().user("me", "swordfish"),
        settings().password_file(&file.0),
    ] {
        let error = told(settings.credentials(callback));
        assert!(
            error.contains("`credentials` gives the whole login"),
            "{error}"
        );
    }
    let sentinel = SentinelSettings::default()
        .password("swordfish")
        .credentials(callback);
    let error = told(RedisSettings::sentinel([("host", 1)], sentinel));
    assert!(error.contains("`credentials` of the sentinels"), "{error}");
    let error = told(settings().password_file("no/such/file"));
    assert!(
        error.contains("`password_file` cannot be used: no/such/file: "),
        "{error}"
    );
    file.write("\n");
    let error = told(settings().password_file(&file.0));
    assert!(error.contains("the file is empty"), "{error}");
}

/// Has new certificates at Redis.
#[cfg(feature = "tls")]
fn replace_certificates(redis: &Redis, authority: &Authority) {
    let (certificate, key) = authority.sign("server", &["127.0.0.1"]);
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let (ca, certificate, key) = (path(&authority.ca()), path(&certificate), path(&key));
    let command =
        format!("CONFIG SET tls-ca-cert-file {ca} tls-cert-file {certificate} tls-key-file {key}");
    assert_eq!(redis.text(&command), Reply::Text("+OK".to_owned()));
}

#[tokio::test]
#[cfg(feature = "tls")]
async fn certificates_and_keys_are_read_again_for_new_connections() {
    let (first, second) = (Authority::new(), Authority::new());
    let (redis, port) = crate::tls::redis(&first, &["127.0.0.1"]);
    let tls = first.settings();
    let settings = RedisSettings::new("127.0.0.1", port).tls(tls.clone());
    let running = Running::start(service().build().unwrap(), settings.clone());
    let client = client(settings);
    answered(&client).await;

    // A key that is not there yet for its certificate: what was read before is used.
    let (certificate, key) = tls.client_certificate.unwrap();
    let (new_certificate, new_key) = second.sign("client", &["a client"]);
    std::fs::copy(&new_certificate, &certificate).unwrap();
    redis.text("CLIENT KILL TYPE normal SKIPME yes");
    answered(&client).await;
    let told = logged("reading certificates for TLS failed");
    let path = certificate.to_str().unwrap();
    assert!(told.iter().any(|line| line.contains(path)), "{told:#?}");

    // Now all is new, on both sides.
    std::fs::copy(new_key, key).unwrap();
    std::fs::copy(second.ca(), first.ca()).unwrap();
    replace_certificates(&redis, &second);
    redis.text("CLIENT KILL TYPE normal SKIPME yes");
    answered(&client).await;
    running.stop().await;
}
