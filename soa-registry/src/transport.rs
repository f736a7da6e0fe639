//! The transport to a component: an address for each call, and another one where that fails.
//!
//! ```text
//! never sent                   another address at once, any job, not out of the budget
//! overloaded: did not run      another address at once, or a pause of `retry-after`; out of the budget. Without `retry-after`,
//!                              jobs that may be repeated
//! lost: may have run           another address after a short pause; jobs that may be repeated, out of the budget
//! all addresses are left out   three more attempts, each at the address that can be called again first
//! ```
//!
//! All of it happens within the deadline of the call. What is left of it travels with each attempt. A job that may not be
//! repeated never runs twice.
//!
//! This is about addresses: a failure of one is hidden by the others, and the caller need not know. The middleware
//! [`Retry`](soa_runtime::middleware::Retry) is about the service, with longer pauses and a budget of its own, and sees a
//! failure when no address has helped.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use metrics::Counter;
use soa_runtime::client::ClientRequest;
use soa_runtime::observe::names;
use soa_runtime::transport::{ClientTransport, ReplyFuture};
use soa_runtime::{TransportError, TransportErrorKind};
use soa_wire::{Encoding, JobResponse, Name, code, redact};
use tokio::time::{Instant, sleep};
use tracing::Instrument as _;

use crate::balancer::Balancer;
use crate::budget::Budget;
use crate::channel::Channels;
use crate::directory::Followed;
use crate::peer::{Attempt, Outcome, Peer};
use crate::peers::Peers;
use crate::random;
use crate::selector::Selector;

/// Time limit of calls that have none of their own, by default.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// Largest number of attempts of a call that were sent.
const SENT_ATTEMPTS: u32 = 3;

/// Largest number of attempts of a call at addresses that are left out, or were tried.
const LAST_RESORTS: u32 = 3;

/// Time of which the pause before a repeat is a random part. It doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Shortest time whose passing is told to an address.
const WORTH_TELLING: Duration = Duration::from_millis(1);

/// Part of the time left that a connection may take.
const PARTS_OF_CONNECT: u32 = 3;

/// The maximum number of bytes of a reason in the log.
const REASON_LENGTH: usize = 1024;

/// Longest pause that an overloaded address is obeyed in.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Carries the jobs of services to the component that offers them. Cheap to clone.
///
/// A [`Discovery`](crate::Discovery) makes it. It follows the list of the registry, chooses an address for each call, and goes
/// on to another one where that fails: any job that was never sent, and jobs that may be repeated
/// ([`is_idempotent`](soa_wire::ActionRequest::is_idempotent), [`Channel::repeats`](crate::Channel::repeats)) that were lost.
#[derive(Clone)]
pub struct ComponentTransport {
    shared: Arc<Shared>,
}

struct Shared {
    balancer: Balancer,
    budget: Budget,
    timeout: Option<Duration>,
    meters: Meters,
}

/// The attempts by their outcomes.
struct Meters {
    answered: Counter,
    overloaded: Counter,
    unreachable: Counter,
    lost: Counter,
    other: Counter,
}

impl Meters {
    fn new(component: &Name) -> Self {
        let counter = |outcome| names::CLIENT_ATTEMPT.counter([component, outcome]);
        Self {
            answered: counter("answered"),
            overloaded: counter("overloaded"),
            unreachable: counter("unreachable"),
            lost: counter("lost"),
            other: counter("other"),
        }
    }
}

impl ComponentTransport {
    pub(crate) fn new(
        followed: Followed,
        channels: Channels,
        preferred: Option<Name>,
        selector: Arc<dyn Selector>,
        timeout: Option<Duration>,
    ) -> Self {
        let meters = Meters::new(followed.component());
        Self {
            shared: Arc::new(Shared {
                balancer: Balancer::new(followed, channels, preferred, selector),
                budget: Budget::new(),
                timeout,
                meters,
            }),
        }
    }

    /// Returns the name of the component.
    pub fn component(&self) -> &str {
        self.shared.component()
    }

    /// Chooses the address of a call, and does not call it. For the bench of choices.
    #[doc(hidden)]
    pub fn choose(&self) -> bool {
        let (balancer, now) = (&self.shared.balancer, Instant::now());
        let peers = balancer.present();
        let chosen = peers.and_then(|peers| balancer.choose(&peers, &[], now, None));
        chosen.is_some()
    }
}

impl ClientTransport for ComponentTransport {
    /// Returns the encoding of the first address. Bodies for addresses with another one are encoded anew.
    fn encoding(&self) -> Encoding {
        let peers = self.shared.balancer.present();
        let encoding = peers.and_then(|peers| {
            let first = peers.members().next()?;
            Some(first.peer.transport().ok()?.encoding())
        });
        encoding.unwrap_or(Encoding::MessagePack)
    }

    fn default_timeout(&self) -> Option<Duration> {
        self.shared.timeout
    }

    /// Returns true, as some address may take them. One that does not is an error before anything is sent.
    fn takes_positions(&self) -> bool {
        true
    }

    /// Returns the reason why the list of the registry may be old.
    fn trouble(&self, _within: Duration) -> Option<TransportError> {
        let trouble = self.shared.balancer.followed().trouble()?;
        Some(TransportError::new(TransportErrorKind::Transient, trouble))
    }

    fn call(&self, request: ClientRequest) -> ReplyFuture {
        ReplyFuture::new(Arc::clone(&self.shared).run(request))
    }
}

impl fmt::Debug for ComponentTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComponentTransport")
            .field("balancer", &self.shared.balancer)
            .finish_non_exhaustive()
    }
}

/// A call on its way: what has been tried so far.
struct Calling {
    request: ClientRequest,
    timeout: Option<Duration>,
    deadline: Option<Instant>,
    /// The time until which the first list of a registry is waited for: before the deadline, so that the caller gets the
    /// reason.
    patience: Option<Instant>,
    /// The addresses of the attempts.
    tried: Vec<Arc<Peer>>,
    /// Number of attempts after which the call began anew, as it has waited.
    forgotten: usize,
    /// Number of attempts that were sent.
    sent: u32,
    /// Number of attempts at addresses that are left out, or were tried.
    last_resorts: u32,
    /// The last failure.
    failure: Option<TransportError>,
    /// True if an attempt may have been run.
    may_have_run: bool,
}

/// The end of an attempt, as the call sees it.
enum End {
    Answered(JobResponse),
    /// The address is overloaded, perhaps for this time.
    Overloaded(JobResponse, Option<Duration>),
    NeverSent(TransportError),
    /// The job may have been run.
    Lost(TransportError),
    /// No address will do better.
    Failed(TransportError),
}

/// The part of the time of a call for which it waits for the first list of a registry.
const PATIENCE: f64 = 0.9;

impl Shared {
    fn component(&self) -> &Name {
        self.balancer.followed().component()
    }

    async fn run(self: Arc<Self>, request: ClientRequest) -> Result<JobResponse, TransportError> {
        let begin = Instant::now();
        self.budget.count_call(begin);
        let timeout = request.timeout.or(self.timeout);
        let mut call = Calling {
            request,
            timeout,
            deadline: timeout.and_then(|timeout| begin.checked_add(timeout)),
            patience: timeout.and_then(|timeout| begin.checked_add(timeout.mul_f64(PATIENCE))),
            tried: Vec::new(),
            forgotten: 0,
            sent: 0,
            last_resorts: 0,
            failure: None,
            may_have_run: false,
        };
        let mut attempt = self.next(&mut call).await?;
        loop {
            let peer = Arc::clone(attempt.peer());
            let run = self.attempt(&call, attempt);
            let end = match call.tried.len() {
                0 => run.await,
                tried => {
                    let (service, number) = (&call.request.service, tried + 1);
                    let address = peer.address().shown();
                    let span = tracing::info_span!("attempt", %service, number, %address);
                    run.instrument(span).await
                }
            };
            call.tried.push(Arc::clone(&peer));
            attempt = match end {
                End::Answered(response) => return Ok(response),
                End::Failed(error) => return Err(error),
                End::NeverSent(error) => {
                    call.failure = Some(error);
                    self.next(&mut call).await?
                }
                End::Lost(error) => {
                    call.failure = Some(error);
                    call.may_have_run = true;
                    call.sent += 1;
                    let is_allowed = call.may_repeat(&peer) && call.sent < SENT_ATTEMPTS;
                    if !is_allowed || !self.budget.take(Instant::now()) {
                        return Err(self.failed(&mut call));
                    }
                    if !call.pause(pause_before(call.sent)).await {
                        return Err(self.failed(&mut call));
                    }
                    self.next(&mut call).await?
                }
                End::Overloaded(response, time) => {
                    call.sent += 1;
                    // Who asks to come back has not run the job. Others say 503 for reasons of their own.
                    let is_allowed = time.is_some() || call.may_repeat(&peer);
                    let next = match is_allowed {
                        true => self.elsewhere(&mut call, time).await,
                        false => None,
                    };
                    match next {
                        Some(attempt) => attempt,
                        None => return Ok(response),
                    }
                }
            };
        }
    }

    /// Returns the addresses that the call can be sent to.
    ///
    /// # Errors
    /// There is none.
    async fn peers(&self, call: &Calling) -> Result<Arc<Peers>, TransportError> {
        let peers = self.balancer.peers(call.patience).await?;
        if !call.request.sets_context {
            return Ok(peers);
        }
        let carrying = Arc::clone(&peers).with_context();
        if carrying.len() == 0 {
            let message = format!(
                "component `{}`: the call sets switches or values of its context, and no instance is known to act on them: \
                 those of this framework offer the channel `call`, and these offer {} alone",
                self.component(),
                peers.offered().join(", ")
            );
            return Err(TransportError::new(
                TransportErrorKind::Misconfigured,
                message,
            ));
        }
        Ok(carrying)
    }

    /// Begins the next attempt: at an address that can be called, or else at the one that can be called first.
    ///
    /// # Errors
    /// There is no address, the time is over, or enough has been tried.
    async fn next(&self, call: &mut Calling) -> Result<Attempt, TransportError> {
        let peers = self.peers(call).await?;
        if let Some(attempt) = self.choose(call, &peers)? {
            return Ok(attempt);
        }
        call.last_resorts += 1;
        if call.last_resorts > LAST_RESORTS {
            return Err(self.failed(call));
        }
        if call.failure.is_some() && !call.pause(pause_before(call.last_resorts)).await {
            return Err(self.failed(call));
        }
        // Meanwhile the list may be another one, and an address may be back.
        let peers = self.peers(call).await?;
        if let Some(attempt) = self.choose(call, &peers)? {
            return Ok(attempt);
        }
        let (now, deadline) = (Instant::now(), call.deadline);
        let attempt = self.balancer.choose_anyway(&peers, now, deadline);
        attempt.ok_or_else(|| self.failed(call))
    }

    /// # Errors
    /// The time is over.
    fn choose(&self, call: &mut Calling, peers: &Peers) -> Result<Option<Attempt>, TransportError> {
        let (now, deadline) = (Instant::now(), call.deadline);
        if deadline.is_some_and(|deadline| deadline <= now) {
            return Err(self.failed(call));
        }
        Ok(self.balancer.choose(peers, call.excluded(), now, deadline))
    }

    /// Begins an attempt after one at an overloaded address: at another one at once, or after the time that was asked for.
    /// Returns none if there is no time or no budget for it.
    async fn elsewhere(&self, call: &mut Calling, time: Option<Duration>) -> Option<Attempt> {
        if call.sent >= SENT_ATTEMPTS {
            return None;
        }
        let peers = self.peers(call).await.ok()?;
        if let Some(attempt) = self.choose(call, &peers).ok()? {
            return self.budget.take(Instant::now()).then_some(attempt);
        }
        // Those who wait do not come back at the same moment.
        let time = time.filter(|time| *time <= LONGEST_PAUSE)?;
        let pause = time.mul_f64(1.0 + random::fraction() / 10.0);
        if !call.has_time(pause) || !self.budget.take(Instant::now()) {
            return None;
        }
        sleep(pause).await;
        call.forgotten = call.tried.len();
        let peers = self.peers(call).await.ok()?;
        if let Some(attempt) = self.choose(call, &peers).ok()? {
            return Some(attempt);
        }
        self.balancer
            .choose_anyway(&peers, Instant::now(), call.deadline)
    }

    /// Sends the request once.
    async fn attempt(&self, call: &Calling, attempt: Attempt) -> End {
        let peer = Arc::clone(attempt.peer());
        let transport = match peer.transport() {
            Ok(transport) => transport,
            Err(problem) => {
                let message = format!(
                    "the address {} cannot be used: {problem}",
                    peer.address().shown()
                );
                attempt.finish(&Outcome::Failed(
                    redact::one_line(&problem.to_string()).into_owned(),
                ));
                let kind = TransportErrorKind::Misconfigured;
                return End::NeverSent(TransportError::new(kind, message));
            }
        };
        let mut actions = call.request.job.actions.iter();
        if actions.any(|action| action.is_positional) && !transport.takes_positions() {
            let message = format!(
                "{} cannot be called by positions: prefer `dispatch-json` or `dispatch-msgpack`",
                peer.address().shown()
            );
            attempt.finish(&Outcome::Unknown);
            let kind = TransportErrorKind::Misconfigured;
            return End::Failed(TransportError::new(kind, message));
        }
        let outcome = send(&**transport, &peer, call.next_request(transport.encoding())).await;
        let end = match outcome {
            Ok(response) => match overload(&response) {
                Some(time) => End::Overloaded(response, time),
                None => End::Answered(response),
            },
            Err(error) => match error.kind() {
                TransportErrorKind::Unreachable => End::NeverSent(error),
                TransportErrorKind::Interrupted
                | TransportErrorKind::Transient
                | TransportErrorKind::Closed => End::Lost(error),
                _ => End::Failed(error),
            },
        };
        let (meter, outcome) = match &end {
            End::Answered(_) => (&self.meters.answered, Outcome::Answered),
            End::Overloaded(_, time) => (&self.meters.overloaded, Outcome::Overloaded(*time)),
            End::NeverSent(error) => (&self.meters.unreachable, failed(error)),
            End::Lost(error) => (&self.meters.lost, failed(error)),
            End::Failed(_) => (&self.meters.other, Outcome::Unknown),
        };
        meter.increment(1);
        attempt.finish(&outcome);
        if matches!(end, End::Answered(_) | End::Overloaded(..)) {
            self.balancer.followed().note_answer();
        }
        end
    }

    /// Returns the error of a call that is given up: that of the last attempt, with the number of addresses.
    fn failed(&self, call: &mut Calling) -> TransportError {
        let component = self.component();
        let Some(last) = call.failure.take() else {
            let message =
                format!("no time is left to call an address of the component `{component}`");
            return TransportError::new(TransportErrorKind::Unreachable, message);
        };
        let tried: HashSet<*const Peer> = call.tried.iter().map(Arc::as_ptr).collect();
        let (tried, all) = (tried.len(), self.balancer.count());
        let message = format!("component `{component}`, {tried} of {all} addresses tried: {last}");
        // That the last attempt was not sent does not mean that none was.
        let kind = match last.kind() {
            TransportErrorKind::Unreachable if call.may_have_run => TransportErrorKind::Interrupted,
            kind => kind,
        };
        TransportError::new(kind, message).with_source(last)
    }
}

impl Calling {
    /// Returns the addresses that are not tried again.
    fn excluded(&self) -> &[Arc<Peer>] {
        self.tried.get(self.forgotten..).unwrap_or_default()
    }

    /// Returns true if the job may run again after it was sent to this address and lost.
    fn may_repeat(&self, peer: &Peer) -> bool {
        let mut actions = self.request.job.actions.iter();
        actions.all(|action| action.is_idempotent()) || peer.channel().repeats(&self.request)
    }

    /// Returns the request of the next attempt: with what is left of the time, and with bodies in this encoding.
    fn next_request(&self, encoding: Encoding) -> ClientRequest {
        let mut request = self.request.clone();
        if let (Some(timeout), Some(deadline)) = (self.timeout, self.deadline) {
            let left = deadline.saturating_duration_since(Instant::now());
            // A call that did not wait keeps the time that its caller wrote.
            let has_waited = timeout.saturating_sub(left) >= WORTH_TELLING;
            request.timeout = Some(if has_waited { left } else { timeout });
            if has_waited && request.job.control.timeout().is_some() {
                request.job.control.set_timeout(left);
            }
        }
        for action in &mut request.job.actions {
            if action.body.encoding() != encoding {
                action.body = action.body.transcoded(encoding);
            }
        }
        request
    }

    /// Returns true if the time of the call does not end before this pause.
    fn has_time(&self, pause: Duration) -> bool {
        let end = Instant::now().checked_add(pause);
        end.is_some_and(|end| self.deadline.is_none_or(|deadline| end < deadline))
    }

    /// Waits, if there is time for it. Returns true if it has waited.
    async fn pause(&self, pause: Duration) -> bool {
        let is_in_time = self.has_time(pause);
        if is_in_time {
            sleep(pause).await;
        }
        is_in_time
    }
}

/// Sends a request. A connection gets a part of the time, where the channel tells when it has sent something.
async fn send(
    transport: &dyn ClientTransport,
    peer: &Peer,
    mut request: ClientRequest,
) -> Result<JobResponse, TransportError> {
    let limit = match request.timeout {
        Some(left) if peer.channel().marks_before_sending() => left / PARTS_OF_CONNECT,
        _ => return transport.call(request).await,
    };
    let (sent, mark) = request.sent.observed();
    request.sent = sent;
    let mut reply = transport.call(request);
    tokio::select! {
        biased;
        outcome = &mut reply => return outcome,
        // An error says that the transport has dropped the mark, which it does when it ends.
        _ = mark => {}
        () = sleep(limit) => {
            let message = format!("{} was not connected to within {limit:?}", peer.address().shown());
            return Err(TransportError::new(TransportErrorKind::Unreachable, message));
        }
    }
    reply.await
}

/// Returns the time for which an overloaded address asks; `None` if the job was not refused for that.
fn overload(response: &JobResponse) -> Option<Option<Duration>> {
    if !response.actions.is_empty() {
        return None;
    }
    let mut errors = response.errors.iter();
    let error = errors.find(|error| error.code == code::OVERLOADED)?;
    let headers = error
        .http()
        .map(|answer| &*answer.headers)
        .unwrap_or_default();
    let mut headers = headers.iter();
    let time = headers.find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
    // The other form is a date, which asks for clocks that agree.
    let seconds = time.and_then(|(_, time)| time.trim().parse().ok());
    Some(seconds.map(Duration::from_secs))
}

fn failed(error: &TransportError) -> Outcome {
    let reason = redact::chain(error, REASON_LENGTH);
    Outcome::Failed(redact::one_line(&reason).into_owned())
}

/// Returns the pause before the n-th repeat, from 1.
fn pause_before(repeat: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(repeat.saturating_sub(1));
    let longest = FIRST_PAUSE.saturating_mul(doubled);
    longest.mul_f64(0.5 + random::fraction() / 2.0)
}
