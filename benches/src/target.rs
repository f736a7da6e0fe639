//! What is called.

use std::error::Error;
use std::time::{Duration, Instant};

use soa::message::Name;
use soa::{Client, RedisClientTransport, RedisSettings, Value};

use crate::raw;

/// What one call does.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) service: String,
    pub(crate) action: String,
    pub(crate) body: Value,
    /// Actions a job.
    pub(crate) actions: u32,
}

/// Something that can be called again and again.
#[derive(Debug)]
pub(crate) enum Target {
    /// A service of the protocol, by a client of the framework with its defaults.
    Service { client: Client, work: Work },
    /// The other end of plain sockets.
    Raw(raw::Caller),
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

    /// How many actions a call has.
    pub(crate) fn actions(&self) -> u32 {
        match self {
            Self::Service { work, .. } => work.actions,
            Self::Raw(_) => 1,
        }
    }

    /// Makes one call and reads its whole answer.
    pub(crate) async fn call(&self) -> Result<(), String> {
        match self {
            Self::Service { client, work } if work.actions == 1 => {
                let (service, action) = (work.service.clone(), work.action.clone());
                let answer = client.call_action(service, action, &work.body).await;
                answer.map(drop).map_err(|error| told(&error))
            }
            Self::Service { client, work } => call_many(client, work).await,
            Self::Raw(caller) => caller.call().await,
        }
    }

    /// Calls until there is an answer: a server that was started just now may need a moment.
    pub(crate) async fn wait_until_it_answers(
        &self,
        patience: Duration,
    ) -> Result<(), Box<dyn Error>> {
        let end = Instant::now() + patience;
        loop {
            let call = tokio::time::timeout(Duration::from_secs(6), self.call());
            let problem = match call.await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(problem)) => problem,
                Err(_) => "no answer".to_owned(),
            };
            if Instant::now() >= end {
                return Err(format!("the service does not answer: {problem}").into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn call_many(client: &Client, work: &Work) -> Result<(), String> {
    let one = || (Name::from(work.action.clone()), work.body.clone());
    let actions = (0..work.actions).map(|_| one());
    let job = client.call_job(work.service.clone(), actions);
    let response = job.await.map_err(|error| told(&error))?;
    let errors = response.actions.iter().flat_map(|action| &action.errors);
    if let Some(error) = response.errors.iter().chain(errors).next() {
        return Err(format!("{}: {}", error.code, error.message));
    }
    for action in &response.actions {
        let body: Result<Value, _> = action.body.decode();
        body.map_err(|error| told(&error))?;
    }
    Ok(())
}

/// An error with what caused it.
fn told(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", told(source)),
        None => error.to_string(),
    }
}
