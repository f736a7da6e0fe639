//! Health checks of a process with several callers at once, and the probe of one process.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::processes::{
    Process, Redis, example_service, fresh_file, hold, outcome, run, run_unruly, unruly, wait_for,
};

#[test]
fn slow_panicking_late_and_cached_checks_are_told_to_all_who_ask_at_once() {
    const ASKERS: usize = 4;
    let redis = Redis::start();
    let address = redis.address();
    let server = Process::start(&mut unruly(&["serve", "--redis", &address]));
    server.says(": accepting requests");
    let askers: Vec<_> = (0..ASKERS)
        .map(|_| {
            let address = address.clone();
            std::thread::spawn(move || run_unruly(&["status", "--json", "--redis", &address]))
        })
        .collect();
    for asker in askers {
        let (_, out, error) = asker.join().expect("no panic");
        let status: serde_json::Value = serde_json::from_str(&out).expect(&error);
        let found = |kind: &str| {
            let found = status["healthcheck"][kind]
                .as_array()
                .expect("it is a list");
            let mut codes: Vec<_> = found.iter().map(|one| one[0].clone()).collect();
            codes.sort_by_key(ToString::to_string);
            codes
        };
        let errors = ["HEALTH_CHECK_PANICKED", "HEALTH_CHECK_TIMEOUT"];
        assert_eq!(found("errors"), errors, "{out}");
        assert_eq!(found("warnings"), ["HEALTH_CHECK_SLOW"], "{out}");
        assert_eq!(status["healthcheck"]["diagnostics"]["weight"], 7, "{out}");
    }
    server.says("the scales are asked");
    assert_eq!(server.count("the scales are asked"), 1, "{}", server.log());
}

/// Writes a heartbeat of this age.
fn beat(path: &std::path::Path, age: Duration) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let time = now.expect("the clock is set") - age;
    fs::write(path, time.as_secs_f64().to_string()).expect("it is written");
}

#[test]
fn a_probe_tells_a_current_heartbeat_from_an_old_one_and_from_none() {
    let file = fresh_file("heartbeat");
    let name = file.to_str().expect("it is text").to_owned();
    let probe = |more: &[&str]| run(&[&["health", "--heartbeat", &name], more].concat());
    let (code, out, error) = probe(&[]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(
        error.starts_with("error: there is no heartbeat file"),
        "{error}"
    );
    beat(&file, Duration::ZERO);
    let (code, out, error) = probe(&[]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert!(out.starts_with("alive: the heartbeat in `"), "{out}");
    beat(&file, Duration::from_secs(100));
    let (code, _, error) = probe(&[]);
    assert_eq!(code, Some(1));
    assert!(
        error.contains("s old, and 30s are allowed: the process hangs"),
        "{error}"
    );
    assert_eq!(probe(&["--max-age", "5m"]).0, Some(0));
    fs::write(&file, "soon").expect("it is written");
    let (code, _, error) = probe(&[]);
    assert_eq!(code, Some(1));
    assert!(error.contains("does not contain a time"), "{error}");
    fs::remove_file(&file).expect("it is there");
}

#[test]
fn a_probe_takes_the_name_of_the_file_from_the_settings_and_needs_one() {
    let (code, _, error) = run(&["health"]);
    assert_eq!(code, Some(2));
    assert!(
        error.contains("`health` needs `--heartbeat FILE`"),
        "{error}"
    );
    assert_eq!(run(&["health", "--set", "server.workers=x"]).0, Some(3));
    // With the name on the command line, the settings are not read.
    let nowhere = fresh_file("nowhere");
    let nowhere = nowhere.to_str().expect("it is text");
    let (code, _, _) = run(&[
        "health",
        "--heartbeat",
        nowhere,
        "--set",
        "server.workers=x",
    ]);
    assert_eq!(code, Some(1));

    let pattern = fresh_file("{{pid}}-{{fid}}");
    let pattern = pattern.to_str().expect("it is text");
    let with_setting = || {
        let mut command = example_service(&["health"]);
        command.env("SOA__SERVER__HEARTBEAT_FILE", pattern);
        outcome(&command.output().expect("the binary starts"))
    };
    let [stale, current] = ["3-1", "4-main"]
        .map(|name| std::path::PathBuf::from(pattern.replace("{{pid}}-{{fid}}", name)));
    beat(&stale, Duration::from_secs(3600));
    assert_eq!(with_setting().0, Some(1));
    beat(&current, Duration::ZERO);
    let (code, out, error) = with_setting();
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("4-main"), "{out}");
    for file in [stale, current] {
        fs::remove_file(file).expect("it is there");
    }
}

#[test]
fn a_probe_finds_a_process_alive_without_redis_and_not_when_it_hangs() {
    let mut redis = Redis::start();
    let address = redis.address();
    let file = fresh_file("heartbeat");
    let name = file.to_str().expect("it is text");
    let setting = format!("server.heartbeat_file={name}");
    let serve = ["serve", "--redis", &address, "--set", &setting];
    let probe = || run_unruly(&["health", "--heartbeat", name, "--max-age", "3s"]);
    let beating = Process::start(&mut unruly(&serve));
    beating.says(": accepting requests");
    assert_eq!(probe().0, Some(0));
    redis.kill();
    let (code, _, _) = run_unruly(&["status", "--redis", &address]);
    assert_eq!(code, Some(1));
    let time = || fs::read_to_string(&file).ok()?.parse::<f64>().ok();
    let last = time().expect("there is a heartbeat");
    // Longer than the allowed age after the outage.
    wait_for("further beats", || time().filter(|now| *now > last + 4.0));
    assert_eq!(probe().0, Some(0), "{}", beating.log());
    drop(beating);

    let redis = Redis::start();
    let address = redis.address();
    let serve = ["serve", "--redis", &address, "--set", &setting];
    let hanging = Process::start(&mut unruly(&serve));
    hanging.says(": accepting requests");
    let _caller = hold("block", &address);
    hanging.says("a handler blocks its thread");
    wait_for("a probe that fails", || {
        (probe().0 == Some(1)).then_some(())
    });
    drop(hanging);
    fs::remove_file(&file).expect("it is left behind");
}
