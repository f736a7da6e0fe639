//! A fleet of 200 services.

use std::time::{Duration, Instant};

use crate::processes::Redis;
use crate::support::{redis_cli, soa_at};

#[test]
fn two_hundred_services_with_two_thousand_workers_are_shown_in_seconds() {
    let redis = Redis::start();
    let script = r#"
        for service = 1, 200 do
          local name = string.format('service-%03d', service)
          redis.call('RPUSH', 'pysoa:service.' .. name, 'x')
          for worker = 1, 10 do
            local record = { service = name, version = '1.0.0', host = 'h' .. worker, pid = worker, started = 1,
              concurrency = 256, running = 1, lately_seconds = 10,
              actions = { find = { calls = 100, callers = { shop = 100 }, times = {40, 100}, lately = {40, 100} } } }
            redis.call('SET', '{pysoa:service.' .. name .. '}.worker.' .. worker, cjson.encode(record), 'PX', 600000)
          end
        end
        return 'done'"#;
    assert_eq!(redis_cli(&redis, &["EVAL", script, "0"]), "done");
    let begun = Instant::now();
    let json = soa_at(&redis, &["services", "--interval", "0s", "--json"])
        .ok()
        .json();
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    let services = json["services"].as_array().unwrap();
    // The caller is known from what it has called.
    assert_eq!(services.len(), 201);
    let one = services
        .iter()
        .find(|one| one["name"] == "service-007")
        .unwrap();
    assert_eq!((&one["depth"], &one["workers"]), (&1.into(), &10.into()));
    assert_eq!(one["rate_out"], 100.0);
    let workers = soa_at(&redis, &["workers", "--json"]).ok().json();
    assert_eq!(workers["workers"].as_array().unwrap().len(), 2_000);
    let graph = soa_at(&redis, &["graph", "--json"]).ok().json();
    assert_eq!(graph["edges"].as_array().unwrap().len(), 200);
}
