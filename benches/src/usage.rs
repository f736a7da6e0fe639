//! Resource usage: processor time and memory of this process and of the servers, from `/proc`; processor time and
//! commands of Redis, from its `INFO`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::time::Duration;

use soa::RedisSettings;

use crate::resp::{Connection, Reply};

/// The unit of processor time in `/proc`: 100 a second on every Linux that Rust runs on.
const CLOCK_TICK: Duration = Duration::from_millis(10);

/// The processes that are watched.
#[derive(Debug)]
pub(crate) struct Watched {
    servers: Vec<u32>,
    redis: Connection,
}

/// The counters at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    own: Duration,
    servers: Vec<Duration>,
    redis: Duration,
    commands: BTreeMap<String, u64>,
}

/// The usage between two snapshots.
#[derive(Debug)]
pub(crate) struct Usage {
    /// Processor time of this process.
    pub(crate) own: Duration,
    /// Processor time of each server.
    pub(crate) servers: Vec<Duration>,
    /// Resident memory of each server at the end, in KiB.
    pub(crate) memory: Vec<u64>,
    /// Processor time of Redis.
    pub(crate) redis: Duration,
    /// The number of times that Redis ran each command.
    pub(crate) commands: BTreeMap<String, u64>,
}

impl Watched {
    pub(crate) async fn new(
        settings: &RedisSettings,
        servers: &[u32],
    ) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            servers: servers.to_vec(),
            redis: Connection::open(settings).await?,
        })
    }

    /// Reads all counters.
    pub(crate) async fn snapshot(&mut self) -> Result<Snapshot, Box<dyn Error>> {
        let servers = self.servers.iter().map(|pid| processor_time(*pid));
        let servers = servers.collect::<Result<_, _>>()?;
        let own = processor_time(std::process::id())?;
        let cpu = self.info("cpu").await?;
        let seconds = |name: &str| -> f64 {
            let line = cpu.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.trim().parse().ok())
                .unwrap_or_default()
        };
        let used = seconds("used_cpu_user:") + seconds("used_cpu_sys:");
        let commands = self.info("commandstats").await?;
        Ok(Snapshot {
            own,
            servers,
            redis: Duration::from_secs_f64(used),
            commands: commands.lines().filter_map(command).collect(),
        })
    }

    /// Returns the usage since an earlier snapshot.
    pub(crate) async fn since(&mut self, before: &Snapshot) -> Result<Usage, Box<dyn Error>> {
        let now = self.snapshot().await?;
        let servers = now.servers.iter().zip(&before.servers);
        let memory = self.servers.iter().map(|pid| memory(*pid));
        let commands = now.commands.into_iter().map(|(name, calls)| {
            let earlier = before.commands.get(&name).copied().unwrap_or_default();
            (name, calls.saturating_sub(earlier))
        });
        Ok(Usage {
            own: now.own.saturating_sub(before.own),
            servers: servers
                .map(|(now, before)| now.saturating_sub(*before))
                .collect(),
            memory: memory.collect::<Result<_, _>>()?,
            redis: now.redis.saturating_sub(before.redis),
            commands: commands
                .filter(|(name, calls)| *calls > 0 && name != "info")
                .collect(),
        })
    }

    async fn info(&mut self, section: &str) -> Result<String, Box<dyn Error>> {
        self.redis.send(&[b"INFO", section.as_bytes()]).await?;
        match self.redis.receive().await? {
            Reply::Text(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
            other => Err(format!("unexpected reply of Redis to INFO: {other:?}").into()),
        }
    }
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
