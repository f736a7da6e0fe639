//! The input of code generation: a service and its actions, with all defaults resolved.
//!
//! The model does not refer to the item that it was read from. It has the names, types and attributes that generated
//! code repeats, and facts instead of syntax: an action has a context argument or not, a version is an expression.
//!
//! Only `validate` makes a model, so everything in it follows the rules. An action that breaks one stays in the model with
//! as much as can still be generated ([`Soundness`]): its method stays in the client, so that calls of it are not errors as
//! well.

use proc_macro2::TokenStream;
use syn::{Attribute, Generics, Ident, LitInt, LitStr, Path, Type};

use crate::argument::Switch;
use crate::period::Period;
use crate::verb::Verb;

/// The `impl` of a contract. Everything else about the service is in the contract.
pub(crate) struct Implementation {
    /// The path of the framework in generated code.
    pub(crate) crate_path: TokenStream,
    /// The trait.
    pub(crate) contract: Path,
    /// The type that implements it.
    pub(crate) self_type: Type,
    /// The parameters of the block, with the bounds of a service.
    pub(crate) generics: Generics,
    /// The health checks, in the order of the source.
    pub(crate) checks: Vec<Check>,
    /// The services that the handlers call, literals.
    pub(crate) calls: Vec<LitStr>,
}

/// The form of a service: the kind of item that has its handlers.
pub(crate) enum ServiceForm {
    /// An inherent `impl` block.
    Inherent {
        /// The type that has the handlers.
        self_type: Box<Type>,
        /// The parameters of the block, with the bounds of a service.
        generics: Generics,
    },
    /// A trait, whose implementations have the handlers.
    Contract,
}

/// A service, or a contract.
pub(crate) struct Service {
    /// The path of the framework in generated code.
    pub(crate) crate_path: TokenStream,
    /// The name on the wire, a literal.
    pub(crate) name: TokenStream,
    /// The same as text, for the documentation.
    pub(crate) display_name: String,
    /// The name of the type or the trait.
    pub(crate) type_name: String,
    /// The prefix of all routes, a literal.
    pub(crate) rest: Option<LitStr>,
    /// The package in protobuf, a literal.
    pub(crate) package: Option<LitStr>,
    /// The component that offers it, a literal.
    pub(crate) component: Option<LitStr>,
    /// The service's version, an expression of type `&'static str`.
    pub(crate) version: TokenStream,
    /// True if the version is written in the attribute; otherwise it is the version of the crate.
    pub(crate) has_version: bool,
    /// The doc comment, an expression of type `&'static str`.
    pub(crate) documentation: Option<TokenStream>,
    /// Doc comment and lint levels, for generated items.
    pub(crate) attributes: Vec<Attribute>,
    /// The form of the service.
    pub(crate) form: ServiceForm,
    /// The name of the client.
    pub(crate) client: Ident,
    /// The visibility of the client.
    pub(crate) visibility: TokenStream,
    /// The actions, in the order of the source.
    pub(crate) actions: Vec<Action>,
    /// The health checks, in the order of the source.
    pub(crate) checks: Vec<Check>,
    /// The services that the handlers call, literals.
    pub(crate) calls: Vec<LitStr>,
}

impl Service {
    /// Returns the actions that a server can serve.
    pub(crate) fn sound_actions(&self) -> impl Iterator<Item = &Action> {
        self.actions
            .iter()
            .filter(|action| action.soundness == Soundness::Sound)
    }
}

/// One action.
pub(crate) struct Action {
    /// The name on the wire, a literal.
    pub(crate) name: TokenStream,
    /// The same as text, for the documentation.
    pub(crate) display_name: String,
    /// The switch that selects it among the variants of one name.
    pub(crate) switch: Option<Switch>,
    /// The name of the handler and of the client's method.
    pub(crate) method: Ident,
    /// The constant that holds the handle.
    pub(crate) constant: Ident,
    /// The request; `None` is an action without one.
    pub(crate) request: Option<Type>,
    /// The type behind the reference of the context argument, if there is one.
    pub(crate) context: Option<Type>,
    /// The response.
    pub(crate) response: Type,
    /// The error type of the handler, if the signature names it.
    pub(crate) error: Option<Type>,
    /// The types that the attribute repeats, to be compared with those of the signature.
    pub(crate) comparisons: Vec<Comparison>,
    /// The doc comment, an expression of type `&'static str`.
    pub(crate) documentation: Option<TokenStream>,
    /// The doc attributes, for the client's method.
    pub(crate) doc_attributes: Vec<Attribute>,
    /// `#[cfg]`, for everything that is generated for the action.
    pub(crate) conditions: Vec<Attribute>,
    /// `#[deprecated]` and lint levels, for generated items.
    pub(crate) attributes: Vec<Attribute>,
    /// An expression that is true if the action is deprecated; `None` if it is not.
    pub(crate) deprecated: Option<TokenStream>,
    /// True if the handler blocks its thread.
    pub(crate) blocking: bool,
    /// The timeout of the handler.
    pub(crate) timeout: Option<Period>,
    /// Its other declarations.
    pub(crate) declared: Declared,
    /// The parts that can be generated.
    pub(crate) soundness: Soundness,
}

/// The declarations of an action besides its types.
pub(crate) struct Declared {
    /// The permissions that a caller needs, literals.
    pub(crate) requires: Vec<LitStr>,
    /// True if the action may run more than once for one call.
    pub(crate) idempotent: bool,
    /// The number of crashes after which a job is not run again.
    pub(crate) crash_limit: Option<u8>,
    /// The time for which a response may be reused.
    pub(crate) cache: Option<Period>,
    /// The properties for HTTP, if there are any.
    pub(crate) http: Option<Http>,
}

/// The properties of an action for HTTP.
pub(crate) struct Http {
    /// The routes, in the order of the source.
    pub(crate) routes: Vec<Route>,
    /// The part of the request that is the body.
    pub(crate) body: Option<Part>,
    /// The part of the response that is the result.
    pub(crate) result: Option<Part>,
    /// The status of a success.
    pub(crate) status: Option<LitInt>,
    /// The headers of a success.
    pub(crate) headers: Vec<(LitStr, LitStr)>,
    /// The summary in place of that of the doc comment.
    pub(crate) summary: Option<LitStr>,
    /// The description in place of the doc comment.
    pub(crate) description: Option<LitStr>,
    /// The groups in descriptions.
    pub(crate) tags: Vec<LitStr>,
}

/// A route to an action.
pub(crate) struct Route {
    /// The method of HTTP.
    pub(crate) verb: Verb,
    /// The path, with the names of fields in braces.
    pub(crate) path: LitStr,
}

/// A part of a request or a response.
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// The field with this name on the wire.
    Field(LitStr),
}

/// The parts of an action that can be generated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Soundness {
    /// All of it.
    Sound,
    /// The client's part. The handler has a mistake, so that a server cannot call it.
    NotCallable,
    /// The client's method alone, with a body that does nothing, as a type or a name has a mistake.
    MethodOnly,
}

/// One health check.
pub(crate) struct Check {
    /// The name, a literal.
    pub(crate) name: TokenStream,
    /// The method.
    pub(crate) method: Ident,
    /// The type behind the reference of the context argument, if there is one.
    pub(crate) context: Option<Type>,
    /// The type of the result, unless it is an `impl Trait`.
    pub(crate) output: Option<Type>,
    /// The time for which a result is reused.
    pub(crate) cached: Option<Period>,
    /// The duration from which the check is reported as slow.
    pub(crate) slow_after: Option<Period>,
    /// The timeout of the check.
    pub(crate) timeout: Option<Period>,
    /// The duration from which the check fails, though it goes on.
    pub(crate) fail_if_slower_than: Option<Period>,
    /// `#[cfg]`, for everything that is generated for the check.
    pub(crate) conditions: Vec<Attribute>,
}

/// A type that is written twice.
pub(crate) struct Comparison {
    /// The type in the attribute.
    pub(crate) declared: Type,
    /// The type in the signature.
    pub(crate) actual: Type,
}
