//! The command line, read by hand: it is small, and its complaints are one line each.

use soa::Value;
use soa::codec::json;

pub(crate) const USAGE: &str = "\
Usage: example_service
       example_service serve --redis HOST:PORT [--name NAME]
       example_service call ACTION [BODY] --redis HOST:PORT [--service NAME]

Without a command, it serves the services `example` and `example2` in this process, makes typed calls of
every form, and prints what comes back. That needs nothing else: no Redis, no configuration.

Commands:
  serve  Serves over Redis until it is interrupted
  call   Calls one action over Redis; BODY is JSON, {} by default; prints the response as JSON

Options:
  --redis HOST:PORT  Where Redis is
  --name NAME        The name to serve under, `example` by default
  --service NAME     The service to call, `example` by default
  -h, --help         Print this text";

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Demonstrate,
    Help,
    Serve {
        redis: String,
        name: String,
    },
    Call {
        redis: String,
        service: String,
        action: String,
        body: Value,
    },
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// What is wrong with them, in one line.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command, String> {
    let mut arguments = arguments.into_iter();
    let Some(command) = arguments.next() else {
        return Ok(Command::Demonstrate);
    };
    let known: &[&str] = match command.as_str() {
        "-h" | "--help" => return Ok(Command::Help),
        "serve" => &["--redis", "--name"],
        "call" => &["--redis", "--service"],
        other => {
            let hint = "`--help` tells what there is";
            return Err(format!("unknown argument `{other}`; {hint}"));
        }
    };
    let (mut redis, mut name, mut positional) = (None, None, Vec::new());
    while let Some(argument) = arguments.next() {
        if argument == "-h" || argument == "--help" {
            return Ok(Command::Help);
        }
        if !argument.starts_with("--") {
            positional.push(argument);
            continue;
        }
        if !known.contains(&argument.as_str()) {
            let known = known.join("`, `");
            return Err(format!(
                "`{command}` has no option `{argument}`; it has `{known}`"
            ));
        }
        let place = if argument == "--redis" {
            &mut redis
        } else {
            &mut name
        };
        match arguments.next() {
            Some(value) => *place = Some(value),
            None => return Err(format!("`{argument}` needs a value")),
        }
    }
    let redis = redis.ok_or_else(|| format!("`{command}` needs `--redis HOST:PORT`"))?;
    let name = name.unwrap_or_else(|| "example".to_owned());
    let mut positional = positional.into_iter();
    let parsed = if command == "serve" {
        Command::Serve { redis, name }
    } else {
        let action = positional
            .next()
            .ok_or("`call` needs the name of an action")?;
        let body = positional.next().unwrap_or_else(|| "{}".to_owned());
        let body = json::decode_value(body.as_bytes())
            .map_err(|error| format!("the body is not JSON: {error}"))?;
        if body.as_map().is_none() {
            return Err("the body must be a JSON object".to_owned());
        }
        Command::Call {
            redis,
            service: name,
            action,
            body,
        }
    };
    match positional.next() {
        Some(extra) => Err(format!(
            "unexpected argument `{extra}`; `--help` tells what there is"
        )),
        None => Ok(parsed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn commands_are_read_with_their_options_anywhere() {
        assert_eq!(read(""), Ok(Command::Demonstrate));
        assert_eq!(read("call --help"), Ok(Command::Help));
        assert_eq!(
            read("serve --name example2 --redis 127.0.0.1:6379"),
            Ok(Command::Serve {
                redis: "127.0.0.1:6379".to_owned(),
                name: "example2".to_owned(),
            })
        );
        assert_eq!(
            read(r#"call square {"number":42} --redis h:1"#),
            Ok(Command::Call {
                redis: "h:1".to_owned(),
                service: "example".to_owned(),
                action: "square".to_owned(),
                body: soa::value!({ "number": 42 }),
            })
        );
    }

    #[test]
    fn mistakes_are_told_in_one_line() {
        for (line, complaint) in [
            (
                "seve",
                "unknown argument `seve`; `--help` tells what there is",
            ),
            ("serve", "`serve` needs `--redis HOST:PORT`"),
            ("serve --redis", "`--redis` needs a value"),
            (
                "serve --service x --redis h:1",
                "`serve` has no option `--service`; it has `--redis`, `--name`",
            ),
            (
                "serve now --redis h:1",
                "unexpected argument `now`; `--help` tells what there is",
            ),
            ("call --redis h:1", "`call` needs the name of an action"),
            (
                "call square 7 --redis h:1",
                "the body must be a JSON object",
            ),
            (
                "call square {} {} --redis h:1",
                "unexpected argument `{}`; `--help` tells what there is",
            ),
        ] {
            assert_eq!(read(line), Err(complaint.to_owned()), "{line}");
        }
        assert!(
            read("call square { --redis h:1")
                .is_err_and(|told| told.starts_with("the body is not JSON"))
        );
    }
}
