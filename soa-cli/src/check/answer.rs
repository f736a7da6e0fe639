//! Services whose workers tell no records, compared by their answers.
//!
//! Such a service is asked several times, one question after the other: Redis gives a request to the worker that has waited
//! longest, so that idle workers answer by turns. What no worker has answered is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt as _;
use soa_runtime::client::Client;
use soa_runtime::codec::Value;
use soa_runtime::value;

use super::finding::Findings;
use crate::body;
use crate::connect::Redis;
use crate::failure::Failure;
use crate::services::versions;

/// Number of times that a service is asked.
const TIMES: usize = 5;

/// Time limit of an answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Number of services that are asked at once.
const AT_ONCE: usize = 16;

/// The answers of the workers of one service.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// The actions and their schemas, by the version that was told with them.
    by_version: BTreeMap<String, BTreeSet<String>>,
    count: usize,
}

/// Asks the services that have answered, and whose workers tell no records.
pub(super) async fn compare(
    redis: &Redis,
    answers: &BTreeMap<String, Option<Vec<String>>>,
) -> Result<BTreeMap<String, Answers>, Failure> {
    let answering = answers.iter().filter(|(_, answer)| answer.is_some());
    let names: Vec<String> = answering.map(|(name, _)| name.clone()).collect();
    let client = &redis.client(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let asked = names.into_iter().map(|name| async move {
        let answers = ask(client, &name).await;
        (name, answers)
    });
    let asked = futures_util::stream::iter(asked).buffer_unordered(AT_ONCE);
    Ok(asked.collect().await)
}

async fn ask(client: &Client, name: &str) -> Answers {
    let mut answers = Answers::default();
    for _ in 0..TIMES {
        // One job is run by one worker, which so tells its version and its actions.
        let body = value!({ "verbose": false });
        let status = client.call_action(name.to_owned(), "status", &body);
        let actions = client.call_action(name.to_owned(), "introspect", &value!({}));
        match client.job((status, actions)).timeout(TIMEOUT).await {
            Ok((status, actions)) => answers.add(&status, &actions),
            // The check of its queue tells it.
            Err(_) => break,
        }
    }
    answers
}

impl Answers {
    fn add(&mut self, status: &Value, actions: &Value) {
        self.count += 1;
        let version = versions(status).pop().unwrap_or_default();
        let actions = actions.get("actions").map(body::json);
        let known = self.by_version.entry(version).or_default();
        known.insert(actions.unwrap_or_default().to_string());
    }
}

pub(super) fn check_answers(name: &str, answers: &Answers, findings: &mut Findings) {
    let count = answers.count;
    if answers.by_version.len() > 1 {
        let versions: Vec<&str> = answers.by_version.keys().map(String::as_str).collect();
        findings.warning(
            "MIXED_VERSIONS",
            name,
            format!(
                "{count} answers of its workers tell the versions {}",
                versions.join(" and ")
            ),
            "right while a deployment goes on; otherwise restart those of the old version",
        );
    }
    for (version, actions) in &answers.by_version {
        if actions.len() > 1 {
            findings.error(
                "MIXED_SCHEMAS",
                name,
                format!(
                    "{count} answers of its workers tell different actions or schemas under version {version}: a caller meets \
                     either"
                ),
                "they are different builds under one version: restart the old ones, and count the version up",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(told: &[(&str, &str)]) -> Answers {
        let mut answers = Answers::default();
        for (version, action) in told {
            let action = value!({ (*action): {} });
            answers.add(
                &value!({ "version": (*version) }),
                &value!({ "actions": action }),
            );
        }
        answers
    }

    fn codes(told: &[(&str, &str)]) -> Vec<String> {
        let mut findings = Findings::default();
        check_answers("a", &answers(told), &mut findings);
        findings.codes().into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn answers_of_different_workers_are_told() {
        assert!(codes(&[("1", "find"), ("1", "find")]).is_empty());
        assert_eq!(codes(&[("1", "find"), ("2", "get")]), ["MIXED_VERSIONS"]);
        assert_eq!(codes(&[("1", "find"), ("1", "get")]), ["MIXED_SCHEMAS"]);
    }
}
