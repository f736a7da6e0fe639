//! Arguments of attributes, `name = value, …`, read against a table of what exists.
//!
//! A [`Table`] lists the arguments of one attribute: their names, the kinds of their values, and which are required. One
//! reader serves all attributes. It reports unknown names (with the nearest known one), arguments given twice, arguments
//! without a value or with a value of another kind, and required arguments that are missing.
//!
//! After a mistake it goes on with the next argument. It checks every argument by itself; rules about several are the
//! business of the stages behind it.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::parse::discouraged::Speculative as _;
use syn::{Ident, Lit, LitInt, LitStr, Path, Token, Type, Visibility, token};

use crate::errors::Errors;
use crate::period::Period;
use crate::suggestion;

mod in_parentheses;

/// The kind of value that an argument takes.
#[derive(Clone, Copy)]
pub(crate) enum ValueKind {
    Text,
    /// A text, or a call of `env!` that makes one.
    Version,
    Type,
    Path,
    Visibility,
    /// The number of a switch, or the path of a constant.
    Switch,
    /// A length of time, in quotes.
    Period,
    /// Tokens that this function accepts.
    Tokens(fn(ParseStream<'_>) -> syn::Result<TokenStream>),
    /// Present or absent, without a value.
    Flag,
    /// A text, or several in brackets.
    Texts,
    /// Several texts in parentheses, without `=`.
    List,
    /// Several pairs of texts in parentheses, without `=`.
    Pairs,
    /// The name of a field, without quotes.
    Field,
    /// A status of HTTP.
    Status,
    /// A number from 1 to 255.
    Count,
    /// An argument that only the contract has.
    Contract,
    /// An argument that only an implementation of the contract has.
    Implementation,
}

/// One argument of an attribute.
pub(crate) struct Argument {
    name: &'static str,
    kind: ValueKind,
    required: bool,
    /// True if it may be given several times.
    repeatable: bool,
    /// An example of a value, for messages.
    example: &'static str,
}

/// The arguments of one attribute.
pub(crate) struct Table {
    /// The name of the attribute.
    pub(crate) attribute: &'static str,
    /// Its arguments.
    pub(crate) arguments: &'static [Argument],
}

/// A required argument.
pub(crate) const fn required(
    name: &'static str,
    kind: ValueKind,
    example: &'static str,
) -> Argument {
    Argument {
        name,
        kind,
        required: true,
        repeatable: false,
        example,
    }
}

/// An optional argument.
pub(crate) const fn optional(
    name: &'static str,
    kind: ValueKind,
    example: &'static str,
) -> Argument {
    Argument {
        name,
        kind,
        required: false,
        repeatable: false,
        example,
    }
}

/// An optional argument that may be given several times.
pub(crate) const fn repeatable(
    name: &'static str,
    kind: ValueKind,
    example: &'static str,
) -> Argument {
    let mut argument = optional(name, kind, example);
    argument.repeatable = true;
    argument
}

/// An optional argument without a value.
pub(crate) const fn without_value(name: &'static str, kind: ValueKind) -> Argument {
    Argument {
        name,
        kind,
        required: false,
        repeatable: false,
        example: "",
    }
}

/// The version of a service, as it is written.
pub(crate) enum Version {
    /// A literal, to be checked.
    Literal(LitStr),
    /// A call of `env!`, which only the compiler can evaluate.
    Environment(TokenStream),
}

/// The switch of a variant.
pub(crate) enum Switch {
    /// A literal.
    Number(TokenStream),
    /// The path of a constant.
    Constant(TokenStream),
}

impl Switch {
    /// Returns the switch as it is written.
    pub(crate) fn tokens(&self) -> &TokenStream {
        match self {
            Self::Number(tokens) | Self::Constant(tokens) => tokens,
        }
    }
}

/// The value of an argument.
pub(crate) enum Value {
    Text(LitStr),
    Version(Version),
    Type(Box<Type>),
    Path(Path),
    Visibility(Visibility),
    Switch(Switch),
    /// A length of time, and its place.
    Period(Period, Span),
    Texts(Vec<LitStr>),
    Pairs(Vec<(LitStr, LitStr)>),
    Field(Ident),
    Status(LitInt),
    /// A number, with its place.
    Count(u8, Span),
    Tokens(TokenStream),
    Flag,
    /// A value with a mistake, which has been reported.
    Broken,
}

/// Reads `name = value, …` to the end of the input. Missing arguments are reported at `place`.
pub(crate) fn read(
    table: &Table,
    input: ParseStream<'_>,
    place: Span,
    errors: &mut Errors,
    mut found: impl FnMut(&'static str, Value),
) {
    let mut seen = ReadNames::default();
    while !input.is_empty() {
        let after = input.fork();
        to_separator(&after);
        match one(table, input, &mut seen, errors) {
            Ok(Some((name, value))) => found(name, value),
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
        input.advance_to(&after);
        // It stops at a comma or at the end.
        let _ = input.parse::<Option<Token![,]>>();
    }
    for argument in table.arguments {
        if argument.required && !seen.has(argument.name) {
            errors.at(
                place,
                format_args!(
                    "`{name}` is missing: write `#[{attribute}({name} = {example}, …)]`",
                    name = argument.name,
                    attribute = table.attribute,
                    example = argument.example,
                ),
            );
        }
    }
}

/// The names that were read so far.
#[derive(Default)]
struct ReadNames {
    given: Vec<&'static str>,
    /// The names that misspelled ones were probably meant to be.
    meant: Vec<&'static str>,
}

impl ReadNames {
    /// Returns true if the name was given, or a misspelling of it.
    fn has(&self, name: &str) -> bool {
        self.given.contains(&name) || self.meant.contains(&name)
    }
}

/// Reads one argument; `None` if a mistake in its name was reported.
fn one(
    table: &Table,
    input: ParseStream<'_>,
    seen: &mut ReadNames,
    errors: &mut Errors,
) -> syn::Result<Option<(&'static str, Value)>> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error(format_args!(
            "`#[{}]` takes arguments of the form `name = value`: {}",
            table.attribute,
            table.known(),
        )));
    }
    let ident = input.call(Ident::parse_any)?;
    let Some(argument) = table.find(&ident) else {
        let given = ident.to_string();
        let nearest = table.nearest(&given);
        let advice =
            nearest.map_or_else(|| table.known(), |name| format!("did you mean `{name}`?"));
        errors.at(
            ident.span(),
            format_args!(
                "`{given}` is not an argument of `#[{}]`: {advice}",
                table.attribute
            ),
        );
        seen.meant.extend(nearest);
        return Ok(None);
    };
    let name = argument.name;
    let elsewhere = match argument.kind {
        ValueKind::Contract => Some("is set by the contract: remove it here"),
        ValueKind::Implementation => {
            Some("is about one implementation: write it at the `impl` of this contract")
        }
        _ => None,
    };
    if let Some(elsewhere) = elsewhere {
        errors.at(ident.span(), format_args!("`{name}` {elsewhere}"));
        return Ok(None);
    }
    if seen.given.contains(&name) && !argument.repeatable {
        errors.at(
            ident.span(),
            format_args!("`{name}` is given twice: keep one of them"),
        );
        return Ok(None);
    }
    // It counts as given even if its value is not valid: one error is enough.
    seen.given.push(name);
    let value = argument.given(&ident, input).unwrap_or_else(|error| {
        errors.push(error);
        Value::Broken
    });
    Ok(Some((name, value)))
}

/// Skips to the end of an argument, well formed or not: to a `,` outside of all brackets, angle
/// brackets included.
fn to_separator(input: ParseStream<'_>) {
    let mut depth = 0_usize;
    let mut before = ' ';
    while !input.is_empty() && (depth > 0 || !input.peek(Token![,])) {
        let character = match input.parse() {
            Ok(TokenTree::Punct(punct)) => punct.as_char(),
            _ => ' ',
        };
        match (before, character) {
            (_, '<') => depth += 1,
            // The end of an arrow.
            ('-' | '=', '>') => {}
            (_, '>') => depth = depth.saturating_sub(1),
            _ => {}
        }
        before = character;
    }
}

impl Argument {
    /// Returns the argument with its example, as it is written.
    fn written(&self) -> String {
        let Self { name, example, .. } = self;
        match self.kind {
            ValueKind::List | ValueKind::Pairs => format!("{name}({example})"),
            _ => format!("{name} = {example}"),
        }
    }

    /// Reads the rest of an argument: nothing, `=` and a value, or names in parentheses.
    fn given(&self, ident: &Ident, input: ParseStream<'_>) -> syn::Result<Value> {
        let Self { name, example, .. } = self;
        if matches!(self.kind, ValueKind::Flag) {
            if !input.is_empty() && !input.peek(Token![,]) {
                return Err(input.error(format_args!(
                    "`{name}` takes no value: write `{name}` alone"
                )));
            }
            return Ok(Value::Flag);
        }
        if matches!(self.kind, ValueKind::List | ValueKind::Pairs) {
            return self.in_parentheses(ident, input);
        }
        let needs_value = format!("`{name}` needs a value: write `{name} = {example}`");
        if !input.peek(Token![=]) {
            return Err(syn::Error::new(ident.span(), needs_value));
        }
        let equals: Token![=] = input.parse()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(syn::Error::new_spanned(quote!(#ident #equals), needs_value));
        }
        let value = self.value(input)?;
        if !input.is_empty() && !input.peek(Token![,]) {
            return Err(input.error(format_args!("expected `,` after the value of `{name}`")));
        }
        Ok(value)
    }

    fn value(&self, input: ParseStream<'_>) -> syn::Result<Value> {
        let Self { name, example, .. } = self;
        match self.kind {
            ValueKind::Text => self.text(input).map(Value::Text),
            ValueKind::Version if input.peek(Lit) => self
                .text(input)
                .map(|text| Value::Version(Version::Literal(text))),
            ValueKind::Version => {
                let call = input.fork().parse::<syn::Macro>();
                if call.is_ok_and(|call| {
                    call.path
                        .segments
                        .last()
                        .is_some_and(|segment| segment.ident == "env")
                }) {
                    let call = input.parse::<syn::Macro>()?;
                    return Ok(Value::Version(Version::Environment(
                        call.into_token_stream(),
                    )));
                }
                Err(input.error(format_args!(
                    "`{name}` takes text in quotes, or `env!(\"CARGO_PKG_VERSION\")`: write `{name} = {example}`"
                )))
            }
            ValueKind::Type if input.peek(Lit) => Err(input.error(format_args!(
                "`{name}` takes a type, without quotes: write `{name} = {example}`"
            ))),
            ValueKind::Type => {
                let start = input.fork();
                let ty = input.parse().map_err(|_| {
                    start.error(format_args!(
                        "`{name}` takes a type: write `{name} = {example}`"
                    ))
                })?;
                Ok(Value::Type(ty))
            }
            ValueKind::Path if input.peek(Lit) => Err(input.error(format_args!(
                "`{name}` takes a path, without quotes: write `{name} = {example}`"
            ))),
            ValueKind::Path => {
                let start = input.fork();
                let path = input.call(Path::parse_mod_style).map_err(|_| {
                    start.error(format_args!(
                        "`{name}` takes a path: write `{name} = {example}`"
                    ))
                })?;
                Ok(Value::Path(path))
            }
            ValueKind::Visibility => match input.parse()? {
                Visibility::Inherited => Err(input.error(format_args!(
                    "`{name}` takes a visibility: write `{name} = {example}`"
                ))),
                visibility => Ok(Value::Visibility(visibility)),
            },
            ValueKind::Switch => self.switch(input).map(Value::Switch),
            ValueKind::Period => {
                let place = input.span();
                self.period(input).map(|time| Value::Period(time, place))
            }
            ValueKind::Texts => self.texts(input).map(Value::Texts),
            ValueKind::Field if input.peek(Ident::peek_any) => {
                input.call(Ident::parse_any).map(Value::Field)
            }
            ValueKind::Field => Err(input.error(format_args!(
                "`{name}` takes the name of a field, without quotes, or `whole`: write `{name} = {example}`"
            ))),
            ValueKind::Status => self.status(input).map(Value::Status),
            ValueKind::Count => self.count(input),
            ValueKind::Tokens(read) => {
                let start = input.fork();
                read(input).map(Value::Tokens).map_err(|error| {
                    start.error(format_args!("{error}: write `{name} = {example}`"))
                })
            }
            // These are handled before their value is read.
            ValueKind::Flag
            | ValueKind::Contract
            | ValueKind::Implementation
            | ValueKind::List
            | ValueKind::Pairs => {
                Err(input.error(format_args!("`{name}` takes no value")))
            }
        }
    }

    fn switch(&self, input: ParseStream<'_>) -> syn::Result<Switch> {
        let Self { name, example, .. } = self;
        let start = input.fork();
        let rule = format!(
            "`{name}` takes a number, or the name of a constant of type `Switch`: write `{name} = 5` or `{name} = {example}`"
        );
        let minus: Option<Token![-]> = input.parse()?;
        if input.peek(LitInt) {
            let number: LitInt = input.parse()?;
            if number.base10_digits() == "0" {
                return Err(syn::Error::new_spanned(
                    number,
                    "switch `0` is never active: use another number, or remove `switch` to make this the default variant",
                ));
            }
            return Ok(Switch::Number(quote!(#minus #number)));
        }
        if minus.is_none() && !input.peek(Lit) {
            let path = input
                .call(Path::parse_mod_style)
                .map_err(|_| start.error(&rule))?;
            if let Some(first) = path.segments.first()
                && first.ident == "Self"
            {
                return Err(syn::Error::new_spanned(
                    &first.ident,
                    "`Self` is another type in the client: define the constant outside of the service",
                ));
            }
            if !input.peek(token::Paren) {
                return Ok(Switch::Constant(path.to_token_stream()));
            }
        }
        Err(start.error(rule))
    }

    fn period(&self, input: ParseStream<'_>) -> syn::Result<Period> {
        let Self { name, example, .. } = self;
        let rule = "a time is a number and a unit of `ms`, `s`, `m` or `h`, or several of them as in `1m 30s`";
        if input.peek(Lit) && !input.peek(LitStr) {
            let number: Lit = input.parse()?;
            return Err(syn::Error::new_spanned(
                &number,
                format_args!("`{name}` takes a time, in quotes: write `{name} = {example}`"),
            ));
        }
        let text = self.text(input)?;
        let written = text.value();
        match Period::read(&written) {
            None => Err(syn::Error::new(
                text.span(),
                format_args!("`{written}` is not a time: write `{name} = {example}`; {rule}"),
            )),
            Some(time) if time.is_zero() => Err(syn::Error::new(
                text.span(),
                format_args!(
                    "`{name}` must be longer than zero: write `{name} = {example}`, or remove it"
                ),
            )),
            Some(time) => Ok(time),
        }
    }

    fn status(&self, input: ParseStream<'_>) -> syn::Result<LitInt> {
        let Self { name, example, .. } = self;
        let rule = format!(
            "`{name}` takes a status of HTTP, a number from 100 to 599: write `{name} = {example}`"
        );
        if !input.peek(LitInt) {
            return Err(input.error(rule));
        }
        let status: LitInt = input.parse()?;
        match status.base10_parse::<u16>() {
            Ok(100..=599) if status.suffix().is_empty() => Ok(status),
            _ => Err(syn::Error::new(status.span(), rule)),
        }
    }

    fn count(&self, input: ParseStream<'_>) -> syn::Result<Value> {
        let Self { name, example, .. } = self;
        let rule = format!("`{name}` takes a number from 1 to 255: write `{name} = {example}`");
        if !input.peek(LitInt) {
            return Err(input.error(rule));
        }
        let count: LitInt = input.parse()?;
        match count.base10_parse::<u8>() {
            Ok(number @ 1..) if count.suffix().is_empty() => Ok(Value::Count(number, count.span())),
            _ => Err(syn::Error::new(count.span(), rule)),
        }
    }

    fn texts(&self, input: ParseStream<'_>) -> syn::Result<Vec<LitStr>> {
        let Self { name, example, .. } = self;
        if !input.peek(token::Bracket) {
            if input.peek(LitStr) {
                return self.text(input).map(|text| vec![text]);
            }
            return Err(input.error(format_args!(
                "`{name}` takes text in quotes, or a list of texts in brackets: write `{name} = {example}` or `{name} = [{example}, …]`"
            )));
        }
        let list;
        let brackets = syn::bracketed!(list in input);
        self.list(&list, brackets.span.join())
    }

    /// Reads the texts between brackets, at least one.
    fn list(&self, list: ParseStream<'_>, brackets: Span) -> syn::Result<Vec<LitStr>> {
        let texts = self.items(list);
        // Tokens left over would be another error.
        list.parse::<TokenStream>()?;
        let texts = texts?;
        if texts.is_empty() {
            return Err(syn::Error::new(
                brackets,
                format_args!(
                    "`{}` is empty: write `{}`, or remove it",
                    self.name,
                    self.written()
                ),
            ));
        }
        Ok(texts)
    }

    fn items(&self, list: ParseStream<'_>) -> syn::Result<Vec<LitStr>> {
        let mut texts = Vec::new();
        while !list.is_empty() {
            texts.push(self.text(list)?);
            if !list.is_empty() && list.parse::<Option<Token![,]>>()?.is_none() {
                return Err(list.error(format_args!(
                    "expected `,` between the texts of `{}`",
                    self.name
                )));
            }
        }
        Ok(texts)
    }

    fn text(&self, input: ParseStream<'_>) -> syn::Result<LitStr> {
        let Self { name, .. } = self;
        if input.peek(LitStr) {
            let text: LitStr = input.parse()?;
            if text.suffix().is_empty() {
                return Ok(text);
            }
            return Err(syn::Error::new(
                text.span(),
                format_args!(
                    "`{name}` takes plain text: remove the suffix `{}`",
                    text.suffix()
                ),
            ));
        }
        Err(input.error(format_args!(
            "`{name}` takes text in quotes: write `{}`",
            self.written()
        )))
    }
}

impl Table {
    fn find(&self, ident: &Ident) -> Option<&'static Argument> {
        self.arguments
            .iter()
            .find(|argument| ident == argument.name)
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.arguments
            .iter()
            .filter(|argument| {
                !matches!(
                    argument.kind,
                    ValueKind::Contract | ValueKind::Implementation
                )
            })
            .map(|argument| argument.name)
    }

    /// Returns the list of known names, for messages.
    fn known(&self) -> String {
        let names: Vec<String> = self.names().map(|name| format!("`{name}`")).collect();
        match names.as_slice() {
            [only] => format!("expected {only}"),
            names => format!("expected one of {}", names.join(", ")),
        }
    }

    /// Returns the name that was probably meant.
    fn nearest(&self, given: &str) -> Option<&'static str> {
        suggestion::nearest(given, self.names())
    }
}
