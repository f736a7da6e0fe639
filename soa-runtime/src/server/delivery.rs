//! The fate of jobs whose process is gone. The first that fits:
//!
//! | job | verdict |
//! |---|---|
//! | its caller's time is over | forgotten |
//! | an action is not idempotent | its caller hears `OUTCOME_UNKNOWN` |
//! | an action that this server does not know, as a deploy is going on | left to others for a while, then as the line above |
//! | it has ended too many processes | kept as a dead letter; its caller hears `SERVER_ERROR` |
//! | it was held by a process that crashed | runs again, alone among its like: with a strike |
//! | otherwise | runs again |
//!
//! A job is as weak as its weakest action: all of them would run again. A message that cannot be read has run nothing, so it
//! may run again.
//!
//! **Strikes find the culprit.** After a crash all jobs that the process held are suspects, and a process takes one suspect
//! at a time. If one that holds a suspect crashes, only the suspect gets a further strike. So a job that ends processes costs
//! as many crashes as it is allowed (`crash_limit`), and no other job gets more than one strike. With a limit of one, there
//! are no suspects: all that a crashed process held is blamed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::handle::{Server, ServerShared};
use crate::lifetime::job_id;
use crate::message::{JobRequest, JobResponse, WireError, code};
use crate::observe::names;
use crate::transport::{DeadLetter, Judge, Loss, LostJob, Promise, Redelivery, Reply, Verdict};
use crate::wire::{self, DropReason, Head, Request};

/// The number of processes that may end while they run a job, before it is not run again, unless the server or an action has
/// another one.
pub(super) const CRASH_LIMIT: u8 = 3;

/// The reason of dead letters of jobs that ended too many processes.
const POISON: &str = "poison";

/// The error of a job of which nobody knows whether it took effect.
const UNKNOWN: &str =
    "The server that ran this job stopped; whether its actions took effect is not known";

/// The part of a job that may run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weakest {
    /// All actions are idempotent.
    Idempotent,
    /// This server does not know one of the actions.
    Unknown,
    /// One of the actions must not run again.
    NotIdempotent,
}

impl Server {
    /// Returns what this server promises about its jobs.
    pub(super) fn promise(&self) -> Promise {
        Promise {
            delivery: self.shared.delivery,
            judge: Arc::new(Judging(Arc::clone(&self.shared))),
        }
    }

    /// Returns true if this job may be handed over to another server although it was begun: its caller has time left, and all
    /// of its actions may run again.
    pub(super) fn may_hand_over(&self, frame: &Bytes, redelivery: Option<&Redelivery>) -> bool {
        let job = LostJob {
            frame,
            redelivery,
            loss: Loss::HandedOver,
        };
        matches!(self.judged(&job), Verdict::Again(_))
    }

    /// Decides about a job whose process is gone.
    fn judged(&self, job: &LostJob<'_>) -> Verdict {
        let shared = &self.shared;
        let is_late = job.redelivery.is_some_and(|known| known.is_late);
        let read = match is_late {
            true => wire::read_late_request(job.frame, &shared.serializers),
            false => wire::read_request(job.frame, &shared.serializers),
        };
        let Request {
            head, job: read, ..
        } = match read {
            Ok(request) => request,
            Err(unreadable) if unreadable.reason == DropReason::Expired => return Verdict::Expired,
            // It ran nothing, and has no caller that could be told.
            Err(_) => return struck(job, &[], shared.crash_limit, |_| None),
        };
        let Ok(read) = read else {
            let reply = |error| self.reply_to_lost(&head, error);
            return struck(job, &[], shared.crash_limit, reply);
        };
        let is_old = !matches!(job.loss, Loss::Crash { is_old: false, .. });
        match self.weakest(&read) {
            Weakest::Unknown if !is_old => return Verdict::Leave,
            Weakest::Unknown | Weakest::NotIdempotent => {
                let error = WireError::server(code::OUTCOME_UNKNOWN, UNKNOWN);
                return Verdict::Unknown(self.reply_to_lost(&head, error));
            }
            Weakest::Idempotent => {}
        }
        let actions: Vec<String> = read
            .actions
            .iter()
            .map(|one| one.action.to_string())
            .collect();
        struck(job, &actions, self.crash_limit(&read), |error| {
            self.reply_to_lost(&head, error)
        })
    }

    fn weakest(&self, job: &JobRequest) -> Weakest {
        let switches = &job.context.switches;
        let actions =
            job.actions
                .iter()
                .map(|request| match self.shared.actions.get(&request.action) {
                    None => Weakest::Unknown,
                    Some(registered) if registered.handler.is_idempotent(switches) => {
                        Weakest::Idempotent
                    }
                    Some(_) => Weakest::NotIdempotent,
                });
        actions.max().unwrap_or(Weakest::Idempotent)
    }

    /// Returns the number of processes that a job may end: the least that its actions allow.
    fn crash_limit(&self, job: &JobRequest) -> u8 {
        let switches = &job.context.switches;
        let limits = job.actions.iter().map(|request| {
            let registered = self.shared.actions.get(&request.action);
            registered.and_then(|registered| registered.handler.crash_limit(switches))
        });
        let usual = self.shared.crash_limit;
        let limits = limits.map(|limit| limit.unwrap_or(usual));
        limits.min().unwrap_or(usual)
    }

    /// Writes the response to a job that was lost, if its caller wants one.
    fn reply_to_lost(&self, head: &Head, error: WireError) -> Option<Reply> {
        let reply_to = head.reply_to()?.to_owned();
        let response = JobResponse::failed(vec![error]);
        let now = wire::now();
        let frame = wire::write_response_at(now, head, &response).ok()?;
        Some(Reply::new(reply_to, frame, head.left(now)))
    }
}

/// Decides about a job that may run again, unless it has ended too many processes.
fn struck(
    job: &LostJob<'_>,
    actions: &[String],
    crash_limit: u8,
    reply: impl FnOnce(WireError) -> Option<Reply>,
) -> Verdict {
    let known = job.redelivery;
    let was_suspect = known.is_some_and(|known| known.is_suspect);
    let is_struck = match job.loss {
        Loss::Crash { had_suspect, .. } => was_suspect || !had_suspect,
        Loss::HandedOver => false,
    };
    let strikes = known.map_or(0, |known| known.strikes) + u32::from(is_struck);
    let attempt = known.map_or(1, |known| known.attempt);
    let id = known.map_or_else(|| job_id(job.frame), |known| known.id.clone());
    let born = known.map_or_else(millis, |known| known.born);
    if strikes < u32::from(crash_limit) {
        return Verdict::Again(Redelivery {
            id,
            attempt: attempt.saturating_add(1),
            strikes,
            // One that was a suspect stays one until it has run.
            is_suspect: is_struck || was_suspect,
            is_late: known.is_some_and(|known| known.is_late),
            born,
            reason: match job.loss {
                Loss::Crash { .. } => "crash",
                Loss::HandedOver => "handed-over",
            },
        });
    }
    let message = match strikes {
        1 => "The job is not run again: a process of the service ended while it ran it".to_owned(),
        _ => format!(
            "The job is not run again: {strikes} processes of the service ended while they ran it"
        ),
    };
    let letter = DeadLetter {
        id,
        actions: actions.to_vec(),
        reason: POISON.to_owned(),
        attempts: attempt,
        strikes,
        error: message.clone(),
        born,
        died: millis(),
        frame: job.frame.clone(),
    };
    let error = WireError::server(code::SERVER_ERROR, message);
    Verdict::Dead(Box::new(letter), reply(error))
}

/// The time, in milliseconds since 1970.
fn millis() -> u64 {
    let now = Duration::try_from_secs_f64(wire::now()).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// The server as the judge of its lost jobs.
struct Judging(Arc<ServerShared>);

impl Judge for Judging {
    fn may_run_again(&self) -> bool {
        self.0.may_run_again
    }

    fn judge(&self, job: &LostJob<'_>) -> Verdict {
        let shared = Arc::clone(&self.0);
        Server { shared }.judged(job)
    }

    fn settled(&self, job: &LostJob<'_>, verdict: &Verdict) {
        let service = &*self.0.name;
        match verdict {
            Verdict::Expired => self.0.meters.dropped(DropReason::Expired),
            Verdict::Leave => {}
            Verdict::Unknown(_) => {
                names::OUTCOME_UNKNOWN.counter([service]).increment(1);
            }
            Verdict::Again(again) => {
                let labels = [service, again.reason];
                names::REDELIVERED.counter(labels).increment(1);
            }
            Verdict::Dead(letter, _) => {
                let labels = [service, &*letter.reason];
                names::DEAD.counter(labels).increment(1);
                let (id, actions, strikes) = (&letter.id, &letter.actions, letter.strikes);
                let length = job.frame.len();
                tracing::error!(
                    service,
                    id,
                    ?actions,
                    strikes,
                    length,
                    "a job has ended too many processes, and is kept as a dead letter"
                );
                let shared = Arc::clone(&self.0);
                let server = Server { shared };
                for hook in &server.shared.hooks.dead {
                    hook(&server, letter);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Encoding, Value};
    use crate::context::{ActionCall, ActionFuture, Context};
    use crate::error::ActionError;
    use crate::message::{ActionRequest, Body, ContextHeader, Control, SwitchSet};
    use crate::service::Handler;
    use crate::wire::ProtocolVersion;

    fn server() -> Server {
        let echo = |body: Value, _: Context| async { Ok::<_, ActionError>(body) };
        Server::untyped("test", "1.0.0")
            .action("shrink", echo)
            .action("charge", echo)
            .idempotent("shrink")
            .build()
            .unwrap()
    }

    fn frame(actions: &[&str], lifetime: f64) -> Bytes {
        let body = || Body::empty(Encoding::MessagePack);
        let actions = actions.iter().map(|name| ActionRequest::new(*name, body()));
        let job = JobRequest::new(
            ContextHeader::fresh(),
            Control::default(),
            actions.collect(),
        );
        let lifetime = Duration::from_secs_f64(lifetime);
        let (version, encoding) = (ProtocolVersion::V3, Encoding::MessagePack);
        wire::write_request(version, encoding, 1, "service.test.x!", lifetime, &job).unwrap()
    }

    const CRASH: Loss = Loss::Crash {
        had_suspect: false,
        is_old: false,
    };

    fn judged(frame: &Bytes, redelivery: Option<&Redelivery>, loss: Loss) -> Verdict {
        server().judged(&LostJob {
            frame,
            redelivery,
            loss,
        })
    }

    fn error_of(reply: Option<Reply>) -> String {
        let response = wire::read_response(&reply.unwrap().frame, &Default::default()).unwrap();
        response.job.errors[0].code.to_string()
    }

    #[test]
    fn a_job_is_as_weak_as_its_weakest_action() {
        for (actions, runs_again) in [
            (&["shrink"][..], true),
            (&["shrink", "status", "introspect"], true),
            (&["charge"], false),
            (&["shrink", "charge"], false),
            (&["gone", "charge"], false),
        ] {
            match judged(&frame(actions, 60.0), None, CRASH) {
                Verdict::Again(again) => {
                    assert!(runs_again, "{actions:?}");
                    assert_eq!((again.attempt, again.strikes), (2, 1));
                    assert!(again.is_suspect);
                }
                Verdict::Unknown(reply) => {
                    assert!(!runs_again, "{actions:?}");
                    assert_eq!(error_of(reply), code::OUTCOME_UNKNOWN);
                }
                verdict => panic!("{actions:?}: {verdict:?}"),
            }
        }
    }

    #[test]
    fn an_unknown_action_is_left_to_others_for_a_while() {
        let frame = frame(&["shrink", "newer"], 60.0);
        assert!(matches!(judged(&frame, None, CRASH), Verdict::Leave));
        let old = Loss::Crash {
            had_suspect: false,
            is_old: true,
        };
        let Verdict::Unknown(reply) = judged(&frame, None, old) else {
            panic!()
        };
        assert_eq!(error_of(reply), code::OUTCOME_UNKNOWN);
    }

    #[test]
    fn what_nobody_waits_for_is_forgotten_unless_a_person_wants_it() {
        let late = frame(&["shrink"], 0.001);
        std::thread::sleep(Duration::from_millis(5));
        assert!(matches!(judged(&late, None, CRASH), Verdict::Expired));
        let Verdict::Again(mut again) = judged(&frame(&["shrink"], 60.0), None, CRASH) else {
            panic!()
        };
        again.is_late = true;
        let verdict = judged(&late, Some(&again), Loss::HandedOver);
        assert!(matches!(verdict, Verdict::Again(again) if again.is_late && again.attempt == 3));
    }

    #[test]
    fn a_suspect_alone_is_to_blame_and_ends_as_a_dead_letter() {
        let frame = frame(&["shrink"], 60.0);
        let Verdict::Again(suspect) = judged(&frame, None, CRASH) else {
            panic!()
        };
        let beside = Loss::Crash {
            had_suspect: true,
            is_old: false,
        };
        // One that ran beside it is innocent.
        let Verdict::Again(innocent) = judged(&frame, None, beside) else {
            panic!()
        };
        assert_eq!((innocent.strikes, innocent.is_suspect), (0, false));
        let Verdict::Again(second) = judged(&frame, Some(&suspect), beside) else {
            panic!()
        };
        assert_eq!((second.strikes, second.attempt), (2, 3));
        assert_eq!((&second.id, second.born), (&suspect.id, suspect.born));
        let Verdict::Dead(letter, reply) = judged(&frame, Some(&second), beside) else {
            panic!()
        };
        assert_eq!(
            (letter.attempts, letter.strikes, &*letter.reason),
            (3, 3, POISON)
        );
        assert_eq!(letter.actions, ["shrink"]);
        assert_eq!(error_of(reply), code::SERVER_ERROR);
        // Who hands it over does not blame it.
        let handed = judged(&frame, Some(&second), Loss::HandedOver);
        assert!(matches!(handed, Verdict::Again(again) if again.strikes == 2));
    }

    /// The number of crashes after which a job of these actions is dead.
    fn crashes(server: &Server, actions: &[&str]) -> u32 {
        let frame = frame(actions, 60.0);
        let mut known = None;
        loop {
            let lost = LostJob {
                frame: &frame,
                redelivery: known.as_ref(),
                loss: CRASH,
            };
            match server.judged(&lost) {
                Verdict::Again(again) => known = Some(again),
                Verdict::Dead(letter, _) => return letter.strikes,
                verdict => panic!("{verdict:?}"),
            }
        }
    }

    #[test]
    fn an_action_has_the_crash_limit_of_its_server_unless_it_declares_one() {
        struct Frail(u8);
        impl Handler for Frail {
            fn call(&self, _: ActionCall) -> ActionFuture {
                Box::pin(async { Err(ActionError::internal("not called")) })
            }

            fn is_idempotent(&self, _: &SwitchSet) -> bool {
                true
            }

            fn crash_limit(&self, _: &SwitchSet) -> Option<u8> {
                Some(self.0)
            }
        }
        let mut builder = Server::untyped("test", "1.0.0").crash_limit(2);
        builder = builder.action("shrink", |body: Value, _: Context| async {
            Ok::<_, ActionError>(body)
        });
        builder.insert("once".into(), Arc::new(Frail(1)));
        builder.insert("often".into(), Arc::new(Frail(5)));
        let server = builder.idempotent("shrink").build().unwrap();
        for (actions, limit) in [
            (&["shrink"][..], 2),
            (&["status"], 2),
            (&["once"], 1),
            (&["often"], 5),
            // The least of a job counts.
            (&["often", "shrink"], 2),
            (&["often", "shrink", "once"], 1),
        ] {
            assert_eq!(crashes(&server, actions), limit, "{actions:?}");
        }
    }

    #[test]
    fn a_message_that_cannot_be_read_runs_again_until_it_is_dead() {
        let frame = Bytes::from_static(b"\xc1 nonsense");
        let mut known = None;
        for strikes in 1..u32::from(CRASH_LIMIT) {
            let Verdict::Again(again) = judged(&frame, known.as_ref(), CRASH) else {
                panic!()
            };
            assert_eq!(again.strikes, strikes);
            known = Some(again);
        }
        let Verdict::Dead(letter, None) = judged(&frame, known.as_ref(), CRASH) else {
            panic!()
        };
        assert_eq!((letter.frame, letter.actions.len()), (frame, 0));
    }
}
