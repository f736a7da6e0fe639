//! `soa dead`: jobs that are not run any more, as they ended too many processes.
//!
//! Choice and form of the letters are those of the command `dead` of every service.

use futures_util::StreamExt as _;
use serde_json::{Value as Json, json};
use soa_program::cli::{
    LetterChoice, exported_letter, letter_json, letter_with_id, only_letter, told_letter,
    told_letters,
};
use soa_redis::RedisDeadLetters;
use soa_runtime::transport::DeadLetter;

use crate::arguments::DeadCommand;
use crate::connect::{Redis, Target};
use crate::failure::{Failure, Reason};
use crate::output::{Output, complain, counted, harmless_lines, print};
use crate::progress::while_running;
use crate::queue::confirm;

/// Number of services that are asked at once.
const AT_ONCE: usize = 16;

/// Those who take a dead letter that runs again.
const RUN: &str = "workers of this framework take them, and those of PySOA do not";

pub(crate) async fn run(
    target: &Target,
    output: Output,
    command: DeadCommand,
) -> Result<(), Failure> {
    let redis = target.connect("dead").await?;
    match command {
        DeadCommand::List { service, which } => list(&redis, output, service, &which).await,
        DeadCommand::Show { service, id } => show(&redis, output, &service, &id).await,
        DeadCommand::Retry {
            service,
            which,
            yes,
        } => change(&redis, output, &service, &which, yes, true).await,
        DeadCommand::Drop {
            service,
            which,
            yes,
        } => change(&redis, output, &service, &which, yes, false).await,
        DeadCommand::Export { service, which } => {
            let found = found(&redis, &service, &which).await?;
            if found.is_empty() {
                complain("there are no such dead letters\n");
                return Ok(());
            }
            let lines = found
                .iter()
                .map(|letter| exported_letter(letter).to_string());
            print(&lines.collect::<Vec<_>>().join("\n"))
        }
    }
}

/// The dead letters of a choice.
async fn found(
    redis: &Redis,
    service: &str,
    which: &LetterChoice,
) -> Result<Vec<DeadLetter>, Failure> {
    let letters = RedisDeadLetters::on(&redis.connection, service);
    let filter = which.filter();
    let found = letters.list(&filter);
    let found = while_running("looking for dead letters", found).await;
    found.map_err(|error| redis.failed(&error))
}

/// Lists dead letters of one service, or of all that have some.
async fn list(
    redis: &Redis,
    output: Output,
    service: Option<String>,
    which: &LetterChoice,
) -> Result<(), Failure> {
    let (services, notes) = match service {
        Some(service) => (vec![service], Vec::new()),
        None => {
            let fleet = while_running("looking at the fleet", redis.fleet(&[])).await?;
            (fleet.services.into_keys().collect(), fleet.notes)
        }
    };
    let asked = services.into_iter().map(|service| async {
        let found = found(redis, &service, which).await;
        found.map(|found| (service, found))
    });
    let mut asked = futures_util::stream::iter(asked).buffered(AT_ONCE);
    let mut all = Vec::new();
    while let Some(one) = asked.next().await {
        let (service, found) = one?;
        if !found.is_empty() {
            all.push((service, found));
        }
    }
    if output.as_json {
        let letters = all.iter().flat_map(|(service, found)| {
            found.iter().map(move |letter| {
                let mut told = letter_json(letter);
                told["service"] = Json::from(service.as_str());
                told
            })
        });
        let letters: Vec<Json> = letters.collect();
        return output.json(&json!({ "letters": letters, "notes": notes }));
    }
    let mut out = String::new();
    for (service, found) in &all {
        out += &format!("{}\n", output.bold(&harmless_lines(service)));
        for line in harmless_lines(&told_letters(found)).lines() {
            out += &format!("  {line}\n");
        }
    }
    if all.is_empty() {
        out += &told_letters(&[]);
        out.push('\n');
    }
    for note in &notes {
        out += &format!("{}\n", output.dim(note));
    }
    print(&out)
}

async fn show(redis: &Redis, output: Output, service: &str, id: &str) -> Result<(), Failure> {
    let letters = RedisDeadLetters::on(&redis.connection, service);
    let filter = letter_with_id(id);
    let found = letters.list(&filter);
    let found = while_running("looking for dead letters", found).await;
    let found = found.map_err(|error| redis.failed(&error))?;
    let letter = only_letter(id, &found).map_err(|problem| {
        Failure::new(Reason::Bad, format!("`{service}`: {problem}"))
            .advise(format!("`soa dead list {service}` has their ids"))
    })?;
    match output.as_json {
        true => output.json(&letter_json(letter)),
        false => print(&harmless_lines(&told_letter(letter))),
    }
}

/// Has dead letters run again, or forgets them.
async fn change(
    redis: &Redis,
    output: Output,
    service: &str,
    which: &LetterChoice,
    yes: bool,
    again: bool,
) -> Result<(), Failure> {
    which.check().map_err(Failure::usage)?;
    let count = found(redis, service, which).await?.len();
    if count > 0 {
        let question = match again {
            true => format!(
                "Run {} of `{service}` again, as if they had never run: {RUN}; their callers are gone. Go on?",
                counted(count, "dead letter")
            ),
            false => format!("Forget {} of `{service}`?", counted(count, "dead letter")),
        };
        confirm(&question, yes)?;
    }
    let letters = RedisDeadLetters::on(&redis.connection, service);
    let filter = which.filter();
    let changing = async {
        match (count, again) {
            (0, _) => Ok(0),
            (_, true) => letters.retry(&filter).await,
            (_, false) => letters.forget(&filter).await,
        }
    };
    let changed = while_running("changing dead letters", changing).await;
    let changed = changed.map_err(|error| redis.failed(&error))?;
    if output.as_json {
        return output.json(&json!({ "service": service, "changed": changed }));
    }
    let letters = counted(changed, "dead letter");
    print(&match again {
        true if changed == 0 => {
            format!("nothing of `{service}` runs again: there are no such dead letters")
        }
        true => format!(
            "to be run again: {letters} of `{service}`\n{}",
            output.dim(RUN)
        ),
        false => format!("forgotten: {letters} of `{service}`"),
    })
}
