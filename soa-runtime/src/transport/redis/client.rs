//! Calls over Redis.
//!
//! A call becomes a frame with an id of its own, waits among the calls of its reply list, and goes into the
//! outbox of the service. It ends with the answer that has its id, or when the push failed; an answer whose
//! caller is gone is counted and dropped.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::backend::Link;
use super::connection::RedisConnection;
use super::outbox::{Message, Outbox, Receipt};
use super::reader::ReplyList;
use super::settings::{RedisSettings, bounded};
use super::{PREFIX, request_key};
use crate::client::{ClientRequest, Sent};
use crate::codec::Encoding;
use crate::error::{TransportError, TransportErrorKind};
use crate::message::{JobResponse, Name};
use crate::transport::{ClientTransport, MessageLimits, ReplyFuture};
use crate::wire::{self, ProtocolVersion};

/// How large a request may be, where the settings do not say.
const MAXIMUM_SIZE: usize = 102_400;

/// How much longer than a call's timeout its request's list lives.
const GRACE: Duration = Duration::from_secs(10);

/// Carries calls to one service over Redis. Clones share everything.
///
/// It connects when it is first used, or at once with [`connect`](Self::connect); it needs a tokio runtime with
/// time and I/O, the same one as long as it lives.
#[derive(Clone)]
pub struct RedisClientTransport {
    shared: Arc<Shared>,
}

struct Shared {
    connection: RedisConnection,
    service: Name,
    reply_to: String,
    list: Arc<ReplyList>,
    next_id: AtomicI64,
    limits: MessageLimits,
    outbox: OnceLock<Ready>,
}

/// What there is once the transport was used.
struct Ready {
    commands: Link,
    outbox: Arc<Outbox<CallReceipt>>,
}

impl RedisClientTransport {
    /// A transport to a service, with a connection of its own.
    pub fn new(service: impl Into<Name>, settings: RedisSettings) -> Self {
        Self::on(&RedisConnection::new(settings), service)
    }

    /// A transport to a service, connected. It waits for as long as `connect_timeout`.
    ///
    /// # Errors
    /// Redis cannot be reached or refuses the login.
    pub async fn connect(
        service: impl Into<Name>,
        settings: RedisSettings,
    ) -> Result<Self, TransportError> {
        let connection = RedisConnection::connect(settings).await?;
        Ok(Self::on(&connection, service))
    }

    /// A transport to a service, on a connection that it shares with others.
    pub fn on(connection: &RedisConnection, service: impl Into<Name>) -> Self {
        let service = service.into();
        let id = Uuid::new_v4();
        let [.., a, b, c, d, e, f] = Uuid::new_v4().into_bytes();
        let suffix = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        let reply_to = format!("service.{service}.{}!{suffix:012x}", id.simple());
        let settings = connection.settings();
        let maximum = settings.maximum_message_size.unwrap_or(MAXIMUM_SIZE);
        Self {
            shared: Arc::new(Shared {
                connection: connection.clone(),
                service,
                list: Arc::new(ReplyList::new(format!("{PREFIX}{reply_to}"))),
                reply_to,
                next_id: AtomicI64::new(i64::from(id.as_fields().0 % 1_000_000)),
                limits: MessageLimits::new(maximum, settings.log_messages_larger_than),
                outbox: OnceLock::new(),
            }),
        }
    }

    /// How many answers were dropped, as nobody waited for them or nobody could read them.
    pub fn unexpected_answers(&self) -> u64 {
        self.shared.list.unknown()
    }
}

impl Shared {
    async fn call(self: Arc<Self>, request: ClientRequest) -> Result<JobResponse, TransportError> {
        let settings = self.connection.settings();
        let wait = bounded(request.timeout.unwrap_or(settings.receive_timeout));
        let deadline = Instant::now() + wait;
        let (worth, lifetime) = match request.timeout {
            Some(_) => (wait, wait + GRACE),
            None => (
                bounded(settings.message_expiry),
                bounded(settings.message_expiry),
            ),
        };
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let frame = wire::write_request(
            ProtocolVersion::V3,
            Encoding::MessagePack,
            id,
            &self.reply_to,
            worth,
            &request.job,
        )
        .map_err(|error| {
            let message = "the request cannot be encoded";
            TransportError::new(TransportErrorKind::InvalidMessage, message).with_source(error)
        })?;
        self.check_size(&frame)?;
        let outbox = self.outbox()?;
        let is_suppressed = request.job.control.suppress_response == Some(true);
        let (waiter, answer) = oneshot::channel();
        self.list.wait(id, waiter);
        let _gone = Gone(&self.list, id);
        let _expectation = match is_suppressed {
            true => None,
            false => Some(self.connection.reader().expect()?),
        };
        outbox.send(Message {
            frame,
            lifetime,
            deadline,
            receipt: CallReceipt {
                list: Arc::clone(&self.list),
                id,
                sent: request.sent,
                is_suppressed,
            },
        });
        answer.await.unwrap_or_else(|_| {
            let message = "the runtime of the Redis transport ended";
            Err(TransportError::new(TransportErrorKind::Closed, message))
        })
    }

    fn check_size(&self, frame: &[u8]) -> Result<(), TransportError> {
        let Some(size) = self.limits.excess(frame) else {
            return Ok(());
        };
        if self.limits.allows(size) {
            tracing::warn!(service = %self.service, size, "the request is large");
            return Ok(());
        }
        let maximum = self.limits.maximum.unwrap_or_default();
        let message = format!(
            "Message exceeds maximum message size: it has {size} bytes, and {maximum} are allowed"
        );
        Err(TransportError::new(
            TransportErrorKind::MessageTooLarge,
            message,
        ))
    }

    fn outbox(&self) -> Result<&Arc<Outbox<CallReceipt>>, TransportError> {
        if let Some(ready) = self.outbox.get() {
            return Ok(&ready.outbox);
        }
        let commands = self.connection.commands()?;
        let ready = self.outbox.get_or_init(|| {
            let reader = self.connection.reader();
            reader.add(Arc::clone(&self.list), commands.clone());
            let outbox = Outbox::new(
                commands.clone(),
                Arc::clone(self.connection.push_script()),
                request_key(&self.service),
                self.connection.settings(),
            );
            Ready {
                commands,
                outbox: Arc::new(outbox),
            }
        });
        Ok(&ready.outbox)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let Some(Ready { commands, .. }) = self.outbox.take() else {
            return;
        };
        self.connection.reader().remove(&self.list);
        let key = Arc::clone(&self.list.key);
        commands.runtime().clone().spawn(async move {
            // What comes later still expires.
            commands.delete(&key).await;
        });
    }
}

impl ClientTransport for RedisClientTransport {
    fn default_timeout(&self) -> Option<Duration> {
        Some(self.shared.connection.settings().receive_timeout)
    }

    fn call(&self, request: ClientRequest) -> ReplyFuture {
        ReplyFuture::new(Arc::clone(&self.shared).call(request))
    }
}

/// Whoever stops waiting is no longer waited for.
struct Gone<'a>(&'a ReplyList, i64);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.take(self.1);
    }
}

/// Who wants to know whether a request was sent.
#[derive(Debug)]
struct CallReceipt {
    list: Arc<ReplyList>,
    id: i64,
    sent: Sent,
    is_suppressed: bool,
}

impl Receipt for CallReceipt {
    fn is_wanted(&self) -> bool {
        self.list.has(self.id)
    }

    fn done(self, outcome: Result<(), TransportError>) {
        let response = match outcome {
            Ok(()) => {
                self.sent.mark();
                if !self.is_suppressed {
                    return;
                }
                Ok(JobResponse::default())
            }
            Err(error) => Err(error),
        };
        if let Some(waiter) = self.list.take(self.id) {
            // The caller may have given up just now.
            let _ = waiter.send(response);
        }
    }
}

impl fmt::Debug for RedisClientTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisClientTransport")
            .field("service", &self.shared.service)
            .field("settings", self.shared.connection.settings())
            .finish_non_exhaustive()
    }
}
