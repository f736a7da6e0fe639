//! Dead letters on a command line: which are meant, and how they are shown. For the command `dead` of every service, and for
//! the program `soa`.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::json;
use soa_redis::DeadFilter;
use soa_runtime::codec::Value;
use soa_runtime::transport::DeadLetter;
use soa_runtime::{text, wire};

use crate::settings::Period;

/// A choice of dead letters.
#[doc(hidden)] // It is of clap, which is not for those who use the library.
#[derive(Args, Clone, Debug, Default)]
pub struct LetterChoice {
    /// Id, or the beginning of it
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// Only those with this reason
    #[arg(long)]
    pub reason: Option<String>,
    /// Only those with this action
    #[arg(long)]
    pub action: Option<String>,
    /// Only those that are no older, such as 2h
    #[arg(long, value_name = "TIME")]
    pub since: Option<Period>,
    /// All dead letters, for `retry` and `drop` without another choice
    #[arg(long)]
    pub all: bool,
}

impl LetterChoice {
    /// The choice, for the library.
    pub fn filter(&self) -> DeadFilter {
        let mut filter = DeadFilter::default();
        filter.id.clone_from(&self.id);
        filter.reason.clone_from(&self.reason);
        filter.action.clone_from(&self.action);
        filter.since = self.since.map(|since| since.get());
        filter
    }

    /// Checks that something is chosen: for commands that change dead letters.
    ///
    /// # Errors
    /// Nothing is; the text says how.
    pub fn check(&self) -> Result<(), &'static str> {
        let is_chosen = self.id.is_some()
            || self.reason.is_some()
            || self.action.is_some()
            || self.since.is_some();
        match is_chosen || self.all {
            true => Ok(()),
            false => Err(
                "which dead letters? Give an id, `--reason`, `--action` or `--since`, or `--all`",
            ),
        }
    }
}

/// The choice of one dead letter by its id, or the beginning of it.
pub fn letter_with_id(id: &str) -> DeadFilter {
    let mut filter = DeadFilter::default();
    filter.id = Some(id.to_owned());
    filter
}

/// The one dead letter that was found by an id.
///
/// # Errors
/// There is none, or there are several.
pub fn only_letter<'a>(id: &str, found: &'a [DeadLetter]) -> Result<&'a DeadLetter, String> {
    match found {
        [] => Err(format!("there is no dead letter `{id}`")),
        [letter] => Ok(letter),
        several => Err(format!(
            "{} dead letters begin with `{id}`: give more of the id",
            several.len()
        )),
    }
}

/// Dead letters as lines for people.
pub fn told_letters(letters: &[DeadLetter]) -> String {
    if letters.is_empty() {
        return "there are no dead letters".to_owned();
    }
    let mut out = String::new();
    for letter in letters {
        let (age, actions) = (age(letter.died), letter.actions.join(", "));
        let (id, reason, attempts) = (&letter.id, &letter.reason, letter.attempts);
        // Writing to a text does not fail.
        let _ = writeln!(
            out,
            "{id}  {age} ago  {reason}  {attempts} attempts  {actions}"
        );
    }
    out
}

/// A dead letter as JSON for programs.
pub fn letter_json(letter: &DeadLetter) -> serde_json::Value {
    json!({
        "id": letter.id,
        "actions": letter.actions,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "strikes": letter.strikes,
        "error": letter.error,
        "born": letter.born,
        "died": letter.died,
        "length": letter.frame.len(),
    })
}

/// The same with the whole message, as base64: to be kept elsewhere. Secrets in it are not removed.
pub fn exported_letter(letter: &DeadLetter) -> serde_json::Value {
    let mut json = letter_json(letter);
    let frame = text::write(&Value::from(letter.frame.clone()));
    // Bytes are text in this form.
    json["message"] = serde_json::from_str(&frame).unwrap_or_default();
    json
}

/// A dead letter for people, with all that is known of it.
pub fn told_letter(letter: &DeadLetter) -> String {
    let (id, reason, error) = (&letter.id, &letter.reason, &letter.error);
    let (attempts, strikes) = (letter.attempts, letter.strikes);
    let (born, died) = (age(letter.born), age(letter.died));
    let (actions, message) = (letter.actions.join(", "), wire::redacted(&letter.frame));
    format!(
        "id        {id}\nactions   {actions}\nreason    {reason}\nattempts  {attempts}\nstrikes   {strikes}\nborn      {born} ago\ndied      \
         {died} ago\nerror     {error}\nlength    {}\nmessage   {message}\n",
        letter.frame.len()
    )
}

/// The time since then, in words.
fn age(millis: u64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let age = now.saturating_sub(Duration::from_millis(millis)).as_secs();
    match age {
        0..120 => format!("{age} s"),
        120..7200 => format!("{} min", age / 60),
        7200..172_800 => format!("{} h", age / 3600),
        _ => format!("{} days", age / 86_400),
    }
}
