//! The four verbs.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use soa_http::HttpClient;
use soa_http::axum::http::StatusCode;
use soa_http::axum::http::uri::Authority;
use soa_runtime::secret::Secret;
use soa_runtime::{BoxFuture, BuildError};
use soa_wire::{Name, redact};

use super::agent::{Agent, Answer, Question};
use super::answer::{INSTANCE_LIMIT, Known, Odd, entries, known as known_service};
use super::form;
use crate::error::RegistryError;
use crate::instance::{InstanceId, Registration};
use crate::registry::{Listing, Registry, Version};

/// Time for which the agent waits for a change.
const WATCH_LIMIT: Duration = Duration::from_secs(60);

/// Largest number of odd entries that are remembered as told.
const TOLD_LIMIT: usize = 1000;

/// A registry in Consul, by the agent of this machine or another one.
///
/// An instance is registered at the agent, which asks for its health. It is registered again when the agent has forgotten
/// it, or knows something else under its id. An entry without addresses is skipped, and logged once.
///
/// ```
/// use soa_http::{HttpClient, HttpClientSettings};
/// use soa_registry::{ConsulRegistry, Registry};
///
/// let client = HttpClient::new(&HttpClientSettings::default())?;
/// let registry = ConsulRegistry::new(&client, "consul://127.0.0.1:8500")?
///     .token("b1gs33cr3t")
///     .datacenter("west");
/// assert_eq!(registry.shown_address(), "consul://127.0.0.1:8500");
/// assert!(!format!("{registry:?}").contains("b1gs33cr3t"));
/// # Ok::<(), soa_runtime::BuildError>(())
/// ```
#[derive(Clone)]
pub struct ConsulRegistry {
    agent: Agent,
    shown: String,
    memory: Arc<Mutex<Memory>>,
}

/// Instances that were registered, and entries that were told, before.
#[derive(Debug, Default)]
struct Memory {
    registered: HashSet<InstanceId>,
    told: HashSet<(Name, String)>,
}

impl ConsulRegistry {
    /// Returns the registry of an agent at `consul://HOST:PORT`, or `consul+https://HOST:PORT` with TLS. The port is 8500 by
    /// default, and 8501 with TLS. Nothing is connected yet.
    ///
    /// # Errors
    /// The address is none of these.
    pub fn new(client: &HttpClient, address: &str) -> Result<Self, BuildError> {
        let place = Place::read(address)?;
        Ok(Self {
            agent: Agent {
                client: client.clone(),
                base: format!("{}://{}", place.scheme, place.host),
                token: None,
                token_file: None,
                datacenter: None,
            },
            shown: place.shown(),
            memory: Arc::default(),
        })
    }

    /// Sets the token of the ACL; none by default. It is never shown.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.agent.token = Some(Secret::new(token));
        self
    }

    /// Sets a file with the token. It is read for each question, so it may be replaced.
    #[must_use]
    pub fn token_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.agent.token_file = Some(file.into());
        self
    }

    /// Sets the datacenter in which components are looked up; by default that of the agent. An instance is always registered
    /// in that of its agent.
    #[must_use]
    pub fn datacenter(mut self, datacenter: impl Into<String>) -> Self {
        self.agent.datacenter = Some(datacenter.into());
        self
    }

    /// Makes an instance known, if the agent does not know it as it is: to register it again would have it fail until its next
    /// check.
    async fn make_known(&self, registration: &Registration) -> Result<(), RegistryError> {
        let service = form::Service::new(registration);
        let known = self
            .agent
            .ask(Question::get(form::service(service.id)))
            .await?;
        if known.status == StatusCode::NOT_FOUND {
            let was_registered = self.memory().registered.contains(service.id);
            if was_registered {
                let (id, shown) = (service.id, &self.shown);
                tracing::info!("{shown} has forgotten `{id}`, which is registered again");
            }
        } else {
            let known = known.accepted()?;
            let known: Known = known.read(known_service).await?;
            if known.is(&service) {
                self.memory().registered.insert(service.id.to_owned());
                return Ok(());
            }
        }
        let body = serde_json::to_vec(&service).map_err(|error| {
            RegistryError::new("the instance cannot be written").with_source(error)
        })?;
        let answer = self.agent.ask(Question::put(form::REGISTER, body)).await?;
        answer.accepted()?;
        self.memory().registered.insert(service.id.to_owned());
        Ok(())
    }

    async fn make_unknown(&self, id: &str) -> Result<(), RegistryError> {
        let question = Question::put(form::deregister(id), "");
        let answer = self.agent.ask(question).await?;
        self.memory().registered.remove(id);
        match answer.status {
            StatusCode::NOT_FOUND => Ok(()),
            _ => answer.accepted().map(|_| ()),
        }
    }

    async fn list(&self, component: &str, wait: Option<Version>) -> Result<Listing, RegistryError> {
        let wait = wait.map(|version| (version, WATCH_LIMIT));
        let target = form::look_up(component, wait, self.agent.datacenter.as_deref());
        let mut question = Question::get(target);
        if wait.is_some() {
            question = question.waiting(WATCH_LIMIT);
        }
        let answer = self.agent.ask(question).await?.accepted()?;
        let version = index(&answer)?;
        let entries = answer.read(entries).await?;
        for Odd { id, problem } in entries.odd {
            let id = redact::one_line(&id);
            self.tell(component, format!("`{id}`, {problem}"));
        }
        if entries.has_more {
            let text =
                format!("more than {INSTANCE_LIMIT} instances, of which the rest is left out");
            self.tell(component, text);
        }
        let instances = entries.instances;
        Ok(Listing { instances, version })
    }

    /// Logs what is odd about a list, once.
    fn tell(&self, component: &str, text: String) {
        let told = &mut self.memory().told;
        if told.len() < TOLD_LIMIT && told.insert((component.to_owned().into(), text.clone())) {
            let shown = &self.shown;
            tracing::warn!("component `{component}`: {shown} lists {text}");
        }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of an agent.
struct Place {
    scheme: &'static str,
    /// Host and port.
    host: String,
}

/// Returns an error if this is no address of an agent.
pub(crate) fn check_address(address: &str) -> Result<(), BuildError> {
    Place::read(address).map(|_| ())
}

impl Place {
    fn read(address: &str) -> Result<Self, BuildError> {
        Self::try_read(address).ok_or_else(|| {
            BuildError::new(format!(
                "invalid address of Consul `{}`: expected `consul://HOST:PORT` or `consul+https://HOST:PORT`; a token has a \
                 setting of its own",
                redact::url(address)
            ))
        })
    }

    fn try_read(address: &str) -> Option<Self> {
        let (scheme, host, port) = match address.split_once("://")? {
            ("consul", host) => ("http", host, 8500),
            ("consul+https", host) => ("https", host, 8501),
            _ => return None,
        };
        let host = host.trim_end_matches('/');
        if host.contains(['@', '/', '?', '#']) {
            return None;
        }
        let authority: Authority = host.parse().ok()?;
        let port = match authority.port_u16() {
            Some(port) => port,
            None if authority.as_str() == authority.host() => port,
            None => return None,
        };
        let host = authority.host();
        (!host.is_empty()).then(|| Self {
            scheme,
            host: format!("{host}:{port}"),
        })
    }

    fn shown(&self) -> String {
        match self.scheme {
            "http" => format!("consul://{}", self.host),
            _ => format!("consul+https://{}", self.host),
        }
    }
}

fn index(answer: &Answer) -> Result<Version, RegistryError> {
    let index = answer.headers.get("x-consul-index");
    let index = index.and_then(|index| index.to_str().ok()?.parse().ok());
    let index = index.ok_or_else(|| RegistryError::new("the agent's answer has no index"))?;
    Ok(Version(index))
}

impl Registry for ConsulRegistry {
    fn register(&self, registration: &Registration) -> BoxFuture<Result<(), RegistryError>> {
        let (consul, registration) = (self.clone(), registration.clone());
        Box::pin(async move { consul.make_known(&registration).await })
    }

    fn deregister(&self, registration: &Registration) -> BoxFuture<Result<(), RegistryError>> {
        let (consul, id) = (self.clone(), registration.instance.id.clone());
        Box::pin(async move { consul.make_unknown(&id).await })
    }

    fn look_up(&self, component: &str) -> BoxFuture<Result<Listing, RegistryError>> {
        let (consul, component) = (self.clone(), component.to_owned());
        Box::pin(async move { consul.list(&component, None).await })
    }

    fn watch(&self, component: &str, since: Version) -> BoxFuture<Result<Listing, RegistryError>> {
        let (consul, component) = (self.clone(), component.to_owned());
        Box::pin(async move { consul.list(&component, Some(since)).await })
    }

    fn shown_address(&self) -> String {
        self.shown.clone()
    }
}

impl fmt::Debug for ConsulRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConsulRegistry").field(&self.agent).finish()
    }
}
