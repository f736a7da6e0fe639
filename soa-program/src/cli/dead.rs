//! The command `dead`: jobs that are not run any more, as they ended too many processes.

use soa_redis::RedisDeadLetters;

use super::argument::{Dead, DeadChoice};
use super::failure::Failure;
use super::letters::{
    exported_letter, letter_json, letter_with_id, only_letter, told_letter, told_letters,
};
use super::target::Own;
use crate::settings::{Connections, Section, Settings, TransportSettings};

/// Executes the command, and returns its output.
pub(super) async fn dead<S: Section>(
    own: Own,
    settings: &Settings<S>,
    what: Dead,
) -> Result<String, Failure> {
    match what {
        Dead::List { choice, json } => {
            let letters = letters(own, settings, choice.service.as_deref()).await?;
            let found = letters.list(&choice.which.filter()).await?;
            Ok(match json {
                true => {
                    let found: Vec<_> = found.iter().map(letter_json).collect();
                    serde_json::to_string_pretty(&found).unwrap_or_default()
                }
                false => told_letters(&found),
            })
        }
        Dead::Show { id, service } => {
            let letters = letters(own, settings, service.as_deref()).await?;
            let found = letters.list(&letter_with_id(&id)).await?;
            let letter = only_letter(&id, &found).map_err(Failure::other)?;
            Ok(told_letter(letter))
        }
        Dead::Retry(choice) => {
            let letters = chosen(own, settings, &choice).await?;
            let count = letters.retry(&choice.which.filter()).await?;
            Ok(format!("{count} run again"))
        }
        Dead::Drop(choice) => {
            let letters = chosen(own, settings, &choice).await?;
            let count = letters.forget(&choice.which.filter()).await?;
            Ok(format!("{count} dropped"))
        }
        Dead::Export(choice) => {
            let letters = letters(own, settings, choice.service.as_deref()).await?;
            let found = letters.list(&choice.which.filter()).await?;
            let lines = found
                .iter()
                .map(|letter| exported_letter(letter).to_string());
            Ok(lines.collect::<Vec<_>>().join("\n"))
        }
    }
}

/// The dead letters for a command that changes them, which needs a choice.
async fn chosen<S: Section>(
    own: Own,
    settings: &Settings<S>,
    choice: &DeadChoice,
) -> Result<RedisDeadLetters, Failure> {
    choice.which.check().map_err(Failure::usage)?;
    letters(own, settings, choice.service.as_deref()).await
}

async fn letters<S: Section>(
    own: Own,
    settings: &Settings<S>,
    named: Option<&str>,
) -> Result<RedisDeadLetters, Failure> {
    let service = named.or(settings.server.name.as_deref());
    let service = service.or_else(|| own.service().map(|service| service.name()));
    let Some(service) = service else {
        let message = "this program serves a component: name the service with `--service NAME`";
        return Err(Failure::usage(message));
    };
    let TransportSettings::Redis(redis) = &settings.server.transport;
    let connection = Connections::default().connect_redis(redis).await?;
    Ok(RedisDeadLetters::on(&connection, service))
}
