//! `soa queue`: what waits, and changes of it.
//!
//! A change is one script for up to a thousand requests, so that no worker sees half of it. A pause is a key that the workers
//! of this framework look at with each record; workers of PySOA do not know it.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value as Json, json};
use soa_redis::{RedisValue, service_key};
use soa_runtime::observe::record::PAUSED_KEY;
use soa_runtime::redact::Redaction;
use soa_runtime::{JobRequest, Serializers, wire};

use crate::arguments::{Change, QueueCommand};
use crate::connect::{Redis, Target};
use crate::failure::{Failure, Reason};
use crate::fleet::{Holder, queue_key, waited};
use crate::output::{Cell, Output, Tone, counted, harmless, print, time};
use crate::progress::while_running;

/// Number of requests that one script changes.
const AT_ONCE: u64 = 1_000;

/// Length of a body that is shown, in bytes.
const SHOWN: usize = 200;

/// Takes the oldest requests away.
const DROP: &str = "local count = 0
for _ = 1, tonumber(ARGV[1]) do
  if not redis.call('LPOP', KEYS[1]) then break end
  count = count + 1
end
return count";

/// Moves the oldest requests to the end of another list, which lives at least as long.
const MOVE: &str = "local ttl = redis.call('PTTL', KEYS[1])
local count = 0
for _ = 1, tonumber(ARGV[1]) do
  local frame = redis.call('LPOP', KEYS[1])
  if not frame then break end
  redis.call('RPUSH', KEYS[2], frame)
  count = count + 1
end
if count > 0 and ttl > redis.call('PTTL', KEYS[2]) then redis.call('PEXPIRE', KEYS[2], ttl) end
return count";

/// Removes one request, and moves it if there is a second key.
const ONE: &str = "if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
if KEYS[2] then
  local ttl = redis.call('PTTL', KEYS[1])
  redis.call('RPUSH', KEYS[2], ARGV[1])
  if ttl > redis.call('PTTL', KEYS[2]) then redis.call('PEXPIRE', KEYS[2], ttl) end
end
return 1";

pub(crate) async fn run(
    target: &Target,
    output: Output,
    command: QueueCommand,
) -> Result<(), Failure> {
    let redis = target.connect("queue").await?;
    match command {
        QueueCommand::List => list(&redis, output).await,
        QueueCommand::Peek { service, count } => peek(&redis, output, &service, count).await,
        QueueCommand::Move {
            service,
            to,
            change,
        } => change_queue(&redis, output, &service, Some(&to), &change).await,
        QueueCommand::Drop { service, change } => {
            change_queue(&redis, output, &service, None, &change).await
        }
        QueueCommand::Pause { service, time, yes } => {
            pause(&redis, output, &service, time.map(|time| time.get()), yes).await
        }
        QueueCommand::Resume { service, yes } => resume(&redis, output, &service, yes).await,
    }
}

async fn list(redis: &Redis, output: Output) -> Result<(), Failure> {
    let fleet = while_running("looking at the queues", redis.fleet(&[])).await?;
    let shown = fleet.services.iter();
    let shown = shown.filter(|(_, service)| service.queue.depth > 0 || service.is_paused);
    if output.as_json {
        let queues: Vec<Json> = shown
            .map(|(name, service)| {
                json!({
                    "service": name,
                    "depth": service.queue.depth,
                    "oldest_seconds": service.queue.oldest.map(|oldest| oldest.as_secs_f64()),
                    "is_paused": service.is_paused,
                    "reply_lists": service.reply_lists,
                })
            })
            .collect();
        return output.json(&json!({ "queues": queues, "notes": fleet.notes }));
    }
    let rows: Vec<Vec<Cell>> = shown
        .map(|(name, service)| {
            vec![
                Cell::new(name.as_str(), Tone::Strong),
                Cell::from(service.queue.depth.to_string()),
                match service.queue.oldest {
                    Some(oldest) => Cell::from(time(oldest)),
                    None => Cell::unknown(),
                },
                match service.is_paused {
                    true => Cell::new("paused", Tone::Warning),
                    false => Cell::from(""),
                },
            ]
        })
        .collect();
    let mut out = match rows.is_empty() {
        true => format!(
            "no request waits in Redis at {}, and no service is paused\n",
            redis.address()
        ),
        false => output.table(&["SERVICE", ">DEPTH", ">OLDEST", "STATE"], &rows),
    };
    for note in &fleet.notes {
        out += &format!("{}\n", output.dim(note));
    }
    print(&out)
}

/// A request that waits, as far as it can be read.
pub(crate) struct Waiting {
    size: usize,
    waited: Option<Duration>,
    left: Option<Duration>,
    job: Option<JobRequest>,
    /// The reason why it cannot be read, or that it has expired.
    problem: Option<String>,
}

impl Waiting {
    pub(crate) fn read(frame: &Bytes) -> Self {
        let mut waiting = Self {
            size: frame.len(),
            waited: waited(frame),
            left: None,
            job: None,
            problem: None,
        };
        match wire::read_request(frame, &Serializers::default()) {
            Ok(request) => {
                waiting.left = request.head.left(now());
                match request.job {
                    Ok(job) => waiting.job = Some(job),
                    Err(errors) => {
                        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
                        waiting.problem = Some(told.join("; "));
                    }
                }
            }
            Err(unreadable) => waiting.problem = Some(unreadable.detail),
        }
        waiting
    }

    fn actions(&self) -> Vec<String> {
        let actions = self.job.iter().flat_map(|job| &job.actions);
        actions.map(|action| action.action.to_string()).collect()
    }

    fn caller(&self) -> Option<&str> {
        let context = &self.job.as_ref()?.context;
        let service = context.calling_service.as_deref();
        service.or(context.caller.as_deref())
    }

    /// The bodies with secrets removed.
    fn bodies(&self) -> String {
        let actions = self.job.iter().flat_map(|job| &job.actions);
        let bodies = actions.map(|action| match action.body.decode() {
            Ok(body) => Redaction::standard().text(&body, SHOWN),
            Err(_) => "(unreadable)".to_owned(),
        });
        bodies.collect::<Vec<_>>().join(" ")
    }
}

/// The time, in seconds since 1970.
pub(crate) fn now() -> f64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default().as_secs_f64()
}

/// Reads the requests at these places of a queue, the oldest first.
pub(crate) async fn frames(
    redis: &Redis,
    holder: &Holder<'_>,
    service: &str,
    from: u64,
    to: u64,
) -> Result<Vec<Bytes>, Failure> {
    let (from, to) = (from.to_string(), to.to_string());
    let asked = holder
        .ask("LRANGE", &[&queue_key(service), &from, &to])
        .await;
    let frames = asked.map_err(|error| redis.failed(&error))?.into_list();
    Ok(frames
        .into_iter()
        .filter_map(RedisValue::into_bytes)
        .collect())
}

/// The first requests of each master, and the number of all.
async fn first(redis: &Redis, service: &str, count: u64) -> Result<(Vec<Waiting>, u64), Failure> {
    let masters = redis.masters().await?;
    let mut waiting = Vec::new();
    for holder in redis.masters_of(&masters) {
        let frames = frames(redis, &holder, service, 0, count - 1).await?;
        waiting.extend(frames.iter().map(Waiting::read));
    }
    let depth = redis.queue(&masters, service).await?.depth;
    Ok((waiting, depth))
}

async fn peek(redis: &Redis, output: Output, service: &str, count: u64) -> Result<(), Failure> {
    let looked = while_running("looking at the queue", first(redis, service, count));
    let (waiting, depth) = looked.await?;
    if output.as_json {
        let requests: Vec<Json> = waiting.iter().map(as_json).collect();
        return output.json(&json!({ "service": service, "depth": depth, "requests": requests }));
    }
    if waiting.is_empty() {
        return print(&format!("no request waits for `{}`", harmless(service)));
    }
    let seconds = |time: Option<Duration>| match time {
        Some(span) => Cell::from(crate::output::time(span)),
        None => Cell::unknown(),
    };
    let rows: Vec<Vec<Cell>> = waiting
        .iter()
        .map(|request| {
            let told = match &request.problem {
                Some(problem) => Cell::new(problem.as_str(), Tone::Bad),
                None => Cell::new(request.bodies(), Tone::Dim),
            };
            vec![
                seconds(request.waited),
                seconds(request.left),
                Cell::from(request.actions().join(", ")),
                Cell::from(request.caller().unwrap_or("-")),
                Cell::from(request.size.to_string()),
                told,
            ]
        })
        .collect();
    let headings = [">AGE", ">TIME LEFT", "ACTIONS", "CALLER", ">BYTES", "BODY"];
    let mut out = output.table(&headings, &rows);
    let shown = u64::try_from(waiting.len()).unwrap_or(u64::MAX);
    if depth > shown {
        out += &output.dim(&format!(
            "{shown} of {depth} requests; `--count N` shows more\n"
        ));
    }
    print(&out)
}

pub(crate) fn as_json(request: &Waiting) -> Json {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    let context = request.job.as_ref().map(|job| &job.context);
    let bodies = request.job.iter().flat_map(|job| &job.actions);
    let bodies = bodies.map(|action| match action.body.decode() {
        Ok(body) => Json::from(Redaction::standard().text(&body, SHOWN)),
        Err(_) => Json::Null,
    });
    json!({
        "age_seconds": seconds(request.waited),
        "left_seconds": seconds(request.left),
        "actions": request.actions(),
        "caller": request.caller(),
        "correlation_id": context.map(|context| &*context.correlation_id),
        "bytes": request.size,
        "bodies": bodies.collect::<Vec<_>>(),
        "problem": request.problem,
    })
}

/// Asks on the terminal whether something is to be done.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(
            Failure::usage(format!("{question} Nobody can be asked here"))
                .advise("add `--yes` to do it without a question"),
        );
    }
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "{question} [y/N] ").and_then(|()| out.flush());
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    match read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
        true => Ok(()),
        false => Err(Failure::new(Reason::Bad, "nothing was changed")),
    }
}

/// Moves requests, or deletes them.
async fn change_queue(
    redis: &Redis,
    output: Output,
    service: &str,
    to: Option<&str>,
    change: &Change,
) -> Result<(), Failure> {
    if to == Some(service) {
        return Err(Failure::usage("the two services are the same"));
    }
    if to.is_some() && redis.is_cluster() {
        return Err(Failure::usage(
            "the queues of two services are on different nodes of a cluster, so nothing can be moved without a risk",
        )
        .advise("have a worker take the requests, or drop them"));
    }
    let masters = redis.masters().await?;
    let depth = redis.queue(&masters, service).await?.depth;
    let most = change.count.unwrap_or(depth).min(depth);
    if most == 0 {
        return done(output, service, to, 0);
    }
    let requests = match &change.action {
        Some(action) => format!(
            "up to {} of `{service}` with the action `{action}`",
            counted(most, "request")
        ),
        None => format!("{} of `{service}`", counted(most, "request")),
    };
    let question = match to {
        Some(to) => format!("Move {requests} to `{to}`: {MOVED}. Go on?"),
        None => format!("Delete {requests}: {DELETED}. Go on?"),
    };
    confirm(&question, change.yes)?;
    let changing = async {
        let mut left = most;
        for holder in redis.masters_of(&masters) {
            let changed = match &change.action {
                None => oldest(redis, &holder, service, to, left).await?,
                Some(action) => chosen(redis, &holder, service, to, action, left).await?,
            };
            left = left.saturating_sub(changed);
            if left == 0 {
                break;
            }
        }
        Ok::<_, Failure>(most - left)
    };
    let changed = while_running("changing the queue", changing).await?;
    done(output, service, to, changed)
}

/// The consequences of a move and of a deletion, for workers that know nothing of it.
const MOVED: &str = "its workers take them as their own, those of PySOA, too";
const DELETED: &str =
    "their callers wait until they time out; what a worker has taken, also one of PySOA, goes on";

fn done(output: Output, service: &str, to: Option<&str>, count: u64) -> Result<(), Failure> {
    if output.as_json {
        return output.json(&json!({ "service": service, "to": to, "changed": count }));
    }
    let requests = counted(count, "request");
    let (told, consequence) = match to {
        Some(to) => (format!("moved {requests} of `{service}` to `{to}`"), MOVED),
        None => (format!("deleted {requests} of `{service}`"), DELETED),
    };
    print(&match count {
        0 => told,
        _ => format!("{told}\n{}", output.dim(consequence)),
    })
}

/// Changes the oldest requests of one master, at most so many.
async fn oldest(
    redis: &Redis,
    holder: &Holder<'_>,
    service: &str,
    to: Option<&str>,
    most: u64,
) -> Result<u64, Failure> {
    let from = queue_key(service);
    let to = to.map(queue_key);
    let mut changed = 0;
    while changed < most {
        let step = AT_ONCE.min(most - changed).to_string();
        let (script, keys) = match &to {
            Some(to) => (MOVE, vec![from.as_str(), to.as_str()]),
            None => (DROP, vec![from.as_str()]),
        };
        let now = evaluate(redis, holder, script, &keys, step.into()).await?;
        changed += now;
        if now == 0 {
            break;
        }
    }
    Ok(changed)
}

/// Changes the oldest requests of one master that have an action.
async fn chosen(
    redis: &Redis,
    holder: &Holder<'_>,
    service: &str,
    to: Option<&str>,
    action: &str,
    most: u64,
) -> Result<u64, Failure> {
    let from = queue_key(service);
    let to = to.map(queue_key);
    let keys: Vec<&str> = std::iter::once(&*from).chain(to.as_deref()).collect();
    let (mut changed, mut start) = (0, 0);
    loop {
        let page = frames(redis, holder, service, start, start + AT_ONCE - 1).await?;
        if page.is_empty() || changed >= most {
            return Ok(changed);
        }
        for frame in page {
            let has_it = Waiting::read(&frame)
                .actions()
                .iter()
                .any(|name| name == action);
            if !has_it {
                start += 1;
            } else if changed < most {
                changed += evaluate(redis, holder, ONE, &keys, frame).await?;
            }
        }
    }
}

async fn evaluate(
    redis: &Redis,
    holder: &Holder<'_>,
    script: &'static str,
    keys: &[&str],
    argument: Bytes,
) -> Result<u64, Failure> {
    let answer = holder.evaluate(script, keys, argument).await;
    let answer = answer.map_err(|error| redis.failed(&error))?;
    Ok(answer
        .as_integer()
        .and_then(|count| u64::try_from(count).ok())
        .unwrap_or(0))
}

async fn pause(
    redis: &Redis,
    output: Output,
    service: &str,
    span: Option<Duration>,
    yes: bool,
) -> Result<(), Failure> {
    let names = [service.to_owned()];
    let fleet = while_running("looking for its workers", redis.look(&names)).await?;
    let seen = fleet.services.get(service);
    // A login that may not look them up does not know their number.
    let workers = match fleet.blind {
        Some(_) => None,
        None => Some(seen.map_or(0, |seen| seen.workers.len())),
    };
    let those = match workers {
        Some(1) => "1 worker that tells records".to_owned(),
        Some(workers) => format!("{workers} workers that tell records"),
        None => "workers that tell records".to_owned(),
    };
    let until = match span {
        Some(span) => format!("for {}", time(span)),
        None => "until `soa queue resume`".to_owned(),
    };
    let question = format!(
        "Pause `{service}` {until}? It is for {those}; workers of PySOA, and those without records, go on all the same."
    );
    confirm(&question, yes)?;
    let key = service_key(service, PAUSED_KEY);
    let set = redis.connection.keys().set(&key, "1", span).await;
    set.map_err(|error| redis.failed(&error))?;
    if output.as_json {
        return output.json(&json!({ "service": service, "is_paused": true, "workers": workers }));
    }
    let mut out = format!("paused `{service}` {until}\n");
    out += &format!(
        "{those}: within about two seconds no more requests are taken, and what was begun is ended\n"
    );
    out += "requests wait in the queue, and time out as their callers do\n";
    out += "workers of PySOA, and those without records, take no notice\n";
    print(&out)
}

async fn resume(redis: &Redis, output: Output, service: &str, yes: bool) -> Result<(), Failure> {
    let key = service_key(service, PAUSED_KEY);
    let is_paused = redis.connection.keys().get(&key).await;
    if is_paused.map_err(|error| redis.failed(&error))?.is_some() {
        let question = format!(
            "Resume `{service}`? Its workers take requests again; those of PySOA, and those without records, have not stopped."
        );
        confirm(&question, yes)?;
    }
    let was_paused = redis.connection.keys().delete(&key).await;
    let was_paused = was_paused.map_err(|error| redis.failed(&error))?;
    if output.as_json {
        return output
            .json(&json!({ "service": service, "is_paused": false, "was_paused": was_paused }));
    }
    print(&match was_paused {
        true => {
            format!("resumed `{service}`: its workers take requests again within about two seconds")
        }
        false => format!("`{service}` was not paused"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_shown_with_its_problem() {
        let waiting = Waiting::read(&Bytes::from_static(b"\xffnonsense"));
        assert!(waiting.problem.is_some());
        assert!(waiting.actions().is_empty() && waiting.caller().is_none());
        assert_eq!(as_json(&waiting)["bytes"], 9);
    }
}
