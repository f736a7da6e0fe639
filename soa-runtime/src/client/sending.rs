//! The methods `send` and `send_and_forget` of all forms of a call.

use super::form::Form;
use super::pending::{Pending, runtime};
use crate::error::ClientError;

/// Sends a call; the rest of it runs in a task.
pub(super) async fn send<F: Form>(call: F) -> Result<Pending<F::Output>, ClientError> {
    Pending::start(call.service(), |sent| call.start(sent)).await
}

/// Sends a call without asking for a response.
pub(super) async fn forget<F: Form>(call: F) -> Result<(), ClientError> {
    // A job for a service in the same process becomes a task.
    runtime(&call.service())?;
    call.forget().await
}

/// The methods that send a form of call.
macro_rules! sending_methods {
    ($Output:ty) => {
        /// Sends the call now; the response is collected later, by awaiting the returned
        /// [`Pending`](crate::client::Pending).
        ///
        /// This returns when the request is on its way: with Redis, when it is in the queue.
        ///
        /// ```
        /// # use soa_runtime as soa;
        /// use soa::value;
        ///
        /// # #[tokio::main(flavor = "current_thread")]
        /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
        /// # let server = soa::Server::untyped("echo", "1.0.0")
        /// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
        /// #     .build()?;
        /// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
        /// let pending = client.call_action("echo", "echo", &value!({ "n": 1 })).send().await?;
        /// // Other work.
        /// assert_eq!(pending.await?, value!({ "n": 1 }));
        /// # Ok(()) }
        /// ```
        ///
        /// # Errors
        /// The request could not be prepared or sent.
        pub async fn send(self) -> Result<crate::client::pending::Pending<$Output>, ClientError> {
            crate::client::sending::send(self).await
        }

        /// Sends the call without asking for a response (`control.suppress_response`). The service does its work; its
        /// outcome is not reported.
        ///
        /// This returns when the request is on its way: with Redis, when it is in the queue. A `timeout` limits the
        /// sending, and the time that the request may wait in the queue; the work may take longer. In a chain, the
        /// deadline of the calling job limits the sending and nothing else.
        ///
        /// ```
        /// # use soa_runtime as soa;
        /// # #[tokio::main(flavor = "current_thread")]
        /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
        /// # let server = soa::Server::untyped("echo", "1.0.0")
        /// #     .action("echo", |body: soa::Value, _: soa::Context| async { Ok::<_, soa::ActionError>(body) })
        /// #     .build()?;
        /// # let client = soa::Client::builder().service("echo", soa::LocalTransport::new(server)).build()?;
        /// client.call_action("echo", "echo", &()).send_and_forget().await?;
        /// # Ok(()) }
        /// ```
        ///
        /// # Errors
        /// The request could not be prepared or sent.
        pub async fn send_and_forget(self) -> Result<(), ClientError> {
            crate::client::sending::forget(self).await
        }
    };
}

pub(super) use sending_methods;
