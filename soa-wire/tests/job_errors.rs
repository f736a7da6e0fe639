//! The errors of malformed jobs: a reader accepts a job, or reports all of its errors. They are compared with a model of
//! the protocol's page on jobs, which shares no code with the reader.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Helpers of tests may fail loudly, too.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;
use soa_wire::wire::read_request;
use soa_wire::{Encoding, Map, Value, code, value};

const REPLY_TO: &str = "service.hostile.0123456789abcdef!7f9a929cfb80";

/// The number of cases. A failed case is printed, not written to a file, and becomes a test of its own.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn encoding() -> impl Strategy<Value = Encoding> {
    prop_oneof![Just(Encoding::MessagePack), Just(Encoding::Json)]
}

/// Code, field and text.
type Told = (&'static str, Option<String>, String);

/// What the protocol says about jobs (its sections 1, 9 and 10), told of a message as a value.
#[derive(Default)]
struct Model {
    told: Vec<Told>,
}

impl Model {
    fn of(message: &Value) -> Vec<Told> {
        let mut model = Self::default();
        match message.get("body").and_then(Value::as_map) {
            Some(job) => model.job(job),
            None => model.tell(code::INVALID, "", "Not a dict"),
        }
        let meta = message.get("meta");
        let in_meta = |key: &str| meta.and_then(|meta| meta.get(key));
        // Of a version only the parts up to the one that decides against 0.70.0 are looked at.
        let is_odd = in_meta("client_version").is_some_and(|version| match version.as_list() {
            Some(parts) => {
                let undecided =
                    parts
                        .iter()
                        .zip([0, 70, 0])
                        .scan(true, |is_open, (part, wanted)| {
                            let was_open = *is_open;
                            *is_open &=
                                part.as_integer().is_none() || part.as_i64() == Some(wanted);
                            Some((was_open, part))
                        });
                undecided
                    .into_iter()
                    .any(|(is_open, part)| is_open && part.as_integer().is_none())
            }
            None => true,
        });
        if is_odd {
            model.tell(
                code::INVALID,
                "meta.client_version",
                "Not a list of integers",
            );
        }
        let is_time = |value: &Value| value.is_nil() || value.as_f64().is_some();
        if in_meta("__expiry__").is_some_and(|value| !is_time(value)) {
            model.tell(code::INVALID, "meta.__expiry__", "Not a float");
        }
        model.told
    }

    fn tell(&mut self, code: &'static str, field: &str, text: impl Into<String>) {
        let field = (!field.is_empty()).then(|| field.to_owned());
        self.told.push((code, field, text.into()));
    }

    fn job(&mut self, job: &Map) {
        match job.get("control") {
            None => self.missing("control", "control"),
            Some(Value::Map(control)) => {
                match control.get("continue_on_error") {
                    None => self.missing("control.continue_on_error", "continue_on_error"),
                    Some(value) => self.boolean("control.continue_on_error", value),
                }
                if let Some(value) = control.get("suppress_response") {
                    self.boolean("control.suppress_response", value);
                }
            }
            Some(_) => self.tell(code::INVALID, "control", "Not a dict"),
        }
        match job.get("context") {
            None => self.missing("context", "context"),
            Some(Value::Map(context)) => self.context(context),
            Some(_) => self.tell(code::INVALID, "context", "Not a dict"),
        }
        match job.get("actions") {
            None => self.missing("actions", "actions"),
            Some(Value::List(actions)) => {
                if actions.is_empty() {
                    self.tell(code::INVALID, "actions", "List is shorter than 1");
                }
                for (index, action) in actions.iter().enumerate() {
                    self.action(&format!("actions.{index}"), action);
                }
            }
            Some(_) => self.tell(code::INVALID, "actions", "Not a list"),
        }
        self.extra("", job, &["control", "context", "actions"]);
    }

    fn context(&mut self, context: &Map) {
        for key in ["caller", "calling_service"] {
            if let Some(value) = context.get(key) {
                self.text(&format!("context.{key}"), value);
            }
        }
        match context.get("correlation_id") {
            None => self.missing("context.correlation_id", "correlation_id"),
            Some(value) => self.text("context.correlation_id", value),
        }
        match context.get("switches") {
            None => self.missing("context.switches", "switches"),
            Some(Value::List(switches)) => {
                for (index, switch) in switches.iter().enumerate() {
                    let field = format!("context.switches.{index}");
                    if switch.as_integer().is_none() {
                        self.tell(code::INVALID, &field, "Not an integer");
                    } else if switch.as_i64().is_none() {
                        // All integers too large for us in these tests are positive.
                        self.tell(code::INVALID, &field, format!("Value not <= {}", i64::MAX));
                    }
                }
            }
            Some(_) => self.tell(code::INVALID, "context.switches", "Not a list"),
        }
    }

    fn action(&mut self, place: &str, action: &Value) {
        let Value::Map(action) = action else {
            return self.tell(code::INVALID, place, "Not a dict");
        };
        match action.get("action") {
            None => self.missing(&format!("{place}.action"), "action"),
            Some(name) => self.text(&format!("{place}.action"), name),
        }
        match action.get("body") {
            None => {}
            Some(Value::Map(body)) => {
                for (key, _) in body.iter().filter(|(key, _)| key.as_str().is_none()) {
                    let field = format!("{place}.body.{}", shown(key));
                    self.tell(code::INVALID, &field, "Not a unicode string");
                }
            }
            Some(_) => self.tell(code::INVALID, &format!("{place}.body"), "Not a dict"),
        }
        self.extra(place, action, &["action", "body"]);
    }

    fn missing(&mut self, field: &str, key: &str) {
        self.tell(code::MISSING, field, format!("Missing key: {key}"));
    }

    fn boolean(&mut self, field: &str, value: &Value) {
        if value.as_bool().is_none() {
            self.tell(code::INVALID, field, "Not a boolean");
        }
    }

    fn text(&mut self, field: &str, value: &Value) {
        if value.as_str().is_none() {
            self.tell(code::INVALID, field, "Not a unicode string");
        }
    }

    fn extra(&mut self, field: &str, map: &Map, known: &[&str]) {
        let mut extra: Vec<String> = map.iter().map(|(key, _)| shown(key)).collect();
        extra.retain(|key| !known.contains(&&**key));
        extra.sort_unstable();
        if !extra.is_empty() {
            self.tell(
                code::UNKNOWN,
                field,
                format!("Extra keys present: {}", extra.join(", ")),
            );
        }
    }
}

/// A key in a path or a list of keys.
fn shown(key: &Value) -> String {
    match key {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        other => format!("<{}>", other.kind_name()),
    }
}

fn good() -> Value {
    value!({
        "request_id": 7,
        "meta": {"client_version": [1, 4, 9], "reply_to": REPLY_TO, "__expiry__": 0},
        "body": {
            "control": {"continue_on_error": false, "suppress_response": false, "timeout": 5},
            "context": {"correlation_id": "c", "switches": [1, 2], "caller": "me", "calling_service": "it", "own": 1},
            "actions": [
                {"action": "echo", "body": {"n": 1}},
                {"action": "echo"},
                {"body": {}, "action": "echo"},
            ],
        },
    })
}

/// Something to be put where it does not belong, or where it does.
fn intruder() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        Value::Nil,
        true.into(),
        0.into(),
        70.into(),
        (-5).into(),
        u64::MAX.into(),
        1.5.into(),
        "".into(),
        "text".into(),
        value!([]),
        value!([1, "2", nil, true, 2.5]),
        value!([3, 4]),
        value!({}),
        value!({"action": "echo"}),
        value!({"continue_on_error": true, "correlation_id": "d", "switches": []}),
    ])
}

/// What only MessagePack can carry.
fn packed_intruder() -> impl Strategy<Value = Value> {
    let date = soa_wire::Date::new(2026, 11, 21).unwrap();
    let by_number: Map = [(1, 2), (-3, 4)].into_iter().collect();
    prop::sample::select(vec![
        date.into(),
        by_number.into(),
        soa_wire::Blob::from([1, 2]).into(),
    ])
}

#[derive(Debug, Clone)]
enum Spoilage {
    Remove(Index),
    Replace(Index, Value),
    Add(Index, String, Value),
}

fn spoilage(intruder: BoxedStrategy<Value>) -> impl Strategy<Value = Spoilage> {
    let key = prop_oneof![
        prop::sample::select(vec![
            "action",
            "actions",
            "body",
            "caller",
            "control",
            "suppress_response",
            "switches"
        ])
        .prop_map(str::to_owned),
        "[a-z]{0,3}",
    ];
    prop_oneof![
        any::<Index>().prop_map(Spoilage::Remove),
        (any::<Index>(), intruder.clone()).prop_map(|(at, value)| Spoilage::Replace(at, value)),
        (any::<Index>(), key, intruder).prop_map(|(at, key, value)| Spoilage::Add(at, key, value)),
    ]
}

/// Where in a value there is something, as keys and indices, outermost first.
fn places(value: &Value, above: &[usize], found: &mut Vec<Vec<usize>>) {
    let below: Vec<&Value> = match value {
        Value::Map(map) => map.iter().map(|(_, value)| value).collect(),
        Value::List(list) => list.iter().collect(),
        _ => Vec::new(),
    };
    for (index, value) in below.into_iter().enumerate() {
        let place = [above, &[index]].concat();
        places(value, &place, found);
        found.push(place);
    }
}

/// What becomes of a value; `None`: it goes away.
type Change<'a> = dyn Fn(&Value) -> Option<Value> + 'a;

/// The value with a change at a place: what is there is replaced by what the change makes of it.
fn changed(value: &Value, place: &[usize], change: &Change<'_>) -> Option<Value> {
    let Some((first, rest)) = place.split_first() else {
        return change(value);
    };
    Some(match value {
        Value::Map(map) => {
            let pairs = map.iter().enumerate().filter_map(|(index, (key, value))| {
                let is_there = index == *first;
                let value = if is_there {
                    changed(value, rest, change)?
                } else {
                    value.clone()
                };
                Some((key.clone(), value))
            });
            Value::Map(pairs.collect())
        }
        Value::List(list) => {
            let items = list.iter().enumerate().filter_map(|(index, value)| {
                if index == *first {
                    changed(value, rest, change)
                } else {
                    Some(value.clone())
                }
            });
            Value::List(items.collect())
        }
        other => other.clone(),
    })
}

impl Spoilage {
    fn apply(&self, message: &Value) -> Value {
        let mut found = Vec::new();
        places(message, &[], &mut found);
        let (at, change): (_, Box<Change<'_>>) = match self {
            Self::Remove(at) => (at, Box::new(|_| None)),
            Self::Replace(at, value) => (at, Box::new(|_| Some(value.clone()))),
            Self::Add(at, key, value) => {
                let add = |place: &Value| {
                    let mut place = place.clone();
                    if let Some(map) = place.as_map_mut() {
                        map.insert(key.as_str(), value.clone());
                    }
                    Some(place)
                };
                (at, Box::new(add))
            }
        };
        if found.is_empty() {
            return message.clone();
        }
        changed(message, at.get::<Vec<usize>>(&found), &change).unwrap_or_default()
    }
}

fn frame(encoding: Encoding, message: &Value) -> Bytes {
    let head = format!("pysoa-redis/3//content-type:{};", encoding.content_type());
    [head.into_bytes(), encoding.encode_value(message).unwrap()]
        .concat()
        .into()
}

/// Compares what is told about a message with the model.
fn compare(encoding: Encoding, message: &Value) -> Result<(), TestCaseError> {
    let meta = message.get("meta");
    let can_be_answered = message.get("request_id").is_some_and(|id| !id.is_nil())
        && meta
            .and_then(|meta| meta.get("reply_to"))
            .and_then(Value::as_str)
            == Some(REPLY_TO);
    let expiry = meta
        .and_then(|meta| meta.get("__expiry__"))
        .and_then(Value::as_f64);
    let is_expired = expiry.is_some_and(|expiry| expiry != 0.0 && expiry < 1e9);
    let read = read_request(&frame(encoding, message), &Default::default());
    if !can_be_answered || is_expired {
        return Ok(());
    }
    let request = read.map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
    let told: Vec<Told> = match &request.job {
        Ok(_) => Vec::new(),
        Err(errors) => {
            prop_assert!(!errors.is_empty());
            prop_assert!(errors.iter().all(|error| !error.is_caller_error));
            let code = |code: &str| {
                [code::INVALID, code::MISSING, code::UNKNOWN]
                    .into_iter()
                    .find(|known| *known == code)
            };
            let told = errors.iter().map(|error| {
                (
                    code(&error.code).unwrap(),
                    error.field.clone(),
                    error.message.clone().into_owned(),
                )
            });
            told.collect()
        }
    };
    prop_assert_eq!(told, Model::of(message), "{:?}", message);
    let control = message.get("body").and_then(|job| job.get("control"));
    let suppress = control.and_then(|control| control.get("suppress_response"));
    prop_assert_eq!(
        request.head.is_suppressed(),
        suppress.and_then(Value::as_bool) == Some(true)
    );
    Ok(())
}

fn spoilt(intruder: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    prop::collection::vec(spoilage(intruder), 0..4).prop_map(|spoilages| {
        spoilages
            .iter()
            .fold(good(), |message, spoilage| spoilage.apply(&message))
    })
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn a_spoilt_job_is_told_every_error_that_the_protocol_knows(message in spoilt(intruder().boxed()), encoding in encoding()) {
        compare(encoding, &message)?;
    }

    #[test]
    fn so_is_one_with_what_only_messagepack_carries(message in spoilt(prop_oneof![intruder(), packed_intruder()].boxed())) {
        compare(Encoding::MessagePack, &message)?;
    }
}

#[test]
fn the_good_job_is_one() {
    assert_eq!(Model::of(&good()), []);
}

/// Python keeps the last of two equal keys, and so does everything here that looks something up.
#[test]
fn of_a_key_given_twice_the_last_counts_also_when_the_first_was_wrong() {
    let json = String::from_utf8(frame(Encoding::Json, &good()).to_vec()).unwrap();
    for (key, wrong) in [
        ("\"control\": ", "\"control\": null, \"control\": "),
        ("\"context\": ", "\"context\": [], \"context\": "),
        ("\"actions\": ", "\"actions\": 5, \"actions\": "),
        (
            "\"continue_on_error\": ",
            "\"continue_on_error\": 1, \"continue_on_error\": ",
        ),
        (
            "\"correlation_id\": ",
            "\"correlation_id\": 5, \"correlation_id\": ",
        ),
        ("\"switches\": ", "\"switches\": [\"a\"], \"switches\": "),
        ("{\"action\": ", "{\"action\": 5, \"action\": "),
        ("\"body\": {\"n\"", "\"body\": 5, \"body\": {\"n\""),
    ] {
        assert!(json.contains(key), "{key}");
        let request =
            read_request(&json.replacen(key, wrong, 1).into(), &Default::default()).unwrap();
        assert!(request.job.is_ok(), "{key}: {:?}", request.job);
    }
}

/// A header with something that cannot be read inside is refused, and the error says where.
#[test]
fn what_cannot_be_read_in_a_header_is_told_by_its_key() {
    let at = |place: &str, content: &[u8]| {
        let mut message = good();
        let job = message.as_map_mut().unwrap().get_mut("body").unwrap();
        let header = job.as_map_mut().unwrap().get_mut(place).unwrap();
        header.as_map_mut().unwrap().insert("own", "PLACE");
        let mut frame = frame(Encoding::MessagePack, &message).to_vec();
        let start = frame
            .windows(6)
            .position(|window| window == b"\xa5PLACE")
            .unwrap();
        frame.splice(start..start + 6, content.iter().copied());
        frame
    };
    for place in ["control", "context"] {
        // A nest of lists that is one level too deep only together with the header that it is in.
        for content in [
            &b"\xa1\xff"[..],
            b"\xd4\x63\x00",
            &[vec![0x91; 128], vec![0xc0]].concat(),
            &[vec![0x91; 129], vec![0xc0]].concat(),
        ] {
            let request = read_request(&at(place, content).into(), &Default::default()).unwrap();
            let errors = request.job.unwrap_err();
            assert_eq!(errors.len(), 1);
            assert_eq!(
                errors[0].field.as_deref(),
                Some(&*format!("{place}.own")),
                "{content:02x?}"
            );
        }
        // A key that is no text although it says so.
        let mut frame = at(place, &[0xc0]);
        let key = frame
            .windows(4)
            .position(|window| window == b"\xa3own")
            .unwrap();
        frame[key + 1] = 0xff;
        let errors = read_request(&frame.into(), &Default::default())
            .unwrap()
            .job
            .unwrap_err();
        assert_eq!(errors.len(), 1);
        let field = errors[0].field.as_deref().unwrap_or_default();
        assert!(field.starts_with(place), "{:?}", errors[0]);
    }
}
