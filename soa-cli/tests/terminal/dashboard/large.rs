//! A fleet of 200 services with 2,000 workers.

use std::time::Instant;

use super::Dashboard;
use crate::processes::Redis;
use crate::services::redis_cli;

/// Largest memory of the process, in KiB.
const MEMORY: u64 = 150 << 10;

/// Writes the records of 200 services with ten workers and five actions each, as workers do.
const FLEET: &str = r#"
    local times = {40,10,41,20,42,100,50,7,60,9,61,4,70,3,71,2,72,1,80,1}
    for service = 1, 200 do
      local name = string.format('service-%03d', service)
      redis.call('RPUSH', 'pysoa:service.' .. name, 'x')
      for worker = 1, 10 do
        local actions, oldest = {}, {}
        for number = 1, 5 do
          local action = 'action_' .. number
          local other = string.format('service-%03d', (service + number) % 200 + 1)
          local callers = { shop = 60, program = 40 }
          callers[other] = 10
          actions[action] = { calls = 100 * number, callers = callers, errors = { NOT_FOUND = 3 }, times = times,
            lately = times, lately_errors = number - 1, shortest_patience = 5000 }
          oldest[number] = { action = action, caller = 'shop', running_for = 100 * number, left = 4000 }
        end
        local record = { service = name, version = '1.0.0', build = 'abcdef0', schemas = '0123456789abcdef',
          host = 'host-' .. worker, pid = worker, started = 1, at = tonumber(ARGV[1]), concurrency = 256, running = 5,
          jobs = 1500, lately_seconds = 10, actions = actions, oldest = oldest,
          called = { users = { calls = 100, failed = 2 } } }
        local key = '{pysoa:service.' .. name .. '}.worker.' .. string.format('%032d', worker)
        redis.call('SET', key, cjson.encode(record), 'PX', 600000)
      end
    end
    return 'done'"#;

/// The memory of a process, in KiB.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn two_thousand_workers_take_little_memory_and_an_answer_is_small() {
    let redis = Redis::start();
    assert_eq!(redis_cli(&redis, &["EVAL", FLEET, "0", "1"]), "done");
    let dashboard = Dashboard::start(&redis, &[]);
    dashboard.until("ten looks", "/api/services/service-007/history", |told| {
        told["time"]
            .as_array()
            .is_some_and(|times| times.len() >= 10)
    });
    let mut times = Vec::new();
    let mut size = 0;
    for _ in 0..50 {
        let begun = Instant::now();
        size = dashboard.get("/api/fleet").body.len();
        times.push(begun.elapsed());
    }
    times.sort();
    let memory = memory(dashboard.pid());
    println!(
        "fleet: {size} bytes, {:?} (median), {:?} (longest); memory: {memory} KiB",
        times[25], times[49]
    );
    let fleet = dashboard.json("/api/fleet");
    assert_eq!(fleet["totals"]["workers"], 2_000);
    assert_eq!(fleet["services"].as_array().unwrap().len(), 202);
    assert!(memory < MEMORY, "{memory} KiB");
    assert!(size < 200_000, "{size} bytes");
    let service = dashboard.json("/api/services/service-007");
    assert_eq!(service["workers"].as_array().unwrap().len(), 10);
    assert_eq!(service["actions"].as_array().unwrap().len(), 5);
    let graph = dashboard.json("/api/graph");
    assert_eq!(graph["edges"].as_array().unwrap().len(), 1_600);
}
