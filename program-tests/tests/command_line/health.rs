//! Health checks of a process with several callers at once.

use crate::processes::{Process, Redis, run_unruly, unruly};

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
    assert_eq!(server.count("the scales are asked"), 1, "{}", server.log());
}
