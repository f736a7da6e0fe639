//! The table of all forms that a line of a plan can have.
//!
//! A form is a sequence of [`Token`]s, with a text that shows its syntax. Forms are tried in the order of the table, and the
//! first one that matches the whole line counts. Most forms of a case can also stand after the name of an action, and
//! apply to that action alone.

use super::typed::DATA_TYPES;

/// The name of a part of a line, under which a token keeps its text.
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
    /// This text in any case.
    AnyCase(&'static str),
    /// One of these texts, which is kept.
    OneOf(Slot, &'static [&'static str]),
    /// Letters, digits and these characters.
    Word(Slot, &'static str),
    /// Digits.
    Digits(Slot),
    /// Python names with dots between them.
    Dotted(Slot),
    /// The rest of the line.
    Rest(Slot),
    /// All of these tokens, or none.
    Maybe(&'static [Token]),
}

/// The directive of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FormKind {
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

/// The place of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// At the beginning of a line.
    Case,
    /// After the name of an action.
    Action,
}

/// One form of a line.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) kind: FormKind,
    pub(super) scope: Scope,
    pub(super) tokens: &'static [Token],
    /// The syntax, for messages and for the guide.
    pub(super) shown: &'static str,
}

use Slot as S;
use Token::{AnyCase, Digits, Dotted, Maybe, OneOf, Rest, Text, Word};

const COLON: Token = Text(":");
const TYPE: Token = Maybe(&[OneOf(S::DataType, &DATA_TYPES)]);
const PATH: Token = Word(S::Path, "-_.{}");
const VALUE: Token = Rest(S::Value);
/// The optional colon at the end of a line without a value.
const END_COLON: Token = Maybe(&[COLON]);

/// The beginning of the lines of an action, before the form.
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

const fn case(kind: FormKind, tokens: &'static [Token], shown: &'static str) -> Form {
    Form {
        kind,
        scope: Scope::Case,
        tokens,
        shown,
    }
}

const fn action(kind: FormKind, tokens: &'static [Token], shown: &'static str) -> Form {
    Form {
        kind,
        scope: Scope::Action,
        tokens,
        shown,
    }
}

/// All forms, in the order in which they are tried.
pub(super) const FORMS: &[Form] = &[
    case(FormKind::Comment, &[Text("#"), VALUE], "# TEXT"),
    case(
        FormKind::Name,
        &[Text("test name"), COLON, Word(S::Name, "_")],
        "test name: NAME",
    ),
    case(
        FormKind::Description,
        &[Text("test description"), COLON, Rest(S::Description)],
        "test description: TEXT",
    ),
    case(
        FormKind::Skip,
        &[
            Text("test skip"),
            Maybe(&[OneOf(S::Global, &["global"])]),
            COLON,
            Rest(S::Reason),
        ],
        "test skip [global]: REASON",
    ),
    action(
        FormKind::Input,
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
        FormKind::ExpectError,
        CODE,
        "ACTION: expect: [not] [exact] [job] error: code=CODE[, field=FIELD][, message=TEXT]",
    ),
    action(
        FormKind::ExpectNoErrors,
        &[Text("expect"), COLON, Text("no errors")],
        "ACTION: expect: no errors",
    ),
    action(
        FormKind::ExpectValue,
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
        FormKind::ExpectAny,
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
        FormKind::ExpectNone,
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
        FormKind::ExpectNotPresent,
        &[
            // One text, as in PySOA, so that it is not similar to `expect no errors`.
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
        FormKind::MockExpect,
        MOCK_EXPECT,
        "mock: TARGET: expect [not] called [ATTRIBUTE]: [[ARGUMENT, …], {NAME: ARGUMENT, …}]",
    ),
    action(
        FormKind::MockExpect,
        MOCK_EXPECT,
        "ACTION: mock: TARGET: expect [not] called [ATTRIBUTE]: [[ARGUMENT, …], {NAME: ARGUMENT, …}]",
    ),
    case(
        FormKind::Mock,
        MOCK,
        "mock: TARGET: ATTRIBUTE: JSON | exception NAME | delete",
    ),
    action(
        FormKind::Mock,
        MOCK,
        "ACTION: mock: TARGET: ATTRIBUTE: JSON | exception NAME | delete",
    ),
    case(
        FormKind::StubBody,
        STUB_BODY,
        "stub action: SERVICE: ACTION: body [TYPE]: PATH: VALUE",
    ),
    action(
        FormKind::StubBody,
        STUB_BODY,
        "ACTION: stub action: SERVICE: ACTION: body [TYPE]: PATH: VALUE",
    ),
    case(
        FormKind::StubError,
        STUB_ERROR,
        "stub action: SERVICE: ACTION: error: code=CODE, field=FIELD, message=TEXT",
    ),
    action(
        FormKind::StubError,
        STUB_ERROR,
        "ACTION: stub action: SERVICE: ACTION: error: code=CODE, field=FIELD, message=TEXT",
    ),
    case(
        FormKind::StubExpect,
        STUB_EXPECT,
        "stub action: SERVICE: ACTION: expect [not] called [TYPE]: [PATH: VALUE]",
    ),
    action(
        FormKind::StubExpect,
        STUB_EXPECT,
        "ACTION: stub action: SERVICE: ACTION: expect [not] called [TYPE]: [PATH: VALUE]",
    ),
    case(
        FormKind::Freeze,
        FREEZE,
        "freeze time: YEAR-MONTH-DAYThour:minute:secondZ | now",
    ),
    action(
        FormKind::Freeze,
        FREEZE,
        "ACTION: freeze time: YEAR-MONTH-DAYThour:minute:secondZ | now",
    ),
];

impl Form {
    /// Returns the beginning of lines of this form: the syntax without optional parts, up to the first variable part.
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
                // An optional part leaves a blank behind.
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
    /// Returns the name of the token for messages about lines in which it is missing.
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
                Slot::Target => "the target of a mock: lowercase letters, digits, `_` and dots",
                _ => "an attribute: lowercase letters, digits, `_` and dots",
            }
            .to_owned(),
            Self::Rest(_) | Self::Maybe(_) => "anything".to_owned(),
        }
    }
}
