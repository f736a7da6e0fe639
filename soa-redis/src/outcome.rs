//! Carrying out what was decided about lost jobs: in one script, with the end of the hold on them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use soa_runtime::internal::{Loss, LostJob, Redelivery, Verdict};
use soa_runtime::transport::Reply;
use tokio::time::Instant;

use super::aloud::aloud;
use super::backend::{Limit, Link, Script};
use super::hold_base::Base;
use super::hold_keys::number;
use super::naming::PREFIX;
use super::scripts::PushScripts;

/// Time limit of a response to a caller whose reply list is at another master.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// The messages of a plan by the keys that they go to; those of reply lists follow.
const REQUESTS: usize = 0;
const AGAIN: usize = 1;
const SUSPECT: usize = 2;
const DEAD: usize = 3;

/// The fate of the jobs of one slot.
pub(super) struct Plan<'a> {
    base: &'a Arc<Base>,
    /// Numbers of keys, scores, and messages.
    puts: Vec<(usize, String, Bytes)>,
    /// Reply lists at this master.
    lists: Vec<Bytes>,
    /// Responses for reply lists at others.
    elsewhere: Vec<Reply>,
    settled: Vec<(Bytes, Option<Box<Redelivery>>, Loss, Verdict)>,
    /// True if a job is left to others, and so its whole slot.
    is_left: bool,
}

/// The outcome of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// This process was given up, or another one was first.
    Fenced,
    /// It may have been carried out, or not.
    Failed,
}

impl<'a> Plan<'a> {
    pub(super) fn new(base: &'a Arc<Base>) -> Self {
        Self {
            base,
            puts: Vec::new(),
            lists: Vec::new(),
            elsewhere: Vec::new(),
            settled: Vec::new(),
            is_left: false,
        }
    }

    /// True if a job is left to others.
    pub(super) fn is_left(&self) -> bool {
        self.is_left
    }

    /// True if jobs are to run again.
    pub(super) fn has_again(&self) -> bool {
        let mut puts = self.puts.iter();
        puts.any(|(key, ..)| [AGAIN, SUSPECT].contains(key))
    }

    /// Adds a job that nobody has begun. It goes back to where it was.
    pub(super) fn not_begun(&mut self, job: &Bytes, is_old: bool) {
        let key = match is_old {
            false => REQUESTS,
            true if Redelivery::read(job)
                .0
                .is_some_and(|known| known.is_suspect) =>
            {
                SUSPECT
            }
            true => AGAIN,
        };
        self.puts.push((key, String::new(), job.clone()));
    }

    /// Adds a job whose process is gone.
    pub(super) fn lost(&mut self, job: &Bytes, is_old: bool, loss: Loss) {
        let (redelivery, frame) = match is_old {
            true => Redelivery::read(job),
            false => (None, job.clone()),
        };
        let lost = LostJob {
            frame: &frame,
            redelivery: redelivery.as_deref(),
            loss,
        };
        let mut verdict = self.base.promise.judge().judge(&lost);
        let reply = match &mut verdict {
            Verdict::Expired => None,
            Verdict::Leave => {
                self.is_left = true;
                return;
            }
            Verdict::Again(again) => {
                let key = if again.is_suspect { SUSPECT } else { AGAIN };
                let message = again.write(&frame);
                self.puts.push((key, String::new(), message));
                None
            }
            Verdict::Unknown(reply) => reply.take(),
            Verdict::Dead(letter, reply) => {
                let score = letter.died.to_string();
                self.puts.push((DEAD, score, letter.write()));
                reply.take()
            }
        };
        if let Some(reply) = reply {
            self.answer(reply);
        }
        self.settled.push((frame, redelivery, loss, verdict));
    }

    fn answer(&mut self, reply: Reply) {
        let key = Bytes::from(format!("{PREFIX}{}", reply.reply_to));
        let is_here = self.base.ring.upgrade().is_some_and(|ring| {
            // In a cluster each list has a connection of its own.
            Arc::ptr_eq(&ring.master(&key), &self.base.master)
        });
        if !is_here {
            self.elsewhere.push(reply);
            return;
        }
        let known = self.lists.iter().position(|list| *list == key);
        let index = known.unwrap_or_else(|| {
            self.lists.push(key);
            self.lists.len() - 1
        });
        self.puts
            .push((DEAD + 1 + index, String::new(), reply.frame));
    }

    /// Runs the script, and what has to follow it.
    pub(super) async fn carry_out(
        self,
        link: &Link,
        script: &Script,
        keys: &[Bytes],
        words: &[Bytes],
    ) -> Outcome {
        let of_service = &self.base.keys;
        let mut all = keys.to_vec();
        all.extend([
            of_service.requests.clone(),
            of_service.again.clone(),
            of_service.suspect.clone(),
            of_service.dead.clone(),
        ]);
        all.extend(self.lists.iter().cloned());
        let mut arguments = words.to_vec();
        for (key, score, message) in self.puts {
            arguments.extend([number(key), score.into(), message]);
        }
        match link
            .run_on(&mut Limit::new(), script, &all, &arguments)
            .await
        {
            Ok(1) => {}
            Ok(_) => return Outcome::Fenced,
            Err(_) => return Outcome::Failed,
        }
        for (frame, redelivery, loss, verdict) in &self.settled {
            let lost = LostJob {
                frame,
                redelivery: redelivery.as_deref(),
                loss: *loss,
            };
            aloud(|| self.base.promise.judge().settled(&lost, verdict));
        }
        for reply in self.elsewhere {
            answer_elsewhere(self.base, reply).await;
        }
        Outcome::Done
    }
}

/// Pushes a response to a reply list at another master. If that cannot be reached, the caller waits in vain.
async fn answer_elsewhere(base: &Base, reply: Reply) {
    let Some(ring) = base.ring.upgrade() else {
        return;
    };
    let key = format!("{PREFIX}{}", reply.reply_to);
    let master = ring.master(key.as_bytes());
    let ready = master.ready(Instant::now() + REPLY_TIMEOUT, None).await;
    let Ok(link) = ready else {
        return;
    };
    let arguments = vec![base.lifetime.clone(), number(u32::MAX), reply.frame];
    let scripts = PushScripts::new();
    // It is in the log, and there is nobody else to be told.
    let _ = link
        .run(&mut Limit::new(), &scripts.some, &key, arguments)
        .await;
}
