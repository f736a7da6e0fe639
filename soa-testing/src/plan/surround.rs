//! The lines about the surroundings of a case or of an action: the clock, stubs and mocks.

use soa_runtime::codec::{Date, Time, UtcDateTime, Value, json};
use soa_runtime::message::WireError;

use super::case::{Calls, Fixtures, Freeze, MockCalls, MockValue};
use super::form::{FormKind, Slot};
use super::grammar::Matched;
use super::line::{Wrong, expected, put, value};
use super::tree::Tree;

/// The syntax of an expected call, for messages.
const CALL_SYNTAX: &str = "write a call as a list of its arguments and a map of its named arguments: `[[1, 2], {\"key\": 3}]`";

/// Adds a line about the clock, a stub or a mock.
pub(super) fn ingest(
    fixtures: &mut Fixtures,
    line: usize,
    matched: &Matched<'_>,
) -> Result<(), Wrong> {
    match matched.kind {
        FormKind::Freeze => {
            fixtures.freeze = Some((line, freeze(matched.text(Slot::Value))?));
            Ok(())
        }
        FormKind::Mock | FormKind::MockExpect => mock(fixtures, line, matched),
        _ => stub(fixtures, line, matched),
    }
}

fn freeze(text: &str) -> Result<Freeze, String> {
    if text == "now" {
        return Ok(Freeze::Now);
    }
    let parse = || {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let mut date = date.split('-');
        let mut time = time.split(':');
        let date = Date::new(part(&mut date)?, part(&mut date)?, last(&mut date)?).ok()?;
        let time = Time::new(part(&mut time)?, part(&mut time)?, last(&mut time)?, 0).ok()?;
        Some(UtcDateTime::new(date, time))
    };
    parse()
        .map(Freeze::At)
        .ok_or_else(|| format!("`{text}` is neither `now` nor a time like `2018-04-20T04:20:20Z`"))
}

fn part<'a, T: std::str::FromStr>(parts: &mut impl Iterator<Item = &'a str>) -> Option<T> {
    let part = parts.next()?;
    let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| part.parse().ok()).flatten()
}

fn last<'a, T: std::str::FromStr>(parts: &mut impl Iterator<Item = &'a str>) -> Option<T> {
    part(parts).filter(|_| parts.next().is_none())
}

fn stub(fixtures: &mut Fixtures, line: usize, matched: &Matched<'_>) -> Result<(), Wrong> {
    let (service, action) = (matched.text(Slot::Service), matched.text(Slot::Stubbed));
    let stub = fixtures
        .stubs
        .entry((service.to_owned(), action.to_owned()))
        .or_default();
    if stub.line == 0 {
        stub.line = line;
    }
    let either = || {
        format!(
            "the stub of `{service}.{action}` answers with a body or with errors, not with both"
        )
    };
    match matched.kind {
        FormKind::StubBody if !stub.errors.is_empty() => return Err(Slot::Service.wrong(either())),
        FormKind::StubBody => {
            put(
                stub.body.get_or_insert_default(),
                line,
                matched,
                value(matched)?,
            )?;
        }
        FormKind::StubError if stub.body.is_some() => return Err(Slot::Service.wrong(either())),
        FormKind::StubError => {
            let is_none = |text: &str| text.is_empty() || text.eq_ignore_ascii_case("none");
            let (field, message) = (matched.text(Slot::Field), matched.text(Slot::Message));
            let message = if is_none(message) { "" } else { message };
            let mut error =
                WireError::server(matched.text(Slot::Code).to_owned(), message.to_owned());
            error.field = (!is_none(field)).then(|| field.to_owned());
            stub.errors.push(error);
        }
        _ => {
            let both = format!(
                "`{service}.{action}` cannot be expected both to be called and not to be called"
            );
            let request = match &mut stub.calls {
                calls if matched.has(Slot::Not) => {
                    if matches!(calls, Calls::One { .. }) {
                        return Err(Slot::Service.wrong(both));
                    }
                    *calls = Calls::None { line };
                    return Ok(());
                }
                Calls::None { .. } => return Err(Slot::Service.wrong(both)),
                Calls::One { request, .. } => request,
                calls @ Calls::Any => {
                    *calls = Calls::One {
                        line,
                        request: Tree::default(),
                    };
                    match calls {
                        Calls::One { request, .. } => request,
                        _ => return Ok(()),
                    }
                }
            };
            if matched.has(Slot::DataType) && !matched.has(Slot::Path) {
                return Err(
                    Slot::DataType.wrong("a data type needs a path and a value: `int: id: 5`")
                );
            }
            if matched.has(Slot::Path) {
                put(request, line, matched, expected(matched)?)?;
            }
        }
    }
    Ok(())
}

fn mock(fixtures: &mut Fixtures, line: usize, matched: &Matched<'_>) -> Result<(), Wrong> {
    let mock = fixtures
        .mocks
        .entry(matched.text(Slot::Target).to_owned())
        .or_default();
    if mock.line == 0 {
        mock.line = line;
    }
    let path = matched.text(Slot::Attribute).to_owned();
    let json_text = matched.text(Slot::Json);
    let read = || {
        json::decode_value(json_text.as_bytes())
            .map_err(|error| Slot::Json.wrong(format!("`{json_text}` is not valid JSON: {error}")))
    };
    if matched.kind == FormKind::Mock {
        let value = match matched.get(Slot::Instruction) {
            Some("exception") => MockValue::Raise(json_text.to_owned()),
            Some(_) => MockValue::Delete,
            None => MockValue::Value(read()?),
        };
        let is_special = path.ends_with("return_value") || path.ends_with("side_effect");
        if is_special && matches!(value, MockValue::Delete) {
            return Err(
                Slot::Attribute.wrong(format!("`{path}` cannot be deleted; only attributes can"))
            );
        }
        let values = mock.attributes.entry(path.clone()).or_default();
        if !path.ends_with("side_effect") {
            values.clear();
        }
        values.push(value);
        return Ok(());
    }
    let both = || {
        let problem = "a mock cannot be expected both to be called and not to be called";
        Err(Slot::Target.wrong(problem))
    };
    if matched.has(Slot::Not) {
        if let Some(MockCalls::These(_)) = mock.expected.get(&path) {
            return both();
        }
        mock.expected.insert(path, MockCalls::None { line });
        return Ok(());
    }
    let (arguments, named) = match read()? {
        Value::List(pair) => match <[Value; 2]>::try_from(pair) {
            Ok([arguments @ Value::List(_), named @ Value::Map(_)]) => (arguments, named),
            _ => return Err(Slot::Json.wrong(CALL_SYNTAX)),
        },
        _ => return Err(Slot::Json.wrong(CALL_SYNTAX)),
    };
    let calls = mock.expected.entry(path);
    match calls.or_insert_with(|| MockCalls::These(Vec::new())) {
        MockCalls::These(calls) => calls.push((line, arguments, named)),
        MockCalls::None { .. } => return both(),
    }
    Ok(())
}
