//! The forms that a line of a plan can have, as a table.
//!
//! A form is a sequence of [`Token`]s, and says how it looks to people. The order of the table is that in which forms are
//! tried: the first that takes a whole line is it. Most of what can stand in a case can also stand behind the name of an
//! action, and is then for that action alone.

use super::typed::DATA_TYPES;

/// What a token of a form leaves for whoever makes sense of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Action,
    Index,
    Global,
    Name,
    Description,
    Reason,
    /// `context` or `control`.
    Header,
    DataType,
    Path,
    Value,
    Not,
    Exact,
    Job,
    Code,
    Field,
    Message,
    Service,
    Stubbed,
    Target,
    Attribute,
    /// `exception` or `delete`.
    Instruction,
    Json,
}

/// One element of a form.
#[derive(Clone, Copy, Debug)]
pub(super) enum Token {
    /// This text.
    Text(&'static str),
    /// This text in capitals or not.
    AnyCase(&'static str),
    /// One of these texts, kept.
    OneOf(Slot, &'static [&'static str]),
    /// Letters, digits and these.
    Word(Slot, &'static str),
    /// Digits.
    Digits(Slot),
    /// Names with dots between, as Python writes them.
    Dotted(Slot),
    /// The rest of the line.
    Rest(Slot),
    /// These, or none of them.
    Maybe(&'static [Token]),
}

/// What a form is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Comment,
    Name,
    Description,
    Skip,
    Input,
    ExpectError,
    ExpectNoErrors,
    ExpectValue,
    ExpectAny,
    ExpectNone,
    ExpectNotPresent,
    MockExpect,
    Mock,
    StubBody,
    StubError,
    StubExpect,
    Freeze,
}

/// Where a form can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// In a case as it is.
    Case,
    /// Behind the name of an action.
    Action,
}

/// One form of a line.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) kind: Kind,
    pub(super) scope: Scope,
    pub(super) tokens: &'static [Token],
    /// How it looks, for messages and for the guide.
    pub(super) shown: &'static str,
}

use Slot as S;
use Token::{AnyCase, Digits, Dotted, Maybe, OneOf, Rest, Text, Word};

const COLON: Token = Text(":");
const TYPE: Token = Maybe(&[OneOf(S::DataType, &DATA_TYPES)]);
const PATH: Token = Word(S::Path, "-_.{}");
const VALUE: Token = Rest(S::Value);
/// The colon that may end a line without a value.
const END_COLON: Token = Maybe(&[COLON]);

/// What is before the form of an action's line.
pub(super) const PREFIX: &[Token] = &[
    Word(S::Action, "_"),
    Maybe(&[Text("."), Digits(S::Index)]),
    COLON,
    Maybe(&[OneOf(S::Global, &["global"])]),
];

const CODE: &[Token] = &[
    Text("expect"),
    COLON,
    Maybe(&[OneOf(S::Not, &["not"])]),
    Maybe(&[OneOf(S::Exact, &["exact"])]),
    Maybe(&[OneOf(S::Job, &["job"])]),
    Text("error"),
    COLON,
    Text("code"),
    Text("="),
    Word(S::Code, "-_"),
    Maybe(&[
        Text(","),
        Text("field"),
        Text("="),
        Word(S::Field, "-_.{}[]"),
    ]),
    Maybe(&[Text(","), Text("message"), Text("="), Rest(S::Message)]),
];
const FREEZE: &[Token] = &[Text("freeze time"), COLON, VALUE];
const MOCK_EXPECT: &[Token] = &[
    Text("mock"),
    COLON,
    Dotted(S::Target),
    COLON,
    Text("expect"),
    Maybe(&[OneOf(S::Not, &["not"])]),
    Text("called"),
    Maybe(&[Dotted(S::Attribute)]),
    COLON,
    Rest(S::Json),
];
const MOCK: &[Token] = &[
    Text("mock"),
    COLON,
    Dotted(S::Target),
    COLON,
    Dotted(S::Attribute),
    COLON,
    Maybe(&[OneOf(S::Instruction, &["exception", "delete"])]),
    Rest(S::Json),
];
const STUB_BODY: &[Token] = &[
    Text("stub action"),
    COLON,
    Word(S::Service, "_"),
    COLON,
    Word(S::Stubbed, "_."),
    COLON,
    Text("body"),
    TYPE,
    COLON,
    PATH,
    COLON,
    VALUE,
];
const STUB_ERROR: &[Token] = &[
    Text("stub action"),
    COLON,
    Word(S::Service, "_"),
    COLON,
    Word(S::Stubbed, "_."),
    COLON,
    Text("error"),
    COLON,
    Text("code"),
    Text("="),
    Word(S::Code, "-_"),
    Text(","),
    Text("field"),
    Text("="),
    Word(S::Field, "-_.{}[]"),
    Text(","),
    Text("message"),
    Text("="),
    Rest(S::Message),
];
const STUB_EXPECT: &[Token] = &[
    Text("stub action"),
    COLON,
    Word(S::Service, "_"),
    COLON,
    Word(S::Stubbed, "_."),
    COLON,
    Text("expect"),
    Maybe(&[OneOf(S::Not, &["not"])]),
    Text("called"),
    TYPE,
    COLON,
    Maybe(&[PATH, COLON, VALUE]),
];

const fn case(kind: Kind, tokens: &'static [Token], shown: &'static str) -> Form {
    Form {
        kind,
        scope: Scope::Case,
        tokens,
        shown,
    }
}

const fn action(kind: Kind, tokens: &'static [Token], shown: &'static str) -> Form {
    Form {
        kind,
        scope: Scope::Action,
        tokens,
        shown,
    }
}

/// All forms, in the order in which they are tried.
pub(super) const FORMS: &[Form] = &[
    case(Kind::Comment, &[Text("#"), VALUE], "# TEXT"),
    case(
        Kind::Name,
        &[Text("test name"), COLON, Word(S::Name, "_")],
        "test name: NAME",
    ),
    case(
        Kind::Description,
        &[Text("test description"), COLON, Rest(S::Description)],
        "test description: TEXT",
    ),
    case(
        Kind::Skip,
        &[
            Text("test skip"),
            Maybe(&[OneOf(S::Global, &["global"])]),
            COLON,
            Rest(S::Reason),
        ],
        "test skip [global]: REASON",
    ),
    action(
        Kind::Input,
        &[
            Maybe(&[Text("job"), OneOf(S::Header, &["control", "context"])]),
            Text("input"),
            TYPE,
            COLON,
            PATH,
            COLON,
            VALUE,
        ],
        "ACTION: [job context | job control] input [TYPE]: PATH: VALUE",
    ),
    action(
        Kind::ExpectError,
        CODE,
        "ACTION: expect: [not] [exact] [job] error: code=CODE[, field=FIELD][, message=TEXT]",
    ),
    action(
        Kind::ExpectNoErrors,
        &[Text("expect"), COLON, Text("no errors")],
        "ACTION: expect: no errors",
    ),
    action(
        Kind::ExpectValue,
        &[
            Text("expect"),
            TYPE,
            COLON,
            Maybe(&[OneOf(S::Not, &["not"])]),
            Text("attribute value"),
            COLON,
            PATH,
            COLON,
            VALUE,
        ],
        "ACTION: expect [TYPE]: [not] attribute value: PATH: VALUE",
    ),
    action(
        Kind::ExpectAny,
        &[
            Text("expect"),
            Text("any"),
            TYPE,
            COLON,
            Text("attribute value"),
            COLON,
            PATH,
            END_COLON,
        ],
        "ACTION: expect any [TYPE]: attribute value: PATH",
    ),
    action(
        Kind::ExpectNone,
        &[
            Text("expect"),
            AnyCase("none"),
            COLON,
            Text("attribute value"),
            COLON,
            PATH,
            END_COLON,
        ],
        "ACTION: expect none: attribute value: PATH",
    ),
    action(
        Kind::ExpectNotPresent,
        &[
            // One text in the reference; so, it is no near miss of `expect no errors`.
            Text("expect"),
            Text("not present"),
            COLON,
            Text("attribute value"),
            COLON,
            PATH,
            END_COLON,
        ],
        "ACTION: expect not present: attribute value: PATH",
    ),
    case(
        Kind::MockExpect,
        MOCK_EXPECT,
        "mock: TARGET: expect [not] called [ATTRIBUTE]: [[ARGUMENT, …], {NAME: ARGUMENT, …}]",
    ),
    action(
        Kind::MockExpect,
        MOCK_EXPECT,
        "ACTION: mock: TARGET: expect [not] called [ATTRIBUTE]: [[ARGUMENT, …], {NAME: ARGUMENT, …}]",
    ),
    case(
        Kind::Mock,
        MOCK,
        "mock: TARGET: ATTRIBUTE: JSON | exception NAME | delete",
    ),
    action(
        Kind::Mock,
        MOCK,
        "ACTION: mock: TARGET: ATTRIBUTE: JSON | exception NAME | delete",
    ),
    case(
        Kind::StubBody,
        STUB_BODY,
        "stub action: SERVICE: ACTION: body [TYPE]: PATH: VALUE",
    ),
    action(
        Kind::StubBody,
        STUB_BODY,
        "ACTION: stub action: SERVICE: ACTION: body [TYPE]: PATH: VALUE",
    ),
    case(
        Kind::StubError,
        STUB_ERROR,
        "stub action: SERVICE: ACTION: error: code=CODE, field=FIELD, message=TEXT",
    ),
    action(
        Kind::StubError,
        STUB_ERROR,
        "ACTION: stub action: SERVICE: ACTION: error: code=CODE, field=FIELD, message=TEXT",
    ),
    case(
        Kind::StubExpect,
        STUB_EXPECT,
        "stub action: SERVICE: ACTION: expect [not] called [TYPE]: [PATH: VALUE]",
    ),
    action(
        Kind::StubExpect,
        STUB_EXPECT,
        "ACTION: stub action: SERVICE: ACTION: expect [not] called [TYPE]: [PATH: VALUE]",
    ),
    case(
        Kind::Freeze,
        FREEZE,
        "freeze time: YEAR-MONTH-DAYThour:minute:secondZ | now",
    ),
    action(
        Kind::Freeze,
        FREEZE,
        "ACTION: freeze time: YEAR-MONTH-DAYThour:minute:secondZ | now",
    ),
];

impl Form {
    /// What a line of this form begins with: what is shown, without what can be left out, up to the first place that
    /// differs from line to line.
    pub(super) fn head(&self) -> String {
        let shown = self.shown.strip_prefix("ACTION: ").unwrap_or(self.shown);
        let mut head = String::new();
        let mut depth = 0_usize;
        for character in shown.chars() {
            match character {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                'A'..='Z' => break,
                // What is left out leaves a blank behind.
                ' ' if head.ends_with(' ') || head.is_empty() => {}
                ':' if head.ends_with(' ') => {
                    head.pop();
                    head.push(':');
                }
                other => head.push(other),
            }
        }
        head
    }
}

impl Token {
    /// What to call it where it is missing.
    pub(super) fn wanted(&self) -> String {
        match self {
            Self::Text(text) | Self::AnyCase(text) => format!("`{text}`"),
            Self::OneOf(Slot::DataType, _) => "a data type".to_owned(),
            Self::OneOf(_, texts) => {
                let texts: Vec<String> = texts.iter().map(|text| format!("`{text}`")).collect();
                texts.join(" or ")
            }
            Self::Word(slot, _) | Self::Digits(slot) | Self::Dotted(slot) => match slot {
                Slot::Action | Slot::Stubbed => "the name of an action",
                Slot::Index => "the index of an action",
                Slot::Name => "a name of letters, digits and `_`",
                Slot::Path => "a path",
                Slot::Code => "the code of an error",
                Slot::Field => "the field of an error",
                Slot::Service => "the name of a service",
                Slot::Target => "what is mocked: small letters, digits, `_` and dots",
                _ => "an attribute: small letters, digits, `_` and dots",
            }
            .to_owned(),
            Self::Rest(_) | Self::Maybe(_) => "anything".to_owned(),
        }
    }
}
