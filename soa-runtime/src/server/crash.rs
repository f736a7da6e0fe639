//! Crashes for tests: a server in this process whose jobs end where they are, as if it had been killed.
//!
//! The jobs are decided about as those of a process that is gone ([`delivery`](super::delivery)).

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::handle::Server;
use crate::codec::Encoding;
use crate::error::TransportError;
use crate::exchange::ClientRequest;
use crate::lifetime::{Lifetime, Origin, Signal};
use crate::message::{JobRequest, JobResponse};
use crate::transport::{
    ClientTransport, DeadLetter, Delivery, Loss, LostJob, Redelivery, Reply, ReplyFuture, Verdict,
};
use crate::wire::{self, ProtocolVersion};

/// Carries jobs to a server in the same process that can crash. Clones are the same.
#[derive(Clone)]
pub struct CrashTransport {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    process: Mutex<Arc<Process>>,
    dead: Mutex<Vec<DeadLetter>>,
}

/// The life of the server from one crash to the next.
#[derive(Default)]
struct Process {
    crashed: Arc<Signal>,
    /// The number of suspects that run.
    suspects: AtomicUsize,
}

impl CrashTransport {
    /// A transport to this server.
    pub fn new(server: Server) -> Self {
        Self {
            server,
            shared: Arc::default(),
        }
    }

    /// Ends all jobs that run where they are, as if the process had been killed. Those that may run again begin anew.
    pub fn crash(&self) {
        let crashed = std::mem::take(&mut *lock(&self.shared.process));
        crashed.crashed.set();
    }

    /// Returns the jobs that have ended too many processes.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        lock(&self.shared.dead).clone()
    }

    /// Runs a job until it is done, whatever the number of crashes.
    async fn run(self, job: JobRequest, frame: Bytes, first: Arc<Lifetime>) -> JobResponse {
        let mut known: Option<Redelivery> = None;
        let mut lifetime = first;
        let mut process = Arc::clone(&*lock(&self.shared.process));
        loop {
            let is_suspect = known.as_ref().is_some_and(|known| known.is_suspect);
            process
                .suspects
                .fetch_add(usize::from(is_suspect), Ordering::AcqRel);
            tokio::select! {
                biased;
                () = process.crashed.wait() => {}
                response = self.server.execute_within(job.clone(), Arc::clone(&lifetime)) => {
                    process.suspects.fetch_sub(usize::from(is_suspect), Ordering::AcqRel);
                    return response;
                }
            }
            let lost = LostJob {
                frame: &frame,
                redelivery: known.as_ref(),
                loss: Loss::Crash {
                    had_suspect: process.suspects.load(Ordering::Acquire) > 0,
                    is_old: true,
                },
            };
            let promise = self.server.promise();
            if promise.delivery == Delivery::AtMostOnce || !promise.holds() {
                // Nobody knows of it any more. Its caller waits in vain.
                return std::future::pending().await;
            }
            let verdict = promise.judge.judge(&lost);
            promise.judge.settled(&lost, &verdict);
            match verdict {
                Verdict::Again(again) => known = Some(again),
                Verdict::Unknown(reply) => return response_of(reply),
                Verdict::Dead(letter, reply) => {
                    lock(&self.shared.dead).push(*letter);
                    return response_of(reply);
                }
                Verdict::Expired | Verdict::Leave => return std::future::pending().await,
            }
            process = Arc::clone(&*lock(&self.shared.process));
            let attempt = known.as_ref().map_or(1, |known| known.attempt);
            lifetime = self.lifetime(&job, &frame, attempt, &process);
        }
    }

    fn lifetime(
        &self,
        job: &JobRequest,
        frame: &Bytes,
        attempt: u32,
        process: &Process,
    ) -> Arc<Lifetime> {
        let origin = Origin {
            frame: Some(frame.clone()),
            attempt,
            gone: None,
            lost: Some(Arc::clone(&process.crashed)),
        };
        self.server.lifetime_of(job, None, origin)
    }
}

fn response_of(reply: Option<Reply>) -> JobResponse {
    let read = reply.map(|reply| wire::read_response(&reply.frame, &Default::default()));
    read.and_then(Result::ok)
        .map(|response| response.job)
        .unwrap_or_default()
}

impl ClientTransport for CrashTransport {
    fn call(&self, request: ClientRequest) -> ReplyFuture {
        let (job, sent) = (request.job, request.sent);
        // The expiry of a queue; the deadline of the job is its own.
        let lifetime = job.control.timeout().unwrap_or(Duration::from_secs(60));
        let reply_to = "service.test.local!";
        let frame = wire::write_request(
            ProtocolVersion::V3,
            Encoding::MessagePack,
            i64::from_be_bytes(uuid::Uuid::new_v4().as_u64_pair().0.to_be_bytes()),
            reply_to,
            lifetime,
            &job,
        );
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => {
                let kind = crate::error::TransportErrorKind::InvalidMessage;
                let error = TransportError::new(kind, error.to_string());
                return ReplyFuture::ready(Err(error));
            }
        };
        let process = Arc::clone(&*lock(&self.shared.process));
        let first = self.lifetime(&job, &frame, 1, &process);
        let is_suppressed = job.control.suppress_response == Some(true);
        let run = self.clone().run(job, frame, Arc::clone(&first));
        let mut reply = ReplyFuture::of_job(async move { Ok(run.await) }, first);
        if is_suppressed {
            reply.detach();
            reply = ReplyFuture::ready(Ok(JobResponse::default()));
        }
        sent.mark();
        reply
    }
}

impl fmt::Debug for CrashTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrashTransport")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while one of these is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
