//! The service, or the raw server, that is called.

use std::error::Error;
use std::time::{Duration, Instant};

use soa::message::Name;
use soa::{Client, RedisClientTransport, RedisSettings, Value};

use crate::channels::{Plain, Typed};
use crate::{http, raw};

/// The time within which a server must send its first response.
const SERVER_START_TIMEOUT: Duration = Duration::from_secs(30);

/// The time that each call to a starting server may take.
const FIRST_CALL_TIMEOUT: Duration = Duration::from_secs(6);

/// The pause between two calls to a starting server.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The contents of one call.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) service: String,
    pub(crate) action: String,
    pub(crate) body: Value,
    /// Actions in each job.
    pub(crate) actions: u32,
}

/// A server to call, with the connections to it.
#[derive(Debug)]
pub(crate) enum Target {
    /// A service, called through a client of the framework with default settings.
    Service { client: Client, work: Work },
    /// The raw server, called over plain sockets.
    Raw(raw::Caller),
    /// A server of HTTP, called over plain sockets.
    Http(http::Caller),
    /// A server of HTTP, called through a typed client.
    Typed(Typed),
    /// A server of HTTP, called through the client of HTTP alone.
    Plain(Box<Plain>),
}

impl Target {
    pub(crate) fn service(settings: &RedisSettings, work: Work) -> Result<Self, Box<dyn Error>> {
        let transport = RedisClientTransport::new(work.service.clone(), settings.clone())?;
        let builder = Client::builder().service(work.service.clone(), transport);
        let client = builder.build()?;
        Ok(Self::Service { client, work })
    }

    pub(crate) async fn raw(settings: &RedisSettings) -> Result<Self, Box<dyn Error>> {
        Ok(Self::Raw(raw::Caller::connect(settings).await?))
    }

    /// Returns the number of actions in each call.
    pub(crate) fn actions(&self) -> u32 {
        match self {
            Self::Service { work, .. } => work.actions,
            Self::Raw(_) | Self::Http(_) | Self::Typed(_) | Self::Plain(_) => 1,
        }
    }

    /// Makes one call and reads its whole response.
    pub(crate) async fn call(&self) -> Result<(), String> {
        match self {
            Self::Service { client, work } if work.actions == 1 => {
                let (service, action) = (work.service.clone(), work.action.clone());
                let answer = client.call_action(service, action, &work.body).await;
                answer.map(drop).map_err(|error| with_causes(&error))
            }
            Self::Service { client, work } => call_many(client, work).await,
            Self::Raw(caller) => caller.call().await,
            Self::Http(caller) => caller.call().await,
            Self::Typed(caller) => caller.call().await,
            Self::Plain(caller) => caller.call().await,
        }
    }

    /// Calls until the first response arrives: a server that has just been started is not ready at once.
    pub(crate) async fn wait_until_ready(&self) -> Result<(), Box<dyn Error>> {
        let end = Instant::now() + SERVER_START_TIMEOUT;
        loop {
            let call = tokio::time::timeout(FIRST_CALL_TIMEOUT, self.call());
            let problem = match call.await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(problem)) => problem,
                Err(_) => "no response".to_owned(),
            };
            if Instant::now() >= end {
                return Err(format!("the service does not respond: {problem}").into());
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }
}

async fn call_many(client: &Client, work: &Work) -> Result<(), String> {
    let one = || (Name::from(work.action.clone()), work.body.clone());
    let actions = (0..work.actions).map(|_| one());
    let job = client.call_job(work.service.clone(), actions);
    let response = job.await.map_err(|error| with_causes(&error))?;
    let errors = response.actions.iter().flat_map(|action| &action.errors);
    if let Some(error) = response.errors.iter().chain(errors).next() {
        return Err(format!("{}: {}", error.code, error.message));
    }
    for action in &response.actions {
        let body: Result<Value, _> = action.body.decode();
        body.map_err(|error| with_causes(&error))?;
    }
    Ok(())
}

/// Formats an error with its causes.
fn with_causes(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_causes(source)),
        None => error.to_string(),
    }
}
