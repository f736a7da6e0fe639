//! Tokens of a caller: fetched by a function of the user's own, and kept until shortly before they expire.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use soa_runtime::{BoxFuture, TransportError};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The time before the end of a token at which a new one is fetched.
const MARGIN: Duration = Duration::from_secs(10);

/// A token for the header `Authorization`, without its scheme.
///
/// ```
/// use std::time::Duration;
/// use soa_http::Token;
///
/// let token = Token::new("a-secret").expires_in(Duration::from_secs(300));
/// assert_eq!(format!("{token:?}"), "Token(…)");
/// ```
#[derive(Clone)]
pub struct Token {
    text: Arc<str>,
    expires: Option<Instant>,
}

impl Token {
    /// Creates a token that does not expire.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self {
            text: text.into(),
            expires: None,
        }
    }

    /// Sets the time after which the token is no longer taken.
    #[must_use]
    pub fn expires_in(mut self, time: Duration) -> Self {
        self.expires = Instant::now().checked_add(time);
        self
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The time at which a new one is fetched. One that lives for less than twice the margin is kept for half of its life.
    fn renewed_at(&self) -> Option<Instant> {
        let expires = self.expires?;
        let left = expires.saturating_duration_since(Instant::now());
        expires.checked_sub(MARGIN.min(left / 2))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

type Fetch = dyn Fn() -> BoxFuture<Result<Token, TransportError>> + Send + Sync;

/// The origin of tokens.
pub(super) struct TokenSource {
    fetch: Box<Fetch>,
    /// Locked while a token is fetched, so that of many waiters one does it.
    last: Mutex<Option<Kept>>,
}

struct Kept {
    token: Token,
    renewed_at: Option<Instant>,
}

impl TokenSource {
    pub(super) fn new(
        fetch: impl Fn() -> BoxFuture<Result<Token, TransportError>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            fetch: Box::new(fetch),
            last: Mutex::new(None),
        }
    }

    /// Returns a token that is not about to expire.
    ///
    /// # Errors
    /// The function failed.
    pub(super) async fn current(&self) -> Result<Token, TransportError> {
        let mut last = self.last.lock().await;
        let usable = last.as_ref().filter(|kept| {
            kept.renewed_at
                .is_none_or(|renewed_at| Instant::now() < renewed_at)
        });
        match usable {
            Some(kept) => Ok(kept.token.clone()),
            None => self.fetched(&mut last).await,
        }
    }

    /// Returns a token in place of one that was refused. If another caller has fetched one meanwhile, that is it.
    ///
    /// # Errors
    /// The function failed.
    pub(super) async fn instead_of(&self, refused: &Token) -> Result<Token, TransportError> {
        let mut last = self.last.lock().await;
        match last.as_ref() {
            Some(kept) if !Arc::ptr_eq(&kept.token.text, &refused.text) => Ok(kept.token.clone()),
            _ => self.fetched(&mut last).await,
        }
    }

    async fn fetched(&self, last: &mut Option<Kept>) -> Result<Token, TransportError> {
        let token = (self.fetch)().await?;
        *last = Some(Kept {
            token: token.clone(),
            renewed_at: token.renewed_at(),
        });
        Ok(token)
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource")
    }
}
