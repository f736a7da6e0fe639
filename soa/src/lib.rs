//! **soa**: queue-based RPC services that speak the protocol of PySOA 1.4.9.
//!
//! A service is an ordinary value. Put [`#[service]`](macro@service) on an `impl` block of its type and
//! [`#[action]`](macro@action) on the methods that callers may use, and you get a registry that a [`Server`] runs, a
//! client with one typed method per action, and validation of requests and responses.
//!
//! ```
//! use garde::Validate;
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use soa::{ActionError, service};
//!
//! #[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Greeting {
//!     #[garde(length(chars, min = 1, max = 40))]
//!     text: String,
//! }
//!
//! struct Greeter;
//!
//! #[service(name = "greeter", version = "1.0.0")]
//! impl Greeter {
//!     /// Greets somebody.
//!     #[action]
//!     async fn greet(&self, name: Greeting) -> Result<Greeting, ActionError> {
//!         Ok(Greeting { text: format!("Hello, {}", name.text) })
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let greeter = GreeterClient::local(Greeter);
//! assert_eq!(greeter.greet(Greeting { text: "Ada".into() }).await?.text, "Hello, Ada");
//!
//! let error = greeter.greet(Greeting { text: String::new() }).await.unwrap_err();
//! assert_eq!(error.errors()[0].field.as_deref(), Some("text"));
//! # Ok(()) }
//! ```
//!
//! The words of the protocol: a **job** is what travels, one or more **actions** for one service, run in order. Its
//! **context** (correlation id, switches, your own keys) flows down to every service that is called in turn; its
//! **control** header says how this one job is run.
//!
//! # Where to find what
//!
//! * Guides: [`docs`], of which [getting started](docs::getting_started) is the first; for people who know PySOA,
//!   [the table of names](docs::from_pysoa).
//! * Serving: [`Server`], [`Context`], [`ActionError`], [`middleware`].
//! * Calling: [`Client`], the generated typed clients, [`ClientError`], [`client`].
//! * Values and messages: [`Value`], [`value!`], the wire's own types ([`DateTime`], [`Decimal`], [`Nullable`], …),
//!   [`codec`], [`message`], [`wire`].
//! * Tests: [`testing`].

pub mod docs;

/// Makes a service of an inherent `impl` block, and generates its typed client. On a trait it makes a contract.
///
/// # On an `impl` block
///
/// The block stays as it is, apart from the `#[action]` attributes, which are taken off. Methods without that
/// attribute are the type's own business. Beside the block, for a type `Library`:
///
/// * `impl soa::Service for Library`, so that it can be served: [`Server::builder`];
/// * `LibraryClient`, cheap to clone, with
///   * a method per action, which takes the request (nothing, where the action takes none) and gives a
///     [`Call`] of its response,
///   * a constant per action, its handle: `LibraryClient::FIND_BOOK` is an [`Action`],
///   * `new(&client)` for the service under its own name, `named(&client, "library2")` for another name,
///   * `local(library)` for a service in this process, `stubbed(stub)` for tests.
///
/// ```
/// use garde::Validate;
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use soa::{ActionError, Server, Service, service};
///
/// #[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
/// pub struct Book {
///     #[garde(length(chars, min = 1))]
///     pub title: String,
/// }
///
/// pub struct Library;
///
/// /// Lends books.
/// #[service(name = "library", version = "1.2.0")]
/// impl Library {
///     /// Finds a book by its title.
///     #[action]
///     async fn find_book(&self, book: Book) -> Result<Book, ActionError> {
///         Ok(book)
///     }
///
///     /// Not an action: a method like any other.
///     pub fn opens_at(&self) -> u8 {
///         9
///     }
/// }
///
/// assert_eq!(Library::DESCRIPTOR.documentation(), Some("Lends books."));
/// assert_eq!(LibraryClient::FIND_BOOK.name(), "find_book");
/// let server = Server::builder(Library).build()?;
/// assert_eq!(server.action_names(), ["find_book", "introspect", "status"]);
/// # Ok::<(), soa::BuildError>(())
/// ```
///
/// # On a trait
///
/// The trait is a contract: what the service offers, without the service. `trait Library` gets the client
/// `LibraryClient`, its supertraits become `Send + Sync + Sized + 'static`, and its actions promise futures that are `Send`.
/// `#[service]` on `impl Library for CityLibrary`, without arguments, makes `CityLibrary` a service with this client. See
/// [contracts](crate::docs::contracts).
///
/// ```
/// use soa::{ActionError, Server, Value, service};
///
/// #[service(name = "library", version = "1.2.0")]
/// pub trait Library {
///     /// Finds a book by its title.
///     #[action]
///     async fn find_book(&self, book: Value) -> Result<Value, ActionError>;
/// }
///
/// pub struct CityLibrary;
///
/// #[service]
/// impl Library for CityLibrary {
///     async fn find_book(&self, book: Value) -> Result<Value, ActionError> {
///         Ok(book)
///     }
/// }
///
/// let library = LibraryClient::local(CityLibrary);
/// let server = Server::builder(CityLibrary).build()?;
/// assert_eq!(server.name(), "library");
/// # Ok::<(), soa::BuildError>(())
/// ```
///
/// # Arguments
///
/// On the `impl` of a contract there is `crate` alone.
///
/// | argument | value | |
/// |---|---|---|
/// | `name` | text | Required. The name of the service on the wire. |
/// | `version` | text or `env!(…)` | One to four numbers with dots, such as `"1.2.0"`; or a call such as `env!("SHOP_VERSION")`. By default the version of the crate; for a contract, that of the crate of whoever implements it. |
/// | `vis` | visibility | Of the generated client; by default `pub`, and for a contract that of the trait. |
/// | `crate` | path | Where the framework is, for crates that rename or re-export it; `::soa` by default. |
///
/// ```
/// use framework::{ActionError, service};
/// use soa as framework;
///
/// struct Pinger;
///
/// #[service(name = "pinger", version = env!("CARGO_PKG_VERSION"), vis = pub(crate), crate = crate::framework)]
/// impl Pinger {
///     #[action]
///     async fn ping(&self) -> Result<(), ActionError> {
///         Ok(())
///     }
/// }
/// # fn main() {}
/// ```
///
/// # What is carried over
///
/// The doc comment of the block documents the service and its client; that of a method, its action and the client's
/// method. `#[cfg]`, `#[deprecated]` and lint levels of an action apply to everything that is generated for it.
/// The block may have generic parameters: the client has none, so no type of an action may name one of them.
///
/// The generated code names nothing but the framework and `core`. All mistakes are reported at once, each at the token
/// that has to change, and the block itself is compiled whatever they are.
#[doc(inline)]
pub use soa_macros::service;

/// Makes an action of a method inside of a `#[service]` block or trait.
///
/// The method is
///
/// ```text
/// async fn name(&self, request: Request, cx: &Context) -> Result<Response, Error>
/// ```
///
/// * `&self`: handlers of all jobs share the service, so state that changes is behind a lock or a channel.
/// * `request` is taken by value. Without it the action takes `{}`, and refuses keys as unknown.
/// * `cx` is the [`Context`]: switches, correlation id, clients for chained calls. It may be left out.
/// * `Request` and `Response` are [`ActionBody`]s: types that derive `Serialize`, `Deserialize`,
///   `garde::Validate` and `schemars::JsonSchema` and are maps; [`Value`] for any map; `()` for `{}`.
/// * `Error` is anything `Into<ActionError>`: see [errors](crate::docs::errors).
///
/// The request is decoded and validated before the method runs, the response is validated after it.
///
/// # Arguments
///
/// | argument | value | |
/// |---|---|---|
/// | `name` | text | The name of the action on the wire; the method's by default. |
/// | `request` | type | Repeats the type of the request, for readers; compared with the signature by the compiler. |
/// | `response` | type | Repeats the type of the response, likewise. |
/// | `timeout` | time | The handler is given up after so long (`"500ms"`, `"2s"`, `"1m 30s"`), also where its caller waits longer: see [deadlines](crate::docs::deadlines). |
/// | `switch` | number, or a constant of type [`Switch`] | Makes it a variant of the action, which answers where the switch is on: see [switches](crate::docs::switches). |
/// | `requires` | text, or several in brackets | The permissions that a caller needs: see [middleware](crate::docs::middleware). |
/// | `idempotent` | none | Running it twice does what running it once does: clients may call it again. |
/// | `cache` | a time such as `"10s"` | How long clients may use an answer for the same calls; with `idempotent` alone. |
/// | `blocking` | none | The method is a plain `fn`, and runs on tokio's pool of threads for work that blocks. |
///
/// ```
/// use soa::{ActionError, Context, Value, service, value};
///
/// struct Tools;
///
/// #[service(name = "tools", version = "1.0.0")]
/// impl Tools {
///     /// Answers with what it was sent.
///     #[action(name = "echo.v2", request = Value, response = Value)]
///     async fn echo(&self, request: Value) -> Result<Value, ActionError> {
///         Ok(request)
///     }
///
///     /// Tells who calls.
///     #[action]
///     async fn who_am_i(&self, request: (), cx: &Context) -> Result<Value, ActionError> {
///         Ok(value!({ "caller": (cx.caller().unwrap_or("nobody")) }))
///     }
///
///     /// Computes for a while, or calls what blocks: on a thread of its own.
///     #[action(blocking)]
///     fn host_name(&self) -> Result<Value, ActionError> {
///         let name = std::fs::read_to_string("/etc/hostname").map_err(ActionError::internal)?;
///         Ok(value!({ "name": (name.trim()) }))
///     }
/// }
///
/// assert_eq!(ToolsClient::ECHO.name(), "echo.v2");
/// ```
///
/// The client has methods of its own, so an action's method cannot be called `new`, `named`, `local`, `stubbed`,
/// `from_service_client`, `clone`, `clone_from`, `fmt`, `into` or `try_into`; `name = "…"` gives any name to the action of another method.
#[doc(inline)]
pub use soa_macros::action;

/// Makes a health check of a method inside of a `#[service]` block: `status` runs it. See [health](crate::docs::health).
///
/// The method is
///
/// ```text
/// async fn name(&self, cx: &Context) -> Health
/// ```
///
/// `cx` may be left out. It returns whatever is [`IntoHealth`](crate::health::IntoHealth): a
/// [`Health`](crate::health::Health), nothing, or a `Result` of them, whose error is then an error of the check. It stands
/// in the inherent `impl` block of the service, or in its `impl` of a contract, from where it is moved to an inherent
/// block; a contract itself has none.
///
/// # Arguments
///
/// Times are text such as `"500ms"`, `"2s"` or `"1m 30s"`.
///
/// | argument | value | |
/// |---|---|---|
/// | `name` | text | What the check is called; as the method by default. |
/// | `cached` | time | A result is kept for so long; by default it runs each time that `status` is asked. |
/// | `slow_after` | time | Adds the warning `HEALTH_CHECK_SLOW` when it takes longer; by default none. |
/// | `timeout` | time | Gives up after so long, with the error `HEALTH_CHECK_TIMEOUT`; `"10s"` by default. |
///
/// ```
/// use soa::health::Health;
/// use soa::{ActionError, Context, service};
///
/// struct Archive;
///
/// #[service(name = "archive")]
/// impl Archive {
///     #[action]
///     async fn touch(&self) -> Result<(), ActionError> {
///         Ok(())
///     }
///
///     /// Looks at the disk.
///     #[health_check(cached = "10s", slow_after = "1s", timeout = "5s")]
///     async fn disk(&self) -> Health {
///         let free = 7_000; // Ask the disk.
///         Health::ok().diagnostic("free_bytes", free)
///     }
/// }
/// ```
#[doc(inline)]
pub use soa_macros::health_check;

/// Says which fields of a response take objects of other services, see [the guide](docs::expansions).
///
/// It makes the struct an [`Expand`](trait@Expand), whose calls have `.expand()`. The field that takes an object is an
/// `Option` of it (or of a `Box`), and says how it is found:
///
/// | argument of `#[expand(…)]` on a field | value | |
/// |---|---|---|
/// | `from` | field | Required. The field of this struct with the identifier: of the type of the found map's keys, or an `Option` or [`Nullable`] of it. |
/// | `with` | handle | Required. The action that finds the objects: `OwnersClient::GET_OWNERS`. |
/// | `request` | struct | Required. Its request; the field that is given by its name alone takes the identifiers: `GetOwnersRequest { owner_ids }`. |
/// | `found` | field | Required. The field of its response that has the objects: a `HashMap` or a `BTreeMap` by identifier. |
/// | `nested` | – | The objects have such fields, too. |
/// | `raise_action_errors` | – | Errors that the service answers are errors of the call. Otherwise they are logged, and the objects left out. |
///
/// `#[expand(nested)]` alone is for fields that have such structs in them: structs, `Option`, `Vec`, `Box`, maps. On the
/// struct, `#[expand(crate = path)]` says where the framework is, by default `::soa`.
#[doc(inline)]
pub use soa_macros::Expand;

/// Derives the trait [`ActionErrors`](trait@ActionErrors) for an enum of what can go wrong: each variant is an error on the
/// wire, for handlers that return it and for callers that find it in what they were answered.
///
/// ```
/// use soa::{ActionErrors, Context, service};
///
/// #[derive(Debug, PartialEq, ActionErrors)]
/// pub enum ShelfError {
///     /// There is no such book.
///     #[action_error(field = "isbn")]
///     NoSuchBook,
///     /// Somebody else has it.
///     #[action_error(code = "LENT", message = "Lent to {reader} for {days} days")]
///     Lent { reader: String, days: u32 },
///     /// The catalogue does not answer.
///     #[action_error(server)]
///     CatalogueDown,
/// }
///
/// struct Shelf;
///
/// #[service(name = "shelf", version = "1.0.0")]
/// impl Shelf {
///     #[action]
///     async fn take(&self) -> Result<(), ShelfError> {
///         Err(ShelfError::Lent { reader: "Ada".into(), days: 3 })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let error = ShelfClient::local(Shelf).take().await.unwrap_err();
/// assert_eq!(error.errors()[0].message, "Lent to Ada for 3 days");
/// let expected = ShelfError::Lent { reader: "Ada".into(), days: 3 };
/// assert_eq!(error.find::<ShelfError>(), Some(expected));
/// # }
/// ```
///
/// * The **code** is the name of the variant in capitals, `NO_SUCH_BOOK`.
/// * The **message** is the first paragraph of the doc comment, on one line and without its full stop.
/// * **Fields** have names, and travel under them as the error's `variables`. They implement `Serialize` and
///   `DeserializeOwned`; a caller gets the variant back if all are there and fit. An absent one is nil, so
///   a field that may be missing is an `Option`.
/// * The enum converts into [`ActionError`], so a handler may return it, and use `?` where it returns `ActionError`.
///
/// # Arguments of `#[action_error]`
///
/// | on a variant | value | |
/// |---|---|---|
/// | `code` | text | Another code. |
/// | `message` | text | Another message, with the variant's fields in braces as in `format!`. |
/// | `field` | text | Names the field of the request at fault, dotted; braces as in `message`. |
/// | `server` | none | The service is at fault; without it, the caller is. |
/// | `other` | none | `Other(WireError)`: stands for all errors that the enum does not know, as data. |
///
/// On the enum, `crate` says where the framework is, as for [`service`](macro@service).
#[doc(inline)]
pub use soa_macros::ActionErrors;

/// Makes a test of each case of PySOA's test plans, the `.pysoa` files that match.
///
/// ```ignore
/// soa::test_plans!("tests/plans/*.pysoa", service = Calculator, constants = {"user": {"id": 7}});
/// ```
///
/// stands in a test, at the place of a module. It makes a module of each file, named after it (and after its directories,
/// where another has the same name), with a test of each case, named after the case, and a test
/// `every_line_is_understood`. A case with `test skip` is an ignored test. Where two `test_plans!` have a file in common,
/// each needs a module of its own around it. The guide [test plans](crate::docs::test_plans) has the grammar of the files.
///
/// # Arguments
///
/// | argument | |
/// |---|---|
/// | texts | Patterns of files, relative to the crate: `*` and `?` in a name, `**` for any directories. |
/// | `service` | The service under test, made anew for each case: what [`IntoServer`] takes, or a closure that makes it of the case's [`Mocks`](crate::testing::plan::Mocks). Either may await, and use `?` with any error. |
/// | `live`, `name` | In place of `service`: a [`Client`], and the name of a service that it finds; they may await and fail, too. Cases that need the service in the test's own process are ignored. |
/// | `constants` | What `[[name]]` in a plan refers to, as [`value!`](crate::value) takes a map. |
/// | `crate` | The path of this crate, where it is not `::soa`. |
///
/// Files that are edited are tested anew; files that are *added* when the test is compiled the next time.
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
#[doc(inline)]
pub use soa_macros::test_plans;

/// Test plans need the feature `testing`.
#[cfg(not(feature = "testing"))]
#[doc(hidden)]
#[macro_export]
macro_rules! test_plans {
    ($($arguments:tt)*) => {
        ::core::compile_error!(
            "`test_plans!` needs the feature `testing` of the crate `soa`: switch it on in `[dev-dependencies]`, \
             as in `soa = { version = \"…\", features = [\"testing\"] }`"
        );
    };
}

#[doc(inline)]
pub use soa_runtime::{
    Action, ActionBody, ActionCall, ActionDescriptor, ActionError, ActionErrors, ActionFuture,
    Blocked, BoxFuture, Call, Client, ClientBuilder, ClientError, Context, ErrorKind, Expand,
    IntoActionError, IntoServer, JobError, LocalServer, LocalTransport, LogLevel, OpenCircuit,
    Pending, Server, ServerBuilder, Service, ServiceAction, ServiceDescriptor, StartupError,
    TypedClient, Watchdog, client, health, middleware, server,
};
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
#[doc(inline)]
pub use soa_runtime::{
    RedisClientTransport, RedisConnection, RedisMode, RedisServerTransport, RedisSettings,
    SentinelSettings, TlsSettings,
};
#[doc(inline)]
pub use soa_wire::{
    ActionRequest, ActionResponse, Amount, Blob, Body, BuildError, ContextHeader, ContextValue,
    Control, Date, DateTime, Decimal, Declared, Encoding, Extensions, JobRequest, JobResponse, Map,
    Name, Nullable, Serializer, Serializers, Switch, SwitchSet, Time, TransportError,
    TransportErrorKind, UtcDateTime, Value, WireError, code, codec, message, redact, schema, value,
    wire,
};

#[cfg(feature = "cli")]
#[cfg_attr(docsrs, doc(cfg(feature = "cli")))]
#[doc(inline)]
pub use soa_program::{Program, cli, main, settings};

#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
#[doc(inline)]
pub use soa_testing::{
    assert_response_snapshot, assert_runs, assert_runs_with_error_codes, assert_runs_with_errors,
    assert_runs_with_field_errors, assert_runs_with_only_error_codes,
    assert_runs_with_only_field_errors,
};

pub mod observe;
pub mod testing;
pub mod transport;

#[doc(hidden)]
pub mod __private {
    pub use soa_runtime::private::*;
    #[cfg(feature = "testing")]
    pub use soa_testing::private::*;
}

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
