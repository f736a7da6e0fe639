//! The methods `send` and `send_and_forget` of all forms of a call.

use super::form::Form;
use super::pending::{Pending, runtime};
use crate::error::ClientError;

/// Sends a call; the rest of it goes on by itself.
pub(super) async fn send<F: Form>(call: F) -> Result<Pending<F::Output>, ClientError> {
    Pending::start(call.service(), |sent| call.start(sent)).await
}

/// Sends a call that nobody waits for.
pub(super) async fn forget<F: Form>(call: F) -> Result<(), ClientError> {
    // In the same process the job becomes a task.
    runtime(&call.service())?;
    call.forget().await
}

/// The methods that send a form of call.
macro_rules! sending_methods {
    ($Output:ty) => {
        /// Sends it now; the response is collected later, by awaiting what this gives back.
        ///
        /// It returns when the request is on its way: with Redis, when it is in the queue.
        ///
        /// # Errors
        /// A request that could not be sent, and all that is told before sending.
        pub async fn send(self) -> Result<crate::client::pending::Pending<$Output>, ClientError> {
            crate::client::sending::send(self).await
        }

        /// Sends it and asks for no answer (`control.suppress_response`). The service does its work; nobody is told
        /// how that went.
        ///
        /// It returns when the request is on its way: with Redis, when it is in the queue. A `timeout` is how
        /// long sending may take, and how long the request may wait in the queue; the work may take longer.
        /// In a chain, the end of the calling job limits the sending and nothing else.
        ///
        /// # Errors
        /// A request that could not be sent, and all that is told before sending.
        pub async fn send_and_forget(self) -> Result<(), ClientError> {
            crate::client::sending::forget(self).await
        }
    };
}

pub(super) use sending_methods;
