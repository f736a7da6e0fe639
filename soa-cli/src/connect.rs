//! The way to the services: Redis, or the HTTP of one service.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use futures_util::future::join_all;
use soa_http::HttpTransport;
use soa_program::settings::{NoSection, Settings, TransportSettings};
use soa_redis::{RedisClientTransport, RedisConnection, RedisMaster, RedisMode, RedisSettings};
use soa_runtime::TransportError;
use soa_runtime::client::Client;

use crate::failure::Failure;
use crate::progress::while_running;

/// Longest time until a connection is made: to one Redis, and to each of several, of which those that are gone are left out.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const EACH_TIMEOUT: Duration = Duration::from_secs(2);

/// Time between two looks whether Redis refuses connections.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Time in which the client takes back a request that was not answered.
const TAKE_BACK_TIME: Duration = Duration::from_millis(200);

/// The name of this program in the contexts of its calls.
pub(crate) const CALLER: &str = "soa";

/// The place of the services.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection and output")]
pub(crate) struct Target {
    /// Address of Redis: HOST:PORT, or redis://USER:PASSWORD@HOST:PORT/DATABASE [env: SOA_REDIS]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) redis: Option<String>,
    /// Settings file of a service, whose Redis is used [env: SOA_SETTINGS]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Address of a service over HTTP, such as http://127.0.0.1:8000: for `call`, `job`, `replay`, `describe` and `status`
    #[arg(long, global = true, value_name = "URL", conflicts_with_all = ["redis", "settings"])]
    pub(crate) http: Option<String>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// A variable of the environment. An empty one counts as unset.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Target {
    /// The settings of Redis, from the strongest source: `--redis`, `--settings`, `SOA_REDIS`, `SOA_SETTINGS`. An address
    /// beside a file replaces the address in the file, and leaves its other settings.
    pub(crate) fn redis_settings(&self) -> Result<RedisSettings, Failure> {
        let parse = |source: &str, address: &str| {
            let parsed = address.parse::<RedisSettings>();
            parsed.map_err(|error| {
                Failure::usage(format!("{source}: {error}"))
                    .advise("write it as HOST:PORT, such as 127.0.0.1:6379, or as redis://USER:PASSWORD@HOST:PORT")
            })
        };
        let given = self.redis.as_deref();
        let given = given.map(|address| parse("--redis", address)).transpose()?;
        let of_variable = || {
            let address = variable("SOA_REDIS");
            address
                .map(|address| parse("SOA_REDIS", &address))
                .transpose()
        };
        let file = match (&self.settings, &given) {
            (Some(file), _) => Some(file.clone()),
            (None, Some(_)) => None,
            (None, None) => match of_variable()? {
                Some(settings) => return Ok(settings),
                None => variable("SOA_SETTINGS").map(PathBuf::from),
            },
        };
        match (file, given) {
            (Some(file), given) => {
                let mut loader = Settings::<NoSection>::loader().only_connections().file(file);
                if let Some(address) = &given {
                    loader = loader.redis("--redis", address);
                }
                match loader.load()?.server.transport {
                    TransportSettings::Redis(redis) => Ok(redis),
                    _ => Err(Failure::usage("the transport in the settings is not Redis")
                        .advise("name the address of Redis with `--redis HOST:PORT`, or the file of a service over Redis")),
                }
            }
            (None, Some(settings)) => Ok(settings),
            (None, None) => Err(Failure::usage("which Redis? No address is given").advise(
                "add `--redis HOST:PORT`, set SOA_REDIS, or name the settings file of a service with `--settings FILE`",
            )),
        }
    }

    /// The flags that lead to the same Redis in another terminal. An address with a password is left out.
    pub(crate) fn flags(&self) -> Vec<(&'static str, String)> {
        let redis = self.redis.iter().filter(|address| !address.contains('@'));
        let redis = redis.map(|address| ("--redis", address.clone()));
        let settings = self.settings.iter();
        let settings = settings.map(|file| ("--settings", file.display().to_string()));
        settings.chain(redis).collect()
    }

    /// Connects to Redis, for a command that needs it.
    pub(crate) async fn connect(&self, command: &str) -> Result<Redis, Failure> {
        if self.http.is_some() {
            return Err(Failure::usage(format!(
                "`{command}` needs Redis, and `--http` leads to a single service"
            ))
            .advise("add `--redis HOST:PORT` in its place"));
        }
        let connecting = Redis::connect(self.redis_settings()?);
        while_running("connecting to Redis", connecting).await
    }

    /// Prepares calls of one service.
    pub(crate) async fn reach(&self, service: &str) -> Result<Reached, Failure> {
        let builder = Client::builder().caller(CALLER);
        match &self.http {
            Some(url) => {
                let transport = HttpTransport::call(door(url));
                let transport = transport.map_err(|error| {
                    Failure::usage(format!("`--http {url}`: {error}"))
                        .advise("write it as http://HOST:PORT, such as http://127.0.0.1:8000")
                })?;
                let client = builder.service(service.to_owned(), transport).build()?;
                Ok(Reached {
                    client,
                    redis: None,
                })
            }
            None => {
                let redis = self.connect("call").await?;
                let client = redis.client(&[service])?;
                Ok(Reached {
                    client,
                    redis: Some(redis),
                })
            }
        }
    }
}

/// True if there is one master, at an address that somebody gave.
fn is_one(settings: &RedisSettings) -> bool {
    settings.mode == RedisMode::Standard && settings.hosts.len() == 1
}

/// Waits for a connection to a master. If it is the only one, and refuses, nobody waits on: an address was mistyped.
async fn reach(
    connection: &RedisConnection,
    master: &RedisMaster,
    is_one: bool,
) -> Result<(), TransportError> {
    let ready = master.ready();
    tokio::pin!(ready);
    loop {
        tokio::select! {
            biased;
            reached = &mut ready => return reached,
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
        }
        if is_one && connection.outage().is_some() {
            return refused(connection).await;
        }
    }
}

/// Tries once more, for the reason of the failure.
async fn refused(connection: &RedisConnection) -> Result<(), TransportError> {
    let settings = connection.settings().clone();
    let again = settings.connect_timeout(LOOK_INTERVAL);
    RedisConnection::connect(again).await.map(drop)
}

/// The address of the door for calls by name: that of the program, if there is no path in it.
fn door(url: &str) -> String {
    let url = url.trim_end_matches('/');
    let (scheme, after) = url.split_once("://").unwrap_or(("http", url));
    match after.contains('/') {
        true => format!("{scheme}://{after}"),
        false => format!("{scheme}://{after}/call"),
    }
}

/// A client of one service, and Redis if it leads there.
pub(crate) struct Reached {
    pub(crate) client: Client,
    pub(crate) redis: Option<Redis>,
}

/// A Redis with queues of services.
#[derive(Clone, Debug)]
pub(crate) struct Redis {
    pub(crate) connection: RedisConnection,
    /// Masters that cannot be reached, with the reason. What they hold is not shown.
    pub(crate) lost: BTreeMap<String, String>,
}

impl Redis {
    async fn connect(settings: RedisSettings) -> Result<Self, Failure> {
        let most = if is_one(&settings) {
            CONNECT_TIMEOUT
        } else {
            EACH_TIMEOUT
        };
        let limit = settings.connect_timeout.min(most);
        let connection = RedisConnection::new(settings.connect_timeout(limit))?;
        Self::reach(connection).await
    }

    /// Finds out which masters can be reached.
    ///
    /// # Errors
    /// None can be.
    pub(crate) async fn reach(connection: RedisConnection) -> Result<Self, Failure> {
        let address = connection.settings().arrangement();
        let is_one = is_one(connection.settings());
        let failed = |error: &TransportError| Failure::of_redis(error, &address);
        let masters = connection.masters().await;
        let masters = masters.map_err(|error| failed(&error))?;
        let reached = masters
            .iter()
            .map(|master| reach(&connection, master, is_one));
        let reached = join_all(reached).await;
        let mut lost = BTreeMap::new();
        let mut last = None;
        for (master, outcome) in masters.iter().zip(reached) {
            if let Err(error) = outcome {
                lost.insert(master.name(), error.to_string());
                last = Some(error);
            }
        }
        match last.filter(|_| lost.len() == masters.len()) {
            // With some of several, the fleet is still to be looked at.
            None => Ok(Self { connection, lost }),
            Some(error) => Err(failed(&error)),
        }
    }

    /// The addresses, without a password.
    pub(crate) fn address(&self) -> String {
        self.connection.settings().arrangement()
    }

    /// The command that gives this login rights.
    pub(crate) fn grant(&self, rights: &str) -> String {
        let user = self.connection.settings().username.as_deref();
        format!("ACL SETUSER {} {rights}", user.unwrap_or("default"))
    }

    /// Waits until the client has taken back requests that nobody has answered: they are no traffic of the fleet.
    pub(crate) async fn settled(&self) {
        tokio::time::sleep(TAKE_BACK_TIME).await;
    }

    pub(crate) fn failed(&self, error: &TransportError) -> Failure {
        Failure::of_redis(error, &self.address())
    }

    /// A client of these services.
    pub(crate) fn client(&self, services: &[&str]) -> Result<Client, Failure> {
        let mut builder = Client::builder().caller(CALLER);
        for service in services {
            let transport = RedisClientTransport::on(&self.connection, (*service).to_owned());
            builder = builder.service((*service).to_owned(), transport);
        }
        Ok(builder.build()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_of_a_program_is_below_call() {
        assert_eq!(door("http://127.0.0.1:8000"), "http://127.0.0.1:8000/call");
        assert_eq!(door("http://127.0.0.1:8000/"), "http://127.0.0.1:8000/call");
        assert_eq!(door("127.0.0.1:8000"), "http://127.0.0.1:8000/call");
        assert_eq!(
            door("https://a.example/api/call"),
            "https://a.example/api/call"
        );
    }

    #[test]
    fn an_address_that_cannot_be_read_names_its_source() {
        let target = Target {
            redis: Some("ftp://nowhere".to_owned()),
            ..Target::default()
        };
        let failure = target.redis_settings().unwrap_err();
        assert!(format!("{failure:?}").contains("--redis"), "{failure:?}");
    }
}
