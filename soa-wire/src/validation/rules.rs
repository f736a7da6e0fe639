//! The rules of bodies within bodies.
//!
//! garde checks the fields of one type, and those of a type within it only where `dive` says so. `#[soa::body]`
//! implements [`BodyRules`], which goes down by itself: a [`Probe`] finds at compile time if the type of a field is a
//! body, or contains some, and a field of any other type costs nothing. The path to a value is a list on the stack,
//! which becomes text only for a rule that is broken.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZero;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use garde::Validate;
use serde::Serialize;

use crate::codec::{
    Amount, Blob, Date, DateTime, Decimal, Map, Nullable, Time, UtcDateTime, Value, to_value,
};
use crate::schema::{MAX_ERROR_BYTES, MAX_ERRORS, PathStep, key_text};

/// A type whose rules, and those of the bodies within it, can be checked.
pub trait BodyRules {
    /// The names of the fields of a struct; `None` for other types, and where attributes may name fields otherwise.
    const FIELDS: Option<&'static [FieldName]> = None;

    /// Adds the broken rules of a value that stands at this path.
    fn check(&self, path: &Path<'_>, report: &mut Report);
}

/// The function that checks the rules of a body.
pub(crate) type Rules<T> = fn(&T, &Path<'_>, &mut Report);

/// The side of an action. serde may write a field under another name than it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

/// The names of a field in messages.
#[derive(Clone, Copy, Debug)]
pub struct FieldName {
    read: &'static str,
    written: &'static str,
}

impl FieldName {
    /// The name in requests, and the one in responses.
    #[must_use]
    pub const fn new(read: &'static str, written: &'static str) -> Self {
        Self { read, written }
    }

    pub(super) const fn read(&self) -> &'static str {
        self.read
    }

    pub(super) const fn written(&self) -> &'static str {
        self.written
    }
}

/// The path to a value, from the body down.
#[derive(Clone, Copy)]
pub struct Path<'a> {
    parent: Option<&'a Self>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Body,
    Field(FieldName),
    Index(usize),
    Key(&'a dyn Fn() -> String),
}

impl std::fmt::Debug for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.steps(Side::Request)).finish()
    }
}

impl<'a> Path<'a> {
    pub(crate) const BODY: Path<'static> = Path {
        parent: None,
        step: Step::Body,
    };

    /// Returns the path to a field.
    #[must_use]
    pub const fn field(&'a self, name: FieldName) -> Self {
        self.below(Step::Field(name))
    }

    /// Returns the path to an element.
    #[must_use]
    pub const fn index(&'a self, index: usize) -> Self {
        self.below(Step::Index(index))
    }

    const fn below(&'a self, step: Step<'a>) -> Self {
        Self {
            parent: Some(self),
            step,
        }
    }

    fn steps(&self, side: Side) -> Vec<PathStep> {
        let mut steps = self
            .parent
            .map(|parent| parent.steps(side))
            .unwrap_or_default();
        match self.step {
            Step::Body => {}
            Step::Field(name) => steps.push(PathStep::Wire(match side {
                Side::Request => name.read.to_owned(),
                Side::Response => name.written.to_owned(),
            })),
            Step::Index(index) => steps.push(PathStep::Wire(index.to_string())),
            Step::Key(key) => steps.push(PathStep::Wire(key())),
        }
        steps
    }
}

/// The broken rules of a body.
#[derive(Debug)]
pub struct Report {
    side: Side,
    /// The size of the paths and texts. Each path repeats the keys above it, which are chosen by the caller.
    bytes: usize,
    pub(crate) broken: Vec<BrokenRule>,
}

/// A rule that a value breaks.
#[derive(Debug)]
pub(crate) struct BrokenRule {
    pub(crate) path: Vec<PathStep>,
    pub(crate) message: String,
    /// True if another error says the same in the words of the reference.
    pub(crate) is_explained: bool,
}

impl Report {
    pub(crate) const fn new(side: Side) -> Self {
        Self {
            side,
            bytes: 0,
            broken: Vec::new(),
        }
    }

    /// True if no more errors are told.
    fn is_full(&self) -> bool {
        self.broken.len() >= MAX_ERRORS || self.bytes >= MAX_ERROR_BYTES
    }

    fn push(&mut self, path: Vec<PathStep>, message: &str) {
        self.bytes += message.len() + path.iter().map(PathStep::len).sum::<usize>();
        self.broken.push(BrokenRule {
            path,
            message: message.to_owned(),
            is_explained: false,
        });
    }
}

/// A field of the source with the steps to it in messages: none if it is flattened or transparent, two if it is within
/// the variant of an enum.
pub(crate) type SourceField = (&'static str, &'static [FieldName]);

/// Checks the rules that garde knows of a type. Its fields are named as the type says; further names, of types that garde
/// dived into, are those of the source.
pub fn own_rules<T: Validate<Context = ()>>(
    value: &T,
    fields: &[SourceField],
    path: &Path<'_>,
    report: &mut Report,
) {
    let Err(broken) = value.validate() else {
        return;
    };
    for (place, error) in broken.iter() {
        if report.is_full() {
            return;
        }
        let mut steps = path.steps(report.side);
        let mut names = components(place).into_iter();
        if let Some(first) = names.next() {
            let first = first.strip_prefix("r#").unwrap_or(&first);
            let field = fields.iter().find(|(source, _)| *source == first);
            match field {
                Some((_, wire)) => {
                    let names = wire.iter().map(|name| match report.side {
                        Side::Request => name.read,
                        Side::Response => name.written,
                    });
                    steps.extend(names.map(|name| PathStep::Wire(name.to_owned())));
                }
                None => steps.push(PathStep::Source(first.to_owned())),
            }
        }
        steps.extend(names.map(PathStep::Source));
        report.push(steps, error.message());
    }
}

/// Returns the fields, indexes and keys of a path. Its text does not tell them apart, as a key may have dots and brackets;
/// serialized, it is a list of pairs of a kind and a text.
fn components(path: &garde::Path) -> Vec<String> {
    let Ok(Value::List(components)) = to_value(path) else {
        return Vec::new(); // A path is a list of pairs of texts.
    };
    let texts = components.into_iter().filter_map(|component| {
        let pair = component.as_list()?;
        let (kind, text) = (pair.first()?.as_str()?, pair.get(1)?.as_str()?);
        (kind != "none").then(|| text.to_owned())
    });
    texts.collect()
}

/// The `garde::Validate` of a type that has no rules of its own: the rules of the bodies within it.
pub fn inner_rules<T: BodyRules>(
    value: &T,
    parent: &mut dyn FnMut() -> garde::Path,
    report: &mut garde::Report,
) {
    let mut inner = Report::new(Side::Request);
    value.check(&Path::BODY, &mut inner);
    for BrokenRule { path, message, .. } in inner.broken {
        let mut place = parent();
        for step in path {
            place = match step {
                PathStep::Wire(text) | PathStep::Source(text) => match text.parse::<usize>() {
                    Ok(index) => place.join(index),
                    Err(_) => place.join(text),
                },
            };
        }
        report.append(place, garde::Error::new(message));
    }
}

/// A value whose type may be a body. `(&Probe(value)).__soa_check(path, report)` checks a body, or else a type that garde knows
/// ([`ViaGarde`]), or else nothing ([`WithoutRules`]): the compiler takes the first of these methods that there is. Its name is
/// one that no trait of a user has.
#[derive(Debug)]
pub struct Probe<'a, T: ?Sized>(pub &'a T);

impl<T: BodyRules + ?Sized> Probe<'_, T> {
    /// Checks a body.
    #[inline]
    pub fn __soa_check(&self, path: &Path<'_>, report: &mut Report) {
        self.0.check(path, report);
    }
}

/// The check of a type that derives `garde::Validate`.
pub trait ViaGarde {
    /// Adds the broken rules.
    fn __soa_check(&self, path: &Path<'_>, report: &mut Report);
}

impl<T: Validate<Context = ()>> ViaGarde for Probe<'_, T> {
    #[inline]
    fn __soa_check(&self, path: &Path<'_>, report: &mut Report) {
        own_rules(self.0, &[], path, report);
    }
}

/// The check of any other type.
pub trait WithoutRules {
    /// Does nothing.
    #[inline]
    fn __soa_check(&self, _: &Path<'_>, _: &mut Report) {}
}

impl<T: ?Sized> WithoutRules for &Probe<'_, T> {}

macro_rules! pointers {
    ($($pointer:ty),*) => {
        $(
            impl<T: BodyRules + ?Sized> BodyRules for $pointer {
                const FIELDS: Option<&'static [FieldName]> = T::FIELDS;

                fn check(&self, path: &Path<'_>, report: &mut Report) {
                    (**self).check(path, report);
                }
            }
        )*
    };
}

pointers! { Box<T>, Arc<T>, Rc<T> }

macro_rules! lists {
    ($(($($hasher:ident)?) $list:ty;)*) => {
        $(
            impl<T: BodyRules $(, $hasher)?> BodyRules for $list {
                fn check(&self, path: &Path<'_>, report: &mut Report) {
                    for (index, element) in self.iter().enumerate() {
                        element.check(&path.index(index), report);
                    }
                }
            }
        )*
    };
}

lists! {
    () [T];
    () Vec<T>;
    () VecDeque<T>;
    () BTreeSet<T>;
    (S) HashSet<T, S>;
}

impl<T: BodyRules, const N: usize> BodyRules for [T; N] {
    fn check(&self, path: &Path<'_>, report: &mut Report) {
        self.as_slice().check(path, report);
    }
}

macro_rules! maps {
    ($(($($hasher:ident)?) $map:ty;)*) => {
        $(
            impl<K: Serialize, V: BodyRules $(, $hasher)?> BodyRules for $map {
                fn check(&self, path: &Path<'_>, report: &mut Report) {
                    for (key, value) in self {
                        let key = || to_value(key).map_or_else(|_| String::new(), |key| key_text(&key));
                        value.check(&path.below(Step::Key(&key)), report);
                    }
                }
            }
        )*
    };
}

maps! {
    () BTreeMap<K, V>;
    (S) HashMap<K, V, S>;
}

impl<T: BodyRules> BodyRules for Option<T> {
    fn check(&self, path: &Path<'_>, report: &mut Report) {
        if let Some(value) = self {
            value.check(path, report);
        }
    }
}

impl<T: BodyRules, E: BodyRules> BodyRules for Result<T, E> {
    fn check(&self, path: &Path<'_>, report: &mut Report) {
        const NAMES: (FieldName, FieldName) =
            (FieldName::new("Ok", "Ok"), FieldName::new("Err", "Err"));
        match self {
            Ok(value) => value.check(&path.field(NAMES.0), report),
            Err(error) => error.check(&path.field(NAMES.1), report),
        }
    }
}

impl<T: BodyRules> BodyRules for Nullable<T> {
    fn check(&self, path: &Path<'_>, report: &mut Report) {
        if let Self::Value(value) = self {
            value.check(path, report);
        }
    }
}

impl<T: BodyRules + ToOwned + ?Sized> BodyRules for Cow<'_, T> {
    fn check(&self, path: &Path<'_>, report: &mut Report) {
        (**self).check(path, report);
    }
}

macro_rules! tuples {
    ($(($($element:ident $index:tt),*);)*) => {
        $(
            impl<$($element: BodyRules),*> BodyRules for ($($element,)*) {
                fn check(&self, path: &Path<'_>, report: &mut Report) {
                    $(self.$index.check(&path.index($index), report);)*
                }
            }
        )*
    };
}

tuples! {
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
}

/// Types without rules, for the tuples that they are in.
macro_rules! without_rules {
    ($($type:ty),* $(,)?) => {
        $(
            impl BodyRules for $type {
                #[inline]
                fn check(&self, _: &Path<'_>, _: &mut Report) {}
            }
        )*
    };
}

without_rules! {
    (), bool, char, String, str,
    u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64,
    Amount, Blob, Date, DateTime, Decimal, Map, Time, UtcDateTime, Value,
    Duration, IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SystemTime, PathBuf, uuid::Uuid,
    NonZero<u8>, NonZero<u16>, NonZero<u32>, NonZero<u64>, NonZero<i8>, NonZero<i16>, NonZero<i32>, NonZero<i64>,
}
