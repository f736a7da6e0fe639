//! What the generator works from: a service and its actions, with all defaults resolved.
//!
//! The model knows nothing of the item that it was read from. It holds names, types and attributes
//! that are passed on, and states instead of syntax: an action has a context argument or has not, a
//! version is an expression. Only `validate` makes one, so what is here has passed all rules; where
//! a rule was broken, it holds as much as can still be generated: an action with a mistake in it keeps its
//! place in the client ([`Soundness`]), so that the calls of it do not turn into errors as well.

use proc_macro2::TokenStream;
use syn::{Attribute, Generics, Ident, LitStr, Path, Type};

use crate::argument::Switch;
use crate::period::Period;

/// A service that keeps a contract. Everything else about it is in the contract.
pub(crate) struct Implementation {
    /// The path under which generated code finds the framework.
    pub(crate) crate_path: TokenStream,
    /// The trait.
    pub(crate) contract: Path,
    /// The type that implements it.
    pub(crate) self_type: Type,
    /// The parameters of the block, with the bounds of a service.
    pub(crate) generics: Generics,
    /// In the order in which they were written.
    pub(crate) checks: Vec<Check>,
}

/// Where the handlers of a service are.
pub(crate) enum ServiceForm {
    /// In an inherent `impl` block.
    Inherent {
        /// The type that has the handlers.
        self_type: Box<Type>,
        /// The parameters of the block, with the bounds of a service.
        generics: Generics,
    },
    /// In whoever implements this trait.
    Contract,
}

/// A service, or a contract.
pub(crate) struct Service {
    /// The path under which generated code finds the framework.
    pub(crate) crate_path: TokenStream,
    /// The name on the wire, a literal.
    pub(crate) name: TokenStream,
    /// The same as text, for the documentation.
    pub(crate) display_name: String,
    /// The service's version, an expression of type `&'static str`.
    pub(crate) version: TokenStream,
    /// Whether the version was written down; otherwise it is that of the crate.
    pub(crate) has_version: bool,
    /// The doc comment, an expression of type `&'static str`.
    pub(crate) documentation: Option<TokenStream>,
    /// Doc comment and lint levels, for generated items.
    pub(crate) attributes: Vec<Attribute>,
    /// Where its handlers are.
    pub(crate) form: ServiceForm,
    /// The name of the client.
    pub(crate) client: Ident,
    /// The visibility of the client.
    pub(crate) visibility: TokenStream,
    /// In the order in which they were written.
    pub(crate) actions: Vec<Action>,
    /// The health checks, in the order in which they were written.
    pub(crate) checks: Vec<Check>,
}

impl Service {
    /// The actions that can be served.
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
    /// What selects it among the variants of one name.
    pub(crate) switch: Option<Switch>,
    /// The handler, and the client's method.
    pub(crate) method: Ident,
    /// The constant that holds the handle.
    pub(crate) constant: Ident,
    /// The request; `None` is an action without one.
    pub(crate) request: Option<Type>,
    /// What the context argument refers to, if there is one.
    pub(crate) context: Option<Type>,
    /// What the handler returns when all goes well.
    pub(crate) response: Type,
    /// What it returns otherwise, where the signature says so.
    pub(crate) error: Option<Type>,
    /// Types that the attribute repeats, to be compared with those of the signature.
    pub(crate) comparisons: Vec<Comparison>,
    /// The doc comment, an expression of type `&'static str`.
    pub(crate) documentation: Option<TokenStream>,
    /// The doc attributes, for the client's method.
    pub(crate) doc_attributes: Vec<Attribute>,
    /// `#[cfg]`, for everything that is generated for the action.
    pub(crate) conditions: Vec<Attribute>,
    /// `#[deprecated]` and lint levels, for generated items.
    pub(crate) attributes: Vec<Attribute>,
    /// Whether it is marked as deprecated, an expression, where it is or may be.
    pub(crate) deprecated: Option<TokenStream>,
    /// Whether the handler blocks its thread.
    pub(crate) blocking: bool,
    /// How long the handler may take.
    pub(crate) timeout: Option<Period>,
    /// What it declares besides.
    pub(crate) declared: Declared,
    /// What there is to be made of it.
    pub(crate) soundness: Soundness,
}

/// What an action declares besides its types.
pub(crate) struct Declared {
    /// The permissions that a caller needs, literals.
    pub(crate) requires: Vec<LitStr>,
    /// Whether it may be run more than once for one call.
    pub(crate) idempotent: bool,
    /// How long an answer may be used again.
    pub(crate) cache: Option<Period>,
}

/// How much of an action can be generated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Soundness {
    /// All of it.
    Sound,
    /// What callers see. The handler cannot be called as handlers are.
    NotCallable,
    /// The client's method alone, which does nothing, as types or names are not what they should be.
    MethodOnly,
}

/// One health check.
pub(crate) struct Check {
    /// What it is called, a literal.
    pub(crate) name: TokenStream,
    /// The method.
    pub(crate) method: Ident,
    /// What the context argument refers to, if there is one.
    pub(crate) context: Option<Type>,
    /// What it returns, where that can be named elsewhere.
    pub(crate) output: Option<Type>,
    /// How long a result is kept.
    pub(crate) cached: Option<Period>,
    /// When it counts as slow.
    pub(crate) slow_after: Option<Period>,
    /// When it is given up.
    pub(crate) timeout: Option<Period>,
    /// `#[cfg]`, for what is generated for it.
    pub(crate) conditions: Vec<Attribute>,
}

/// One type that was written twice.
pub(crate) struct Comparison {
    /// In the attribute.
    pub(crate) declared: Type,
    /// In the signature.
    pub(crate) actual: Type,
}
