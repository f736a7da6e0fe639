//! The requests of a connection, of HTTP/1.1 or HTTP/2.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use super::activity::{Activity, Late, Limits};
use super::body::{Answer, Open, TimedBody};
use super::stream::Stream;
use crate::doors::Doors;
use crate::head::{DoorHead, given_id};
use crate::reply::Reply;
use crate::router::Shortcuts;
use crate::settings::HttpSettings;

/// A step of the life of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Serving,
    /// Requests are taken, but each connection ends as soon as its peer can know.
    Leaving,
    /// No more requests are taken.
    Draining,
    /// Connections end as they are.
    Ending,
}

/// The shared part of all connections of a listener.
pub(super) struct Shared {
    pub(super) router: Router,
    shortcuts: Shortcuts,
    doors: Arc<Doors>,
    pub(super) http: Builder<TokioExecutor>,
    pub(super) limits: Limits,
    body_timeout: Duration,
    tls: Option<TlsAcceptor>,
}

impl Shared {
    pub(super) fn new(
        router: Router,
        shortcuts: Shortcuts,
        doors: Arc<Doors>,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let settings = doors.settings();
        let mut http = Builder::new(TokioExecutor::new());
        // The times of heads are those of the activity, which tells a late head from an idle connection.
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(settings.max_header_size);
        if settings.max_headers != HttpSettings::default().max_headers {
            // The default number has room on the stack.
            http.http1().max_headers(settings.max_headers);
        }
        let list = u32::try_from(settings.max_header_size).unwrap_or(u32::MAX);
        http.http2()
            .timer(TokioTimer::new())
            .max_header_list_size(list);
        Self {
            router,
            shortcuts,
            http,
            limits: Limits::of(settings),
            body_timeout: settings.body_timeout.get(),
            tls,
            doors,
        }
    }

    /// Answers a request. With the body of the answer, it is answered.
    async fn answer(
        &self,
        activity: &Arc<Activity>,
        request: Request<Incoming>,
    ) -> Result<Response<Answer>, Infallible> {
        let open = Open::new(activity);
        let has_own_connection = request.version() < Version::HTTP_2;
        let (parts, body) = request.into_parts();
        let body = Body::new(TimedBody::new(body, self.body_timeout));
        let mut response = match self.shortcuts.find(parts.uri.path()) {
            Some((entry, names)) => entry.answer(DoorHead::new(parts), body, names).await,
            None => self.route(Request::from_parts(parts, body)).await?,
        };
        if has_own_connection && self.doors.is_draining() {
            let headers = response.headers_mut();
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| Answer::new(body, open)))
    }

    /// Answers a request by the router.
    async fn route(&self, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let method = request.method().clone();
        let id = given_id(request.headers());
        let response = self.router.clone().call(request).await?;
        Ok(match is_bare_404(&response) {
            true => not_found(&method, id, response),
            false => response,
        })
    }

    /// Serves a connection until it is closed. Told to stop, it takes no more requests, and closes as soon as those that it
    /// has are answered. Returns true if an answer could not be sent.
    pub(super) async fn serve(
        self: Arc<Self>,
        socket: TcpStream,
        phase: watch::Receiver<Phase>,
    ) -> bool {
        let Some(tls) = &self.tls else {
            return self.serve_on(socket, phase).await;
        };
        let handshake = tokio::time::timeout(self.limits.header, tls.accept(socket));
        let opened = tokio::select! {
            biased;
            () = reached(phase.clone(), Phase::Draining) => return false,
            opened = handshake => opened,
        };
        match opened {
            Ok(Ok(stream)) => self.serve_on(stream, phase).await,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a handshake of TLS failed");
                false
            }
            Err(_) => false,
        }
    }

    async fn serve_on<T>(self: &Arc<Self>, socket: T, phase: watch::Receiver<Phase>) -> bool
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let activity = Arc::new(Activity::new());
        let stream = TokioIo::new(Stream::new(socket, Arc::clone(&activity)));
        let (shared, told) = (Arc::clone(self), Arc::clone(&activity));
        let service = hyper::service::service_fn(move |request| {
            let (shared, activity) = (Arc::clone(&shared), Arc::clone(&told));
            async move { shared.answer(&activity, request).await }
        });
        let mut connection = pin!(self.http.serve_connection(stream, service));
        let mut now = *phase.borrow();
        let mut next = pin!(next_of(phase));
        let (mut has_left, mut is_stopping) = (false, false);
        let mut timer = pin!(tokio::time::sleep(Duration::ZERO));
        // True if the timer will wake this task, which is the only one that polls it.
        let mut is_set = false;
        let mut is_ended = false;
        std::future::poll_fn(|cx| {
            loop {
                if connection.as_mut().poll(cx).is_ready() {
                    is_ended = true;
                    return Poll::Ready(());
                }
                while let Poll::Ready((reached, phase)) = next.as_mut().poll(cx) {
                    now = reached;
                    if now == Phase::Ending {
                        return Poll::Ready(());
                    }
                    next.set(next_of(phase));
                }
                if now >= Phase::Leaving && !has_left && activity.has_request_of_http2() {
                    // The peer takes another connection for what comes next, and this one ends after what it has.
                    has_left = true;
                    connection.as_mut().graceful_shutdown();
                    continue;
                }
                if now >= Phase::Draining && !is_stopping {
                    is_stopping = true;
                    activity.stops();
                    connection.as_mut().graceful_shutdown();
                    continue;
                }
                // A timer that is early is set anew when it fires: that is cheaper than for every request.
                if is_set && !timer.is_elapsed() && !activity.takes_hurry() {
                    return Poll::Pending;
                }
                let (deadline, late) = activity.deadline(&self.limits);
                if deadline < timer.deadline() || timer.is_elapsed() {
                    timer.as_mut().reset(deadline);
                }
                is_set = timer.as_mut().poll(cx).is_pending();
                if is_set {
                    return Poll::Pending;
                }
                if tokio::time::Instant::now() < deadline {
                    continue;
                }
                match late {
                    None => {}
                    Some(Late::Stalled) => return Poll::Ready(()),
                    Some(Late::Header) => activity.has_late_head(),
                    Some(Late::Idle) => {
                        activity.closes();
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        })
        .await;
        !is_ended && activity.has_unsent()
    }
}

/// True if nothing has the path. A fallback of the router could not be merged with one of the program's own.
fn is_bare_404(response: &Response<Body>) -> bool {
    response.status() == StatusCode::NOT_FOUND
        && response.body().size_hint().exact() == Some(0)
        && !response.headers().contains_key(CONTENT_TYPE)
}

/// Returns the answer for a path that nothing has, with the headers that layers have added.
fn not_found(
    method: &Method,
    id: Option<(HeaderName, HeaderValue)>,
    bare: Response<Body>,
) -> Response<Body> {
    let reply = Reply::detail(StatusCode::NOT_FOUND, "Not Found").with_optional_header(id);
    let (parts, body) = reply.into_response(method).into_parts();
    let mut headers = bare.into_parts().0.headers;
    headers.remove(CONTENT_LENGTH);
    headers.extend(parts.headers);
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::NOT_FOUND;
    *response.headers_mut() = headers;
    response
}

/// Waits for the next phase, and returns it. One that has begun since the receiver was made is the next.
async fn next_of(mut phase: watch::Receiver<Phase>) -> (Phase, watch::Receiver<Phase>) {
    let is_told = phase.changed().await.is_ok();
    // A sender that is gone has ended its connections.
    let now = match is_told {
        true => *phase.borrow_and_update(),
        false => Phase::Ending,
    };
    (now, phase)
}

/// Waits until a phase has begun.
async fn reached(mut phase: watch::Receiver<Phase>, wanted: Phase) {
    // A sender that is gone has ended its connections.
    let _ = phase.wait_for(|phase| *phase >= wanted).await;
}
