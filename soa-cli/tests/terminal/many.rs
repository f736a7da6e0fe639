//! A fleet of 200 services, each with ten workers.

use std::time::{Duration, Instant};

use crate::processes::Redis;
use crate::services::redis_cli;
use crate::support::{Run, soa_at};
use crate::top::Terminal;

/// Time limit of a command. It is long, because the machine may be busy.
const LIMIT: Duration = Duration::from_secs(20);

/// A Redis with the queues, the records and a dead letter of each service.
fn fleet() -> Redis {
    let redis = Redis::start();
    let script = r#"
        for service = 1, 200 do
          local name = string.format('service-%03d', service)
          local tag = '{pysoa:service.' .. name .. '}.'
          redis.call('RPUSH', 'pysoa:service.' .. name, 'x')
          redis.call('ZADD', tag .. 'dead', 1700000000000,
            'soa-job/1 id=a1;attempt=3;strikes=3;born=1;reason=poison;died=2;actions=find;error=it ended\nx')
          for worker = 1, 10 do
            local record = { service = name, version = '1.0.0', host = 'h' .. worker, pid = worker, started = 1,
              concurrency = 256, running = 1, lately_seconds = 10,
              actions = { find = { calls = 100, callers = { shop = 100 }, times = {40, 100}, lately = {40, 100} } } }
            redis.call('SET', tag .. 'worker.' .. worker, cjson.encode(record), 'PX', 600000)
          end
        end
        return 'done'"#;
    assert_eq!(redis_cli(&redis, &["EVAL", script, "0"]), "done");
    redis
}

/// Runs a command, which has to end in time.
fn in_time(redis: &Redis, words: &[&str]) -> Run {
    let begun = Instant::now();
    let run = soa_at(redis, words);
    assert!(begun.elapsed() < LIMIT, "{words:?}: {:?}", begun.elapsed());
    run
}

#[test]
fn two_hundred_services_with_two_thousand_workers_are_shown_in_seconds() {
    let redis = fleet();
    let json = in_time(&redis, &["services", "--interval", "0s", "--json"])
        .ok()
        .json();
    let services = json["services"].as_array().unwrap();
    // The caller is known from what it has called.
    assert_eq!(services.len(), 201);
    let one = services
        .iter()
        .find(|one| one["name"] == "service-007")
        .unwrap();
    assert_eq!((&one["depth"], &one["workers"]), (&1.into(), &10.into()));
    assert_eq!(one["rate_out"], 100.0);
    for (words, key, count) in [
        (&["workers", "--json"][..], "workers", 2_000),
        (&["graph", "--json"], "edges", 200),
        (&["queue", "list", "--json"], "queues", 200),
        (&["dead", "list", "--json"], "letters", 200),
    ] {
        let json = in_time(&redis, words).ok().json();
        assert_eq!(json[key].as_array().unwrap().len(), count, "{words:?}");
    }
    let check = in_time(&redis, &["check", "--interval", "0s", "--json"]).json();
    assert_eq!(check["services"], 201);
    let letters = check["findings"].as_array().unwrap().iter();
    let letters = letters.filter(|finding| finding["code"] == "DEAD_LETTERS");
    assert_eq!(letters.count(), 200);
    // Those that are about one service do not take longer for the others.
    let words = ["queue", "peek", "service-007", "--json"];
    assert_eq!(in_time(&redis, &words).ok().json()["depth"], 1);
    let words = ["dead", "show", "service-007", "a1", "--json"];
    assert_eq!(in_time(&redis, &words).ok().json()["reason"], "poison");
    let words = ["queue", "pause", "service-007", "--yes"];
    let run = in_time(&redis, &words).ok();
    assert!(
        run.out.contains("10 workers that tell records"),
        "{}",
        run.out
    );
    let words = [
        "call",
        "service-00x.find",
        "{}",
        "--raw",
        "--timeout",
        "300ms",
    ];
    let run = in_time(&redis, &words);
    assert!(
        run.errors.contains("did you mean `service-00"),
        "{}",
        run.errors
    );
    let words = ["watch", "service-007", "--for", "300ms"];
    let run = in_time(&redis, &words).ok();
    assert!(run.errors.contains("10 workers of"), "{}", run.errors);
}

#[test]
fn two_hundred_services_fit_on_the_screen_of_top() {
    let redis = fleet();
    let program = format!(
        "{} top --interval 500ms --redis {}",
        env!("CARGO_BIN_EXE_soa"),
        redis.addresses()
    );
    let terminal = Terminal::start("many", &program);
    terminal.await_screen("all services", |screen| {
        let head = screen.contains("201 services, 2000 workers, 200 waiting");
        head && screen.contains("0/s errors") && screen.contains("service-001")
    });
    terminal.press("End");
    terminal.await_screen("the last ones", |screen| !screen.contains("service-001"));
    terminal.press("/");
    terminal.press("150");
    let screen = terminal.await_screen("one service", |screen| {
        screen.contains("service-150") && !screen.contains("service-151")
    });
    assert!(
        screen.lines().all(|line| line.chars().count() <= 80),
        "{screen}"
    );
}
