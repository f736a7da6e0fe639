//! Questions to an agent of Consul.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use soa_http::HttpClient;
use soa_http::axum::body::{Body, to_bytes};
use soa_http::axum::http::header::{CONTENT_TYPE, HeaderValue};
use soa_http::axum::http::{HeaderMap, Method, Request, StatusCode};
use soa_runtime::secret::Secret;
use soa_runtime::{TransportError, TransportErrorKind};
use soa_wire::redact;

use crate::error::RegistryError;

/// Time limit of a question that the agent answers at once.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Largest body of an answer: some ten thousand instances.
const BODY_LIMIT: usize = 16 << 20;

/// Largest body that is read by the thread that asks. Those of others are not held up by one that is larger.
const AT_ONCE_LIMIT: usize = 256 << 10;

/// Bytes of an answer that an error shows.
const SHOWN_LIMIT: usize = 200;

const TOKEN: &str = "x-consul-token";

/// The agent, and what it wants to see.
#[derive(Clone)]
pub(super) struct Agent {
    pub(super) client: HttpClient,
    /// The scheme and the host of URLs.
    pub(super) base: String,
    pub(super) token: Option<Secret>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) datacenter: Option<String>,
}

/// A question.
pub(super) struct Question {
    method: Method,
    target: String,
    body: Bytes,
    /// Time for which the agent may wait with its answer.
    wait: Option<Duration>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Text that no error may show.
    token: Option<Secret>,
}

impl Question {
    pub(super) fn get(target: String) -> Self {
        Self {
            method: Method::GET,
            target,
            body: Bytes::new(),
            wait: None,
        }
    }

    pub(super) fn put(target: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            method: Method::PUT,
            target: target.into(),
            body: body.into(),
            wait: None,
        }
    }

    pub(super) fn waiting(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }
}

impl Agent {
    /// Asks the agent. A connection that breaks is tried again once, if the answer does not depend on time: to ask twice does
    /// no harm, and a kept connection may be one to an agent that has been restarted.
    pub(super) async fn ask(&self, question: Question) -> Result<Answer, RegistryError> {
        let limit = match question.wait {
            // Consul adds up to a sixteenth, so that not all watchers come back at once.
            Some(wait) => wait + wait / 16 + ANSWER_LIMIT,
            None => ANSWER_LIMIT,
        };
        let token = self.token().await?;
        let asking = async {
            match self.exchange(&question, token.as_ref()).await {
                Err(error)
                    if error.kind() == TransportErrorKind::Interrupted
                        && question.wait.is_none() =>
                {
                    self.exchange(&question, token.as_ref()).await
                }
                outcome => outcome,
            }
        };
        let (status, headers, body) = match tokio::time::timeout(limit, asking).await {
            Ok(answered) => answered.map_err(|error| {
                RegistryError::new("the agent does not answer").with_source(error)
            })?,
            Err(_) => {
                let seconds = limit.as_secs();
                let message = format!("the agent does not answer within {seconds} s");
                return Err(RegistryError::new(message));
            }
        };
        Ok(Answer {
            status,
            headers,
            body,
            token,
        })
    }

    async fn exchange(
        &self,
        question: &Question,
        token: Option<&Secret>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), TransportError> {
        let url = format!("{}{}", self.base, question.target);
        let misuse = |what: &dyn fmt::Display| {
            let message = format!("the agent cannot be asked: {what}");
            TransportError::new(TransportErrorKind::Misconfigured, message)
        };
        let mut request = Request::builder().method(question.method.clone()).uri(url);
        if !question.body.is_empty() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(token) = token {
            let value = HeaderValue::from_str(token.expose());
            let mut value = value.map_err(|_| misuse(&"the token is no text of a header"))?;
            value.set_sensitive(true);
            request = request.header(TOKEN, value);
        }
        let request = request.body(question.body.clone());
        let request = request.map_err(|error| misuse(&error))?;
        let (head, body) = self.client.send(request).await?.into_parts();
        let body = read(body).await?;
        Ok((head.status, head.headers, body))
    }

    /// Returns the token. That of a file is read each time, as files of tokens are replaced while programs run.
    async fn token(&self) -> Result<Option<Secret>, RegistryError> {
        let Some(file) = self.token_file.clone() else {
            return Ok(self.token.clone());
        };
        let shown = file.display().to_string();
        let reading = tokio::task::spawn_blocking(move || std::fs::read_to_string(file));
        let text = match reading.await {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => {
                let message = format!("the file of the token, {shown}, cannot be read");
                return Err(RegistryError::new(message).with_source(error));
            }
            Err(error) => {
                return Err(RegistryError::new("the runtime ends").with_source(error));
            }
        };
        Ok(Some(Secret::new(text.trim())))
    }
}

async fn read(body: Body) -> Result<Bytes, TransportError> {
    to_bytes(body, BODY_LIMIT).await.map_err(|error| {
        let message = "the answer broke off, or is too large";
        TransportError::new(TransportErrorKind::Interrupted, message).with_source(error)
    })
}

impl Answer {
    /// Returns the answer if the agent did what it was asked.
    pub(super) fn accepted(self) -> Result<Self, RegistryError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let advice = match self.status {
            StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
                ": authentication failed; check the token and its policies"
            }
            _ => "",
        };
        let (status, said) = (self.status.as_u16(), self.said());
        Err(RegistryError::new(format!(
            "the agent answers {status} `{said}`{advice}"
        )))
    }

    /// Reads the body, on a thread for what takes time if it is large.
    pub(super) async fn read<T: Send + 'static>(
        self,
        read: fn(&[u8]) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        if self.body.len() <= AT_ONCE_LIMIT {
            return read(&self.body);
        }
        let reading = tokio::task::spawn_blocking(move || read(&self.body));
        reading
            .await
            .map_err(|error| RegistryError::new("the runtime ends").with_source(error))?
    }

    /// Returns the beginning of the body as one line of text, without the token.
    pub(super) fn said(&self) -> String {
        // Enough for what is shown, even if all of it is the token.
        let token = self.token.as_ref().map_or(0, |token| token.expose().len());
        let enough = SHOWN_LIMIT * token.max(4) + token;
        let body = self.body.trim_ascii_start();
        let text = String::from_utf8_lossy(body.get(..enough).unwrap_or(body));
        let text = match &self.token {
            Some(token) if !token.expose().is_empty() => text.replace(token.expose(), "…"),
            _ => text.into_owned(),
        };
        redact::one_line(text.trim_end())
            .chars()
            .take(SHOWN_LIMIT)
            .collect()
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("base", &self.base)
            .field("token", &self.token)
            .field("token_file", &self.token_file)
            .field("datacenter", &self.datacenter)
            .finish()
    }
}
