//! The lowest form of calling: requests are sent, and responses are taken in the order in which they arrive.

use std::fmt;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::form::Form;
use super::sending;
use crate::BoxFuture;
use crate::error::ClientError;

/// The id of a request, which tells the responses of [`Outstanding`] calls apart.
///
/// Ids count up from 0, and are unique within one [`Outstanding`]. On the wire, requests have other ids, chosen by
/// their transport.
///
/// ```
/// # use soa_runtime as soa;
/// use std::collections::HashMap;
/// use soa::client::Outstanding;
/// use soa::value;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = soa::Server::untyped("echo", "1.0.0")
/// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
/// #     .build()?;
/// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
/// let mut outstanding = Outstanding::new();
/// let mut names = HashMap::new();
/// for name in ["ada", "grace"] {
///     let call = client.call_action("echo", "echo", &value!({ "name": name }));
///     names.insert(outstanding.send(call).await?, name);
/// }
/// while let Some((id, response)) = outstanding.next().await {
///     assert_eq!(response?, value!({ "name": (names[&id]) }));
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

impl RequestId {
    /// Returns the id as a number.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Calls that are on their way, and the stream of their responses in the order in which they arrive.
///
/// Send a request with [`send`](Self::send) to get its id, and take the responses one by one with
/// [`next`](Self::next). The calls may be for one service or several, and of any form; all have the same type of
/// response, which for [`call_job`](super::Client::call_job) is the whole [`JobResponse`](crate::JobResponse).
///
/// Dropping this drops the responses of all calls that are still outstanding; the services do their work all the same.
///
/// ```
/// # use soa_runtime as soa;
/// use soa::client::Outstanding;
/// use soa::value;
///
/// # async fn example(client: soa::Client) -> Result<(), soa::ClientError> {
/// let mut outstanding = Outstanding::new();
/// for isbn in ["1", "2", "3"] {
///     let job = client.call_job("books", [("find".into(), value!({ "isbn": isbn }))]);
///     let id = outstanding.send(job).await?;
///     println!("{isbn} is request {id}");
/// }
/// while let Some((id, response)) = outstanding.next().await {
///     println!("{id}: {:?}", response?.actions);
/// }
/// # Ok(()) }
/// ```
pub struct Outstanding<R> {
    calls: FuturesUnordered<BoxFuture<(RequestId, Result<R, ClientError>)>>,
    next: u64,
}

impl<R: Send + 'static> Outstanding<R> {
    /// Returns an empty set of calls.
    pub fn new() -> Self {
        Self {
            calls: FuturesUnordered::new(),
            next: 0,
        }
    }

    /// Sends a call; returns when the request is on its way.
    ///
    /// # Errors
    /// The request could not be sent. It is not added to the outstanding calls then.
    pub async fn send<F: Form<Output = R>>(&mut self, call: F) -> Result<RequestId, ClientError> {
        let pending = sending::send(call).await?;
        let id = RequestId(self.next);
        self.next = self.next.saturating_add(1);
        self.calls
            .push(Box::pin(pending.map(move |outcome| (id, outcome))));
        Ok(id)
    }

    /// Returns the next response, or the error of its call, with the id of its request; `None` if no call is
    /// outstanding.
    ///
    /// This is cancel safe: no response is lost in `tokio::time::timeout(limit, outstanding.next())`.
    ///
    /// ```
    /// # use soa_runtime as soa;
    /// use std::time::Duration;
    /// use soa::client::Outstanding;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = soa::Server::untyped("echo", "1.0.0")
    /// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
    /// #     .build()?;
    /// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
    /// let mut outstanding = Outstanding::new();
    /// outstanding.send(client.call_action("echo", "echo", &())).await?;
    /// match tokio::time::timeout(Duration::from_secs(1), outstanding.next()).await {
    ///     Ok(Some((id, response))) => println!("{id}: {response:?}"),
    ///     Ok(None) => println!("there are no more calls"),
    ///     Err(_) => println!("{} calls are outstanding", outstanding.len()),
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn next(&mut self) -> Option<(RequestId, Result<R, ClientError>)> {
        self.calls.next().await
    }

    /// Polls for the next response, for futures that are polled by hand and for streams: `futures::stream::poll_fn(move
    /// |cx| outstanding.poll_next(cx))`.
    pub fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(RequestId, Result<R, ClientError>)>> {
        self.calls.poll_next_unpin(cx)
    }

    /// Returns the number of outstanding calls.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Returns true if no call is outstanding.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }
}

impl<R: Send + 'static> Default for Outstanding<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> fmt::Debug for Outstanding<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outstanding")
            .field("calls", &self.calls.len())
            .finish_non_exhaustive()
    }
}
