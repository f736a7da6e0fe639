//! **soa**: queue-based RPC services with the protocol of PySOA 1.4.9.
//!
//! A service is a plain Rust type. Put [`#[service]`](macro@service) on an `impl` block, and
//! [`#[action]`](macro@action) on the methods that callers may use. The macros make the registry for a [`Server`], a client
//! with a typed method for each action, and the validation of requests and responses, which are structs under
//! [`#[soa::body]`](macro@body).
//!
//! ```
//! use soa::{ActionError, service};
//!
//! #[soa::body(closed)]
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
//! The terms of the protocol: a **job** is one message with one or more **actions** for one service, which run in order.
//! Its **context** (correlation id, switches, your own keys) is passed on to every service that is called in turn. Its
//! **control** header has the options of this job alone.
//!
//! # Contents
//!
//! * Guides: [`docs`]. Begin with [getting started](docs::getting_started), or with
//!   [the table of names](docs::from_pysoa) if you know PySOA.
//! * Serving: [`Server`], [`Context`], [`ActionError`], [`middleware`].
//! * Calling: [`Client`], the generated typed clients, [`ClientError`], [`client`].
//! * Values and messages: [`Value`], [`value!`], the types of the protocol ([`DateTime`], [`Decimal`], [`Nullable`], …),
//!   [`codec`], [`message`], [`wire`]; [`text`], the JSON form of each type.
//! * Tests: [`testing`].
//!
//! # Features
//!
//! | feature | default | brings | crates |
//! |---|---|---|---|
//! | none | | Servers, clients, middleware, calls within a process, stubs. | 67 |
//! | `redis` | yes | The transport over Redis, with Sentinel and Cluster. | 70 |
//! | `tls` | | TLS towards Redis: `rediss://…` and the settings `tls`. Includes `redis`. | 142 |
//! | `cli` | yes | `soa::main`, `soa::Program`, `soa::settings` and the command line of a service. Includes `redis`. | 109 |
//! | `http` | | Services over HTTP/1.1 and HTTP/2, with TLS: `soa::http`, and `serve --http` with `cli`; components by registries: `soa::registry`. | 116 |
//! | `dns` | | Components that are found by names of DNS: `soa::registry::DnsRegistry`. Includes `http`. | 166 |
//! | `testing` | | The testing kit: `soa::testing` in full, and `test_plans!`. For dev-dependencies. | 69 |
//! | `tower` | | Layers of tower as middleware: `soa::middleware::from_layer`. | 69 |
//! | `otlp` | | Export of traces to a collector of OpenTelemetry. Includes `cli`. | 155 |
//! | `prometheus` | | Export of metrics to Prometheus. Includes `cli`. | 128 |
//! | `rust_decimal` | | Conversions of [`Decimal`] to and from `rust_decimal`, for arithmetic. | 69 |
//! | `jiff` | | Conversions of dates and times to and from `jiff`. | 69 |
//! | `chrono` | | The same for `chrono`. | 68 |
//! | `time` | | The same for `time`. | 72 |
//! | `uuid` | | `uuid::Uuid` as the type of a field, and conversions to and from [`Value`]. | 67 |
//!
//! The last column is the number of crates that are compiled with this feature alone, including `soa`; with all features
//! there are 258.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod docs;

/// Makes a service of an inherent `impl` block, and generates its typed client. On a trait it makes a contract.
///
/// # On an `impl` block
///
/// The block stays as it is, without the `#[action]` attributes. Methods without that attribute are not actions. For a type
/// `Library`, the macro adds:
///
/// * `impl soa::Service for Library`, which [`Server::builder`] needs;
/// * `LibraryClient`, which is cheap to clone, with
///   * a method for each action, which takes the request, if the action has one, and returns a [`Call`];
///   * a constant for each action, its handle: `LibraryClient::FIND_BOOK` is an [`Action`];
///   * `new(&client)` for the service under its own name, and `named(&client, "library2")` for another name;
///   * `local(library)` for a service in this process, and `stubbed(stub)` for tests.
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
/// The trait is a contract: the actions without their implementation. `trait Library` gets the client `LibraryClient`, its
/// supertraits become `Send + Sync + Sized + 'static`, and the futures of its actions are `Send`. `#[service]` without
/// arguments on `impl Library for CityLibrary` makes `CityLibrary` a service with this client. See
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
/// The `impl` of a contract takes only `crate` and `calls`.
///
/// | argument | value | |
/// |---|---|---|
/// | `name` | text | The name of the service on the wire. By default that of the type or trait, with a `-` before each capital letter but the first, in lower case: `DefaultNamed` is `default-named`. |
/// | `version` | text or `env!(…)` | One to four numbers with dots, such as `"1.2.0"`, or a call such as `env!("SHOP_VERSION")`. By default the version of the crate; for a contract, the version of the crate that implements it. |
/// | `vis` | visibility | The visibility of the generated client; by default `pub`, and for a contract that of the trait. |
/// | `crate` | path | The path of the framework, for crates that rename or re-export it; `::soa` by default. |
/// | `rest` | text | The prefix of all routes of its actions over HTTP, such as `"/example"`; none by default. It may have names of request fields in braces, which every action with a route then has. |
/// | `package` | text | The package of its messages in protobuf, such as `"example_api"`; by default the name of the service with `_` for `-`. |
/// | `component` | text | The name of the component that offers the service, such as `"library"`. Its client finds the service in a registry, where it has no other route to it: see [`ClientBuilder::components`]. |
/// | `calls` | names in parentheses | The services that the handlers call: `calls("stock", "user-accounts")`. A server whose client has no route to one of them logs a warning at its start. Not on a contract, whose implementations may differ. |
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
/// # Attributes and generic parameters
///
/// The doc comment of the block documents the service and its client. That of a method documents its action and the
/// client's method. `#[cfg]`, `#[deprecated]` and lint levels of an action apply to everything that is generated for it.
/// The block may have generic parameters. The client has none, so the types of an action must not use them.
///
/// The generated code names only the framework and `core`. All mistakes are reported at once, each at the token that has to
/// change. The block itself is compiled in any case.
///
/// # Errors that the macro cannot explain
///
/// The macro sees its own block and nothing else. Some mistakes are therefore reported in other words than one would expect:
///
/// | error | meaning |
/// |---|---|
/// | ``conflicting implementations of trait `Service` for type `Library` ``, and ``the name `LibraryClient` is defined multiple times`` | Two `#[service]` blocks are for one type. A type is one service: move the actions into one block, or make two types. One type cannot implement two contracts either. |
/// | ``no `#[service]` has seen this `#[action]` `` | The method is outside of such a block, a macro inside of the block makes it, or the block has `#[cfg_attr(…, service(…))]` and the condition is false. Attributes are only seen where they are written. |
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
/// * `&self`: all jobs share the service, so mutable state needs a lock or a channel.
/// * `request` is taken by value. Without it, the action takes `{}` and refuses all keys as unknown.
/// * `cx` is the [`Context`]: switches, correlation id, clients for chained calls. It may be left out.
/// * `Request` and `Response` are [`ActionBody`]s: structs under [`#[soa::body]`](macro@body), other maps that derive
///   `Serialize`, `Deserialize`, `garde::Validate` and `schemars::JsonSchema`; [`Value`] for any map; `()` for `{}`.
/// * `Error` is any type that converts `Into<ActionError>`: see [errors](crate::docs::errors).
///
/// The request is decoded and validated before the method runs, and the response is validated after it.
///
/// # Arguments
///
/// | argument | value | |
/// |---|---|---|
/// | `name` | text | The name of the action on the wire; the method's by default. |
/// | `request` | type | Repeats the type of the request for readers. The compiler compares it with the signature. |
/// | `response` | type | Repeats the type of the response, in the same way. |
/// | `timeout` | time | The longest time that the handler may run (`"500ms"`, `"2s"`, `"1m 30s"`), even if its caller waits longer: see [deadlines](crate::docs::deadlines). |
/// | `switch` | number, or a constant of type [`Switch`] | Makes it a variant of the action, which answers if the switch is on: see [switches](crate::docs::switches). |
/// | `requires` | text, or several in brackets | The permissions that a caller needs: see [middleware](crate::docs::middleware). |
/// | `idempotent` | none | A second run has no further effect, so clients may repeat a call. |
/// | `crash_limit` | a number from 1 to 255 | The number of processes that a job may end before it is not run again, and is a [dead letter](crate::docs::delivery#dead-letters). By default the server's. Needs `idempotent`. |
/// | `cache` | a time such as `"10s"` | The time for which clients may reuse an answer for the same request. Needs `idempotent`. |
/// | `blocking` | none | The method is a plain `fn`, and runs on tokio's threads for blocking work. |
/// | `get`, `post`, `put`, `patch`, `delete` | text | A route over HTTP: `get = "/items/{id}"`. Each may be given several times. |
/// | `body` | field, or `whole` | The field of the request that is the body over HTTP. By default it is the first field that is a struct. `whole` is all fields that are not in the path. |
/// | `result` | field, or `whole` | The field of the response that is the result over HTTP. By default it is the only field, or else the response. `whole` is the response, whatever it has. |
/// | `status` | number | The status of a success over HTTP; 200 by default. |
/// | `headers` | pairs in parentheses | Headers of a success over HTTP: `headers("Location" = "/items/{id}")`, with fields of the response or the request in braces. |
/// | `summary` | text | The summary in descriptions; by default the first line of the doc comment. |
/// | `description` | text | The description; by default the doc comment. |
/// | `tags` | texts in parentheses | The groups of the action in descriptions: `tags("items", "changes")`. |
///
/// ```
/// use soa::{ActionError, Context, Value, service, value};
///
/// struct Tools;
///
/// #[service(name = "tools", version = "1.0.0")]
/// impl Tools {
///     /// Answers with its request.
///     #[action(name = "echo.v2", request = Value, response = Value)]
///     async fn echo(&self, request: Value) -> Result<Value, ActionError> {
///         Ok(request)
///     }
///
///     /// Returns the name of the caller.
///     #[action]
///     async fn who_am_i(&self, request: (), cx: &Context) -> Result<Value, ActionError> {
///         Ok(value!({ "caller": (cx.caller().unwrap_or("nobody")) }))
///     }
///
///     /// Blocks, on a thread of its own.
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
/// # Routes
///
/// A path begins with a slash, and the prefix of the service comes before it. A name in braces is a whole segment, and the
/// name of a field of the request on the wire. Two actions of a service cannot have the same route, and `/items/{id}` is the
/// same as `/items/{name}`. Variants of one action share their routes. A raw identifier is the field of that name:
/// `body = r#type`, or `r#whole` for a field called `whole`.
///
/// Names in paths and headers, and those after `body` and `result`, are checked while compiling if the bodies are structs
/// under [`#[soa::body]`](macro@body); for other types, and for structs with `flatten` and the like, when the service is
/// served over HTTP.
///
/// ```
/// use soa::{ActionError, service};
///
/// #[soa::body]
/// struct Item {
///     id: i64,
///     name: String,
/// }
///
/// #[soa::body]
/// struct Rename {
///     id: i64,
///     name: String,
/// }
///
/// struct Shop;
///
/// #[service(rest = "/shop")]
/// impl Shop {
///     /// Adds an item.
///     #[action(post = "/items", body = whole, status = 201, headers("Location" = "/shop/items/{id}"))]
///     async fn add(&self, item: Item) -> Result<Item, ActionError> {
///         Ok(item)
///     }
///
///     /// Gives an item another name.
///     #[action(patch = "/items/{id}", body = whole, tags("items"))]
///     async fn rename(&self, request: Rename) -> Result<Item, ActionError> {
///         Ok(Item { id: request.id, name: request.name })
///     }
/// }
///
/// assert_eq!(ShopClient::ADD.name(), "add");
/// ```
///
/// Clients of Aspyx call methods by name, and have some of their own: they cannot call actions named `create`, `type` or
/// `invocation_handler`. Give such an action another name with `name = "…"`, if they are to call it.
///
/// # Names of the client
///
/// The client has methods of its own, so the method of an action cannot be named `new`, `named`, `local`, `stubbed`,
/// `from_service_client`, `clone`, `clone_from`, `fmt`, `into` or `try_into`. With `name = "…"`, the action itself can have
/// any name.
#[doc(inline)]
pub use soa_macros::action;

/// Makes a health check of a method inside of a `#[service]` block. The action `status` runs it. See
/// [health](crate::docs::health).
///
/// The method is
///
/// ```text
/// async fn name(&self, cx: &Context) -> Health
/// ```
///
/// `cx` may be left out. The method returns any [`IntoHealth`](crate::health::IntoHealth): a
/// [`Health`](crate::health::Health), `()`, or a `Result` of one of them, whose error becomes an error of the check. It is
/// in the inherent `impl` block of the service, or in its `impl` of a contract, but not in the contract itself.
///
/// # Arguments
///
/// Times are text such as `"500ms"`, `"2s"` or `"1m 30s"`.
///
/// | argument | value | |
/// |---|---|---|
/// | `name` | text | The name of the check; by default that of the method. |
/// | `cached` | time | The time for which a result is reused; by default the check runs for each `status`. |
/// | `slow_after` | time | The time after which the check gets the warning `HEALTH_CHECK_SLOW`; by default there is none. |
/// | `timeout` | time | The time after which the check is given up and fails with `HEALTH_CHECK_TIMEOUT`; `"10s"` by default. |
/// | `fail_if_slower_than` | time | The time after which the check fails, though it goes on to its end; by default there is none. |
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
///     /// Reports the free space on the disk.
///     #[health_check(cached = "10s", slow_after = "1s", timeout = "5s")]
///     async fn disk(&self) -> Health {
///         let free = 7_000; // Ask the disk.
///         Health::ok().diagnostic("free_bytes", free)
///     }
/// }
/// ```
#[doc(inline)]
pub use soa_macros::health_check;

/// Makes a struct or an enum the request or the response of an action, or a part of one.
///
/// It derives what is missing of `Debug`, `Clone`, serde's `Serialize` and `Deserialize`, and schemars' `JsonSchema`, and
/// implements garde's `Validate`. The crates behind these traits need not be dependencies: serde's and schemars' attributes
/// work without them. Only rules, `#[garde(…)]`, need the dependency `garde`. A field without a rule needs no attribute.
///
/// ```
/// use soa::{ActionError, Value, service};
///
/// #[soa::body(closed)]
/// struct Order {
///     #[garde(length(min = 1))]
///     items: Vec<Item>,
///     note: Option<String>,
/// }
///
/// #[soa::body]
/// struct Item {
///     #[serde(rename = "article-number")]
///     article: String,
///     #[garde(range(min = 1, max = 100))]
///     quantity: u32,
/// }
///
/// struct Orders;
///
/// #[service(name = "orders", version = "1.0.0")]
/// impl Orders {
///     #[action]
///     async fn create(&self, order: Order) -> Result<Order, ActionError> {
///         Ok(order)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let orders = OrdersClient::local(Orders);
/// let item = Item { article: "7-113".into(), quantity: 101 };
/// let error = orders.create(Order { items: vec![item], note: None }).await.unwrap_err();
/// assert_eq!(error.errors()[0].field.as_deref(), Some("items.0.quantity"));
/// # Ok(()) }
/// ```
///
/// The attribute stands above all `#[derive(…)]`. Beside the derives, it does three things that they cannot do:
///
/// * The rules of bodies within bodies are checked without `dive`: in fields, lists, maps, options and boxes. A field whose
///   type is a parameter `T` of the struct still needs `#[garde(dive)]`, and `T: garde::Validate<Context = ()>`.
/// * Errors name fields as the caller wrote them, whatever serde calls them: `rename`, `alias`, `flatten`, `transparent`.
/// * The schema knows aliases, names that differ between reading and writing, and which fields have a decoder of their own
///   (`deserialize_with`, `with`), so it makes no wrong claims about them.
///
/// # Arguments
///
/// | argument | |
/// |---|---|
/// | `closed` | Refuses unknown fields, as `#[serde(deny_unknown_fields)]` does. Without it they are ignored. |
/// | `without` | The traits that are implemented by hand: `without = "Debug"`, or several in brackets. |
/// | `crate` | The path of this crate, `::soa` by default. |
/// | `package` | The package of the type in protobuf, such as `"example_types"`; by default that of the service. It is in the schema as `x-soa-package`. |
///
/// # Errors that the macro cannot explain
///
/// | error of the compiler | what to do |
/// |---|---|
/// | "conflicting implementations of trait `Debug`" (or another trait) | A `#[derive(…)]` stands above `#[soa::body]`, which cannot see it. Put the derive below. |
/// | "cannot find `garde` in the crate root" | A field has a rule, and the crate does not depend on garde. Add `garde = { version = "0.23", features = ["derive"] }`. |
/// | the type of a field does not implement `Debug`, `Clone`, `Serialize`, … | The type is no body. Put `#[soa::body]` above it. |
///
/// # Open and closed
///
/// A body is open by default, because the same type is often read by callers: a field that a newer service adds to a
/// response must not break them. Requests are better closed, so that a misspelled field is an error and not ignored, as
/// with PySOA, whose dictionaries are closed unless they say otherwise.
#[doc(inline)]
pub use soa_macros::body;

/// Declares the fields of a response that get objects of other services, see [the guide](docs::expansions).
///
/// It implements [`Expand`](trait@Expand) for the struct, so that its calls have `.expand()`. A field for an object is an
/// `Option` of its type (or of a `Box` of it). Its attribute states the call that finds the object:
///
/// | argument of `#[expand(…)]` on a field | value | |
/// |---|---|---|
/// | `from` | field | Required. The field of this struct with the identifier. Its type is that of the keys in `found`, or an `Option` or [`Nullable`] of it. |
/// | `with` | handle | Required. The action that finds the objects: `OwnersClient::GET_OWNERS`. |
/// | `request` | struct | Required. The request of the action. The field without a value gets the identifiers: `GetOwnersRequest { owner_ids }`. |
/// | `found` | field | Required. The field of the response with the objects: a `HashMap` or a `BTreeMap` by identifier. |
/// | `nested` | – | The objects have such fields, too. |
/// | `raise_action_errors` | – | Errors of the action become errors of the call. Otherwise they are logged, and the objects are left out. |
///
/// `#[expand(nested)]` alone is for fields that contain such structs: structs, `Option`, `Vec`, `Box`, maps. On the struct,
/// `#[expand(crate = path)]` sets the path of the framework, `::soa` by default.
#[doc(inline)]
pub use soa_macros::Expand;

/// Derives the trait [`ActionErrors`](trait@ActionErrors) for an enum of errors. Handlers return the variants, and callers
/// find them among the errors of an answer.
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
/// * **Fields** have names, and are sent as the error's `variables`. Their types implement `Serialize` and
///   `DeserializeOwned`. A caller gets the variant if all variables can be decoded. A missing one counts as nil, so a field
///   that may be missing is an `Option`.
/// * The enum converts into [`ActionError`]. Handlers may return it, or use `?` if they return `ActionError`.
///
/// # Arguments of `#[action_error]`
///
/// | on a variant | value | |
/// |---|---|---|
/// | `code` | text | Another code. |
/// | `message` | text | Another message, with the variant's fields in braces, as in `format!`. |
/// | `field` | text | The dotted path of the request's field at fault, with braces as in `message`. |
/// | `server` | none | The service is at fault; without it, the caller is. |
/// | `other` | none | `Other(WireError)`: the variant for all errors that the enum does not know. |
/// | `status` | number | The status of the answer over HTTP, such as 404; by default it follows from the code and the fault. |
/// | `headers` | pairs in parentheses | Headers of the answer over HTTP: `headers("WWW-Authenticate" = "Bearer")`. |
///
/// On the enum, `crate` sets the path of the framework, as for [`service`](macro@service).
#[doc(inline)]
pub use soa_macros::ActionErrors;

/// Makes a test of each case in PySOA's test plans, `.pysoa` files.
///
/// ```ignore
/// soa::test_plans!("tests/plans/*.pysoa", service = Calculator, constants = {"user": {"id": 7}});
/// ```
///
/// The macro is called at module level in a test. It makes a module of each file, with its name (and the names of its
/// directories, if another file has the same name). The module has a test of each case, with the name of the case, and the
/// test `every_line_is_understood`. A case with `test skip` is an ignored test. If two `test_plans!` share a file, put each
/// into a module of its own. The guide [test plans](crate::docs::test_plans) has the grammar of the files.
///
/// # Arguments
///
/// | argument | |
/// |---|---|
/// | texts | Patterns of files, relative to the crate: `*` and `?` in a name, `**` for any directories. |
/// | `service` | The service under test, created for each case: an [`IntoServer`], or a closure that takes the case's [`Mocks`](crate::testing::plan::Mocks) and returns one. The expression may await, and use `?` with any error. |
/// | `live`, `name` | In place of `service`: a [`Client`], and the name of a service that it has a route to. The expressions may await and fail, too. Cases that need the service in the test's own process are ignored tests. |
/// | `constants` | The values that `[[name]]` in a plan refers to, in the syntax of a map in [`value!`](crate::value). |
/// | `crate` | The path of this crate, `::soa` by default. |
///
/// An edited file causes a new build of the test. An *added* file does not: it is included the next time that the test is
/// compiled.
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

#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
#[doc(inline)]
pub use soa_redis::{
    RedisClientTransport, RedisConnection, RedisCredentials, RedisMode, RedisServerTransport,
    RedisSettings, SentinelSettings, TlsSettings,
};
#[doc(inline)]
pub use soa_runtime::{
    Action, ActionBody, ActionCall, ActionDescriptor, ActionError, ActionErrors, ActionFuture,
    Blocked, BoxFuture, Call, Channel, Client, ClientBuilder, ClientError, Component,
    ComponentBuilder, ComponentState, Context, ErrorDescriptor, ErrorKind, Expand, IntoActionError,
    IntoServer, JobError, LocalServer, LocalTransport, LogLevel, OpenCircuit, Pending, Server,
    ServerBuilder, Service, ServiceAction, ServiceDescriptor, StartupError, TypedClient,
    VariableDescriptor, Watchdog, client, health, server,
};
#[doc(inline)]
pub use soa_wire::{
    ActionRequest, ActionResponse, Amount, Blob, Body, BuildError, ContextHeader, ContextValue,
    Control, Date, DateTime, Decimal, Declared, Encoding, Extensions, JobRequest, JobResponse, Map,
    Name, Nullable, Serializer, Serializers, Switch, SwitchSet, Time, TransportError,
    TransportErrorKind, UtcDateTime, Value, WireError, code, codec, message, redact, rules, schema,
    text, value, wire,
};

#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
#[doc(inline)]
pub use soa_http as http;
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
#[doc(inline)]
pub use soa_registry as registry;

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

pub mod middleware;
pub mod observe;
pub mod recording;
pub mod testing;
pub mod transport;

#[doc(hidden)]
pub mod __private {
    pub use soa_runtime::private::*;
    #[cfg(feature = "testing")]
    pub use soa_testing::private as plan;
}

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
