//! Resource usage: processor time and memory of this process and of the servers, from `/proc`; processor time and
//! commands of Redis, from its `INFO`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::time::{Duration, Instant};

use soa::{RedisMode, RedisSettings};

use crate::resp::{Connection, Reply};

/// The unit of processor time in `/proc`: 100 a second on every Linux that Rust runs on.
const CLOCK_TICK: Duration = Duration::from_millis(10);

/// The time within which Redis must answer at the end of a run: it may just be starting again.
const REDIS_TIMEOUT: Duration = Duration::from_secs(3);

/// The pause between two attempts to read the counters of Redis.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The processes that are watched.
#[derive(Debug)]
pub(crate) struct Watched {
    servers: Vec<u32>,
    /// Redis, if calls go through one.
    settings: Option<RedisSettings>,
    /// The connection to Redis, while it works.
    redis: Option<Connection>,
}

/// The counters at one moment. Those that cannot be read are missing, with the reason.
#[derive(Debug)]
pub(crate) struct Snapshot {
    own: Option<Duration>,
    servers: Vec<Option<Duration>>,
    redis: Result<RedisSnapshot, String>,
}

/// The counters of Redis at one moment.
#[derive(Debug)]
struct RedisSnapshot {
    /// The id of the process, as the counters begin anew with each.
    run_id: String,
    time: Duration,
    commands: BTreeMap<String, u64>,
}

/// The usage between two snapshots.
#[derive(Debug)]
pub(crate) struct Usage {
    /// Processor time of this process.
    pub(crate) own: Duration,
    /// Processor time of each server; `None` for one that has ended.
    pub(crate) servers: Vec<Option<Duration>>,
    /// Resident memory of each server at the end, in KiB.
    pub(crate) memory: Vec<Option<u64>>,
    /// The figures of Redis, or the reason why there are none.
    pub(crate) redis: Result<RedisUsage, String>,
}

/// The usage of Redis.
#[derive(Debug)]
pub(crate) struct RedisUsage {
    /// Its processor time.
    pub(crate) time: Duration,
    /// The number of times that it ran each command.
    pub(crate) commands: BTreeMap<String, u64>,
}

impl Watched {
    pub(crate) fn new(settings: Option<&RedisSettings>, servers: &[u32]) -> Self {
        Self {
            servers: servers.to_vec(),
            settings: settings.cloned(),
            redis: None,
        }
    }

    /// Reads all counters.
    pub(crate) async fn snapshot(&mut self) -> Snapshot {
        let servers = self.servers.iter().map(|pid| processor_time(*pid).ok());
        Snapshot {
            own: processor_time(std::process::id()).ok(),
            servers: servers.collect(),
            redis: self.redis_snapshot().await,
        }
    }

    /// Returns the usage since an earlier snapshot.
    pub(crate) async fn since(&mut self, before: &Snapshot) -> Usage {
        let now = self.snapshot().await;
        let between =
            |now: Option<Duration>, before: Option<Duration>| Some(now?.saturating_sub(before?));
        let servers = now.servers.iter().zip(&before.servers);
        let memory = self.servers.iter().map(|pid| memory(*pid).ok());
        Usage {
            own: between(now.own, before.own).unwrap_or_default(),
            servers: servers
                .map(|(now, before)| between(*now, *before))
                .collect(),
            memory: memory.collect(),
            redis: redis_between(&before.redis, now.redis),
        }
    }

    async fn redis_snapshot(&mut self) -> Result<RedisSnapshot, String> {
        let Some(settings) = self.settings.clone() else {
            return Err("there is none".to_owned());
        };
        if settings.tls.is_some() || settings.mode != RedisMode::Standard {
            return Err(
                "its counters are only read without TLS, sentinels or a cluster".to_owned(),
            );
        }
        let end = Instant::now() + REDIS_TIMEOUT;
        loop {
            let read = tokio::time::timeout_at(end.into(), self.read_redis(&settings)).await;
            let problem = match read {
                Ok(Ok(snapshot)) => return Ok(snapshot),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer".to_owned(),
            };
            self.redis = None;
            if Instant::now() + RETRY_PAUSE >= end {
                return Err(format!("reading its counters failed: {problem}"));
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    async fn read_redis(
        &mut self,
        settings: &RedisSettings,
    ) -> Result<RedisSnapshot, Box<dyn Error>> {
        let redis = match &mut self.redis {
            Some(redis) => redis,
            none => none.insert(Connection::open(settings).await?),
        };
        let server = info(redis, "server").await?;
        let run_id = server.lines().find_map(|line| line.strip_prefix("run_id:"));
        let cpu = info(redis, "cpu").await?;
        let seconds = |name: &str| -> f64 {
            let line = cpu.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.trim().parse().ok())
                .unwrap_or_default()
        };
        let time = seconds("used_cpu_user:") + seconds("used_cpu_sys:");
        let commands = info(redis, "commandstats").await?;
        Ok(RedisSnapshot {
            run_id: run_id.unwrap_or_default().to_owned(),
            time: Duration::try_from_secs_f64(time)?,
            commands: commands.lines().filter_map(command).collect(),
        })
    }
}

async fn info(redis: &mut Connection, section: &str) -> Result<String, Box<dyn Error>> {
    redis.send(&[b"INFO", section.as_bytes()]).await?;
    match redis.receive().await? {
        Reply::Text(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
        other => Err(format!("unexpected reply of Redis to INFO: {other:?}").into()),
    }
}

/// Returns the usage of Redis between two snapshots.
fn redis_between(
    before: &Result<RedisSnapshot, String>,
    now: Result<RedisSnapshot, String>,
) -> Result<RedisUsage, String> {
    let before = before.as_ref().map_err(Clone::clone)?;
    let now = now?;
    if before.run_id != now.run_id {
        return Err("Redis was restarted during the run".to_owned());
    }
    let commands = now.commands.into_iter().map(|(name, calls)| {
        let earlier = before.commands.get(&name).copied().unwrap_or_default();
        (name, calls.saturating_sub(earlier))
    });
    Ok(RedisUsage {
        time: now.time.saturating_sub(before.time),
        commands: commands
            .filter(|(name, calls)| *calls > 0 && name != "info")
            .collect(),
    })
}

/// Parses `cmdstat_lpop:calls=3,usec=…` into `lpop` and 3.
fn command(line: &str) -> Option<(String, u64)> {
    let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
    let calls = rest.split(',').next()?.parse().ok()?;
    Some((name.to_owned(), calls))
}

/// Returns the user and system time of all threads of a process.
fn processor_time(pid: u32) -> Result<Duration, Box<dyn Error>> {
    let stat = process_file(pid, "stat")?;
    // The name of the program is in parentheses and may contain blanks. Time is in the 14th and 15th field.
    let (_, rest) = stat
        .rsplit_once(')')
        .ok_or("unexpected contents of /proc/PID/stat")?;
    let fields = rest.split_whitespace().skip(11).take(2);
    let ticks: u32 = fields.filter_map(|field| field.parse::<u32>().ok()).sum();
    Ok(CLOCK_TICK * ticks)
}

/// Returns the resident memory of a process, in KiB.
fn memory(pid: u32) -> Result<u64, Box<dyn Error>> {
    let status = process_file(pid, "status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    Ok(number.unwrap_or_default())
}

fn process_file(pid: u32, name: &str) -> Result<String, Box<dyn Error>> {
    let file = fs::read_to_string(format!("/proc/{pid}/{name}"));
    file.map_err(|error| format!("reading /proc of process {pid} failed: {error}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_counted_by_name() {
        let line = "cmdstat_client|unblock:calls=12,usec=40,usec_per_call=3.33";
        assert_eq!(command(line), Some(("client|unblock".to_owned(), 12)));
        assert_eq!(command("# Commandstats"), None);
    }

    #[test]
    fn a_process_sees_its_own_time_and_memory() {
        let own = std::process::id();
        assert!(processor_time(own).is_ok());
        assert!(memory(own).unwrap() > 100);
    }
}
