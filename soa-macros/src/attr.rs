//! The arguments of `#[service(…)]` and `#[action(…)]`.
//!
//! What exists is said once, in the tables [`SERVICE`], [`IMPLEMENTATION`] and [`ACTION`]: the name
//! of each argument, what kind of value it takes, and whether it must be there. One reader serves
//! all, and tells everything that can be wrong with a list of arguments: an unknown name (with the nearest known
//! one), one given twice, one without a value or with a value of another kind, a required one left
//! out. After a mistake it goes on with the next argument.
//!
//! Names that are spoken for but do nothing yet are in the tables too, so that they get a better
//! answer than "unknown".

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::parse::discouraged::Speculative as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, Ident, Lit, LitInt, LitStr, Meta, Path, Token, Type, Visibility, token};

use crate::errors::Errors;
use crate::model::Switch;

/// What kind of value an argument takes.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Text,
    /// A text, or a call of `env!` that makes one.
    Version,
    Type,
    Path,
    Visibility,
    /// The number of a switch, or the path of a constant.
    Switch,
    /// Given or not, without a value.
    Flag,
    /// The name is reserved for later.
    Reserved,
    /// The argument belongs to the contract.
    Contract,
}

pub(crate) struct Argument {
    name: &'static str,
    kind: Kind,
    required: bool,
    /// How a value looks, for messages.
    example: &'static str,
}

pub(crate) struct Table {
    /// What it is called.
    pub(crate) attribute: &'static str,
    /// What it takes.
    pub(crate) arguments: &'static [Argument],
}

const fn required(name: &'static str, kind: Kind, example: &'static str) -> Argument {
    Argument {
        name,
        kind,
        required: true,
        example,
    }
}

/// An argument that may be left out.
pub(crate) const fn optional(name: &'static str, kind: Kind, example: &'static str) -> Argument {
    Argument {
        name,
        kind,
        required: false,
        example,
    }
}

/// An argument that takes no value, whatever else is the matter with it.
pub(crate) const fn bare(name: &'static str, kind: Kind) -> Argument {
    Argument {
        name,
        kind,
        required: false,
        example: "",
    }
}

const SERVICE: Table = Table {
    attribute: "service",
    arguments: &[
        required("name", Kind::Text, "\"example\""),
        required("version", Kind::Version, "\"1.0.0\""),
        optional("crate", Kind::Path, "::soa"),
        optional("vis", Kind::Visibility, "pub(crate)"),
    ],
};

/// `#[service]` on the `impl` of a contract, which says everything itself.
const IMPLEMENTATION: Table = Table {
    attribute: "service",
    arguments: &[
        bare("name", Kind::Contract),
        bare("version", Kind::Contract),
        optional("crate", Kind::Path, "::soa"),
        bare("vis", Kind::Contract),
    ],
};

const ACTION: Table = Table {
    attribute: "action",
    arguments: &[
        optional("name", Kind::Text, "\"square\""),
        optional("request", Kind::Type, "SquareRequest"),
        optional("response", Kind::Type, "SquareResponse"),
        optional("switch", Kind::Switch, "USER_V2"),
        bare("blocking", Kind::Flag),
        bare("cached", Kind::Reserved),
        bare("idempotent", Kind::Reserved),
        bare("requires", Kind::Reserved),
        bare("timeout", Kind::Reserved),
    ],
};

/// The version of a service, as it was written.
pub(crate) enum Version {
    /// A literal, to be checked.
    Literal(LitStr),
    /// A call of `env!`, which only the compiler can look into.
    Environment(TokenStream),
}

/// What `#[service(…)]` was given.
#[derive(Default)]
pub(crate) struct ServiceArguments {
    /// The name on the wire.
    pub(crate) name: Option<LitStr>,
    /// The service's own version.
    pub(crate) version: Option<Version>,
    /// Where the framework is.
    pub(crate) crate_path: Option<Path>,
    /// The visibility of the client.
    pub(crate) visibility: Option<Visibility>,
}

/// What `#[action(…)]` was given.
#[derive(Default)]
pub(crate) struct ActionArguments {
    /// The name on the wire.
    pub(crate) name: Option<LitStr>,
    /// The request's type, to be compared with the signature's.
    pub(crate) request: Option<Type>,
    /// The response's type, to be compared with the signature's.
    pub(crate) response: Option<Type>,
    /// What selects this variant of the action.
    pub(crate) switch: Option<Switch>,
    /// Whether it is a variant with a switch, be the switch readable or not.
    pub(crate) has_switch: bool,
    /// Whether the handler blocks its thread.
    pub(crate) blocking: bool,
}

/// The value of an argument.
pub(crate) enum Value {
    Text(LitStr),
    Version(Version),
    Type(Box<Type>),
    Path(Path),
    Visibility(Visibility),
    Switch(Switch),
    Flag,
    /// It was given and is no good, which has been reported.
    Broken,
}

/// Reads the arguments of `#[service]` on an inherent `impl` block or a contract.
pub(crate) fn service(tokens: TokenStream, errors: &mut Errors) -> ServiceArguments {
    service_by(&SERVICE, tokens, errors)
}

/// Reads the arguments of `#[service]` on the `impl` of a contract.
pub(crate) fn implementation(tokens: TokenStream, errors: &mut Errors) -> ServiceArguments {
    service_by(&IMPLEMENTATION, tokens, errors)
}

fn service_by(table: &'static Table, tokens: TokenStream, errors: &mut Errors) -> ServiceArguments {
    let mut arguments = ServiceArguments::default();
    let read = |input: ParseStream<'_>| {
        read(
            table,
            input,
            Span::call_site(),
            errors,
            |name, value| match (name, value) {
                ("name", Value::Text(text)) => arguments.name = Some(text),
                (_, Value::Version(version)) => arguments.version = Some(version),
                (_, Value::Path(path)) => arguments.crate_path = Some(path),
                (_, Value::Visibility(visibility)) => arguments.visibility = Some(visibility),
                _ => {}
            },
        );
        Ok(())
    };
    if let Err(error) = read.parse2(tokens) {
        errors.push(error);
    }
    arguments
}

/// Reads the arguments of one `#[action]`.
pub(crate) fn action(attribute: &Attribute, errors: &mut Errors) -> ActionArguments {
    let mut arguments = ActionArguments::default();
    match &attribute.meta {
        Meta::Path(_) => {}
        Meta::NameValue(meta) => {
            errors.on(
                meta,
                "`#[action]` takes its arguments in parentheses: write `#[action(name = \"…\")]`",
            );
        }
        Meta::List(list) => {
            let place = list.delimiter.span().close();
            let read = list.parse_args_with(|input: ParseStream<'_>| {
                read(&ACTION, input, place, errors, |name, value| {
                    match (name, value) {
                        ("name", Value::Text(text)) => arguments.name = Some(text),
                        ("request", Value::Type(request)) => arguments.request = Some(*request),
                        ("response", Value::Type(response)) => arguments.response = Some(*response),
                        (_, Value::Switch(switch)) => arguments.switch = Some(switch),
                        ("blocking", _) => arguments.blocking = true,
                        _ => {}
                    }
                    arguments.has_switch |= name == "switch";
                });
                Ok(())
            });
            if let Err(error) = read {
                errors.push(error);
            }
        }
    }
    arguments
}

/// Reads `name = value, …` to the end of the input. `place` is where a missing argument is
/// reported.
pub(crate) fn read(
    table: &Table,
    input: ParseStream<'_>,
    place: Span,
    errors: &mut Errors,
    mut found: impl FnMut(&'static str, Value),
) {
    let mut seen = Seen::default();
    while !input.is_empty() {
        let after = input.fork();
        to_separator(&after);
        match one(table, input, &mut seen, errors) {
            Ok(Some((name, value))) => found(name, value),
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
        input.advance_to(&after);
        // There is nothing else that it could have stopped at.
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

/// The names that were come across.
#[derive(Default)]
struct Seen {
    given: Vec<&'static str>,
    /// Those that a misspelled one was probably to be.
    meant: Vec<&'static str>,
}

impl Seen {
    /// Whether it is there, well spelled or not.
    fn has(&self, name: &str) -> bool {
        self.given.contains(&name) || self.meant.contains(&name)
    }
}

/// Reads one argument. `None` is one that was reported, or that is good for nothing.
fn one(
    table: &Table,
    input: ParseStream<'_>,
    seen: &mut Seen,
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
    let refusal = match argument.kind {
        Kind::Reserved => format!(
            "`{name}` is not supported yet by `#[{}]`: remove it",
            table.attribute
        ),
        Kind::Contract => {
            format!("`{name}` belongs to the contract, which has it already: remove it here")
        }
        _ => String::new(),
    };
    if !refusal.is_empty() {
        errors.at(ident.span(), refusal);
        return Ok(None);
    }
    if seen.given.contains(&name) {
        errors.at(
            ident.span(),
            format_args!("`{name}` is given twice: keep one of them"),
        );
        return Ok(None);
    }
    // From here on it counts as given, even where its value is no good: one error is enough.
    seen.given.push(name);
    let value = argument.given(&ident, input).unwrap_or_else(|error| {
        errors.push(error);
        Value::Broken
    });
    Ok(Some((name, value)))
}

/// Goes to the end of an argument, be it well formed or not: to a `,` outside of brackets, angle
/// brackets among them.
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
    /// What is behind the name: nothing, or `=` and a value.
    fn given(&self, ident: &Ident, input: ParseStream<'_>) -> syn::Result<Value> {
        let Self { name, example, .. } = self;
        if matches!(self.kind, Kind::Flag) {
            if !input.is_empty() && !input.peek(Token![,]) {
                return Err(input.error(format_args!(
                    "`{name}` takes no value: write `{name}` alone"
                )));
            }
            return Ok(Value::Flag);
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
            return Err(input.error(format_args!(
                "the value of `{name}` ends before this: put a `,` between the arguments"
            )));
        }
        Ok(value)
    }

    fn value(&self, input: ParseStream<'_>) -> syn::Result<Value> {
        let Self { name, example, .. } = self;
        match self.kind {
            Kind::Text => self.text(input).map(Value::Text),
            Kind::Version if input.peek(Lit) => self
                .text(input)
                .map(|text| Value::Version(Version::Literal(text))),
            Kind::Version => {
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
            Kind::Type if input.peek(Lit) => Err(input.error(format_args!(
                "`{name}` takes a type, without quotes: write `{name} = {example}`"
            ))),
            Kind::Type => {
                let start = input.fork();
                let ty = input.parse().map_err(|_| {
                    start.error(format_args!(
                        "`{name}` takes a type, which this is not, or not yet: write `{name} = {example}`"
                    ))
                })?;
                Ok(Value::Type(ty))
            }
            Kind::Path if input.peek(Lit) => Err(input.error(format_args!(
                "`{name}` takes a path, without quotes: write `{name} = {example}`"
            ))),
            Kind::Path => Ok(Value::Path(input.call(Path::parse_mod_style)?)),
            Kind::Visibility => match input.parse()? {
                Visibility::Inherited => Err(input.error(format_args!(
                    "`{name}` takes a visibility: write `{name} = {example}`"
                ))),
                visibility => Ok(Value::Visibility(visibility)),
            },
            Kind::Switch => self.switch(input).map(Value::Switch),
            // These are answered before their value is looked at.
            Kind::Flag | Kind::Reserved | Kind::Contract => {
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
                    "`0` is a switch that is never on: use another number, or remove `switch` to make this the default variant",
                ));
            }
            return Ok(Switch::Number(quote!(#minus #number)));
        }
        if minus.is_none() && !input.peek(Lit) {
            let path = input.call(Path::parse_mod_style)?;
            if let Some(first) = path.segments.first()
                && first.ident == "Self"
            {
                return Err(syn::Error::new_spanned(
                    &first.ident,
                    "`Self` means something else in the client: put the constant beside the service",
                ));
            }
            if !input.peek(token::Paren) {
                return Ok(Switch::Constant(path.to_token_stream()));
            }
        }
        Err(start.error(rule))
    }

    fn text(&self, input: ParseStream<'_>) -> syn::Result<LitStr> {
        let Self { name, example, .. } = self;
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
            "`{name}` takes text in quotes: write `{name} = {example}`"
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
            .filter(|argument| !matches!(argument.kind, Kind::Reserved | Kind::Contract))
            .map(|argument| argument.name)
    }

    /// The list of what may be given, for messages.
    fn known(&self) -> String {
        let names: Vec<String> = self.names().map(|name| format!("`{name}`")).collect();
        format!("it knows {}", names.join(", "))
    }

    /// The name that was probably meant.
    fn nearest(&self, given: &str) -> Option<&'static str> {
        let (distance, name) = self
            .names()
            .map(|name| (distance(given, name), name))
            .min_by_key(|(distance, _)| *distance)?;
        // Up to a third of the letters wrong is a slip, more is another word.
        (distance * 3 <= name.len().max(3)).then_some(name)
    }
}

/// How many letters must be put in, taken out or replaced to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (line, left) in from.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        let mut next = vec![before];
        for (right, above) in to.chars().zip(row.iter().skip(1)) {
            before = (diagonal + usize::from(left != right))
                .min(above + 1)
                .min(before + 1);
            diagonal = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
