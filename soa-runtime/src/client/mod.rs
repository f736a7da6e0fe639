//! Clients: routes to services, and the forms in which their actions are called.
//!
//! A [`Client`] knows a [`ClientTransport`](crate::transport::ClientTransport) for each service that it may call,
//! middleware, and a base context. It is cheap to clone and shares everything. Generated typed clients stand in front
//! of it ([`TypedClient`]); each of their methods makes a [`Call`], which does nothing until it is awaited, sent, or
//! put into a job:
//!
//! * one action: `example.square(request).await`, with options `.timeout(…).await`;
//! * one job of several actions: `client.job((a, b)).await`, a tuple or a vector;
//! * many jobs, for many services, at once: `client.parallel([a, b]).await`;
//! * sent now, collected later: `let pending = call.send().await?; … pending.await?`;
//! * sent without asking for a response: `call.send_and_forget().await`;
//! * many sent, the responses in the order in which they arrive: [`Outstanding`];
//! * untyped: `client.call_action("example", "square", body).await`, and all of the above with it.
//!
//! Objects that a response names by their identifiers are fetched from other services by expansions
//! ([`Expansions`], [`Expand`]).
//!
//! The files, lowest first; each uses only those before it, row by row:
//!
//! ```text
//! route        a service and its transport      handle       the client itself
//! scope        the context in which objects are fetched
//! options      the options of a call            prepare      what a call becomes; pure
//! reply        the future of a job's response   observed     the same with its span and metrics
//! own_service  calls of a handler's own service
//! transmit     middleware and transport         outcome      a job's response, action by action
//! fetch        the rounds of expansions         dispatch     prepare, transmit, expand
//! form         the trait of all forms           pending      sent now, collected later
//! sending      `send` and `send_and_forget`     call, job, expanded, parallel, outstanding   the forms
//! builder      puts a client together           typed        the base of generated clients
//! ```

mod builder;
mod call;
mod dispatch;
mod expanded;
mod fetch;
mod form;
mod handle;
mod introspection;
mod job;
mod observed;
mod options;
mod outcome;
mod outstanding;
mod own_service;
mod parallel;
mod pending;
mod prepare;
mod reply;
mod route;
mod scope;
mod sending;
mod transmit;
mod typed;

pub use builder::{ClientBuilder, ComponentRoutes};
pub use call::{Call, CallWithOptions};
pub use expanded::Expanded;
pub use fetch::{Expand, ExpansionDestination, ExpansionSource, FoundObjects};
#[doc(hidden)]
pub use fetch::{Finder, Visit};
pub use form::Form;
pub use handle::Client;
pub use job::{Actions, All, Each, JobCall, Mode, Responses};
pub use options::CallOptions;
pub use outstanding::{Outstanding, RequestId};
pub(crate) use own_service::Places;
pub use parallel::{Gather, Parallel, ParallelCall};
pub use pending::Pending;
pub use typed::{ServiceClient, TypedClient};

pub use crate::exchange::{ClientRequest, Sent};
pub use crate::expansion::{Expansion, ExpansionRoute, Expansions};
pub use crate::message::HttpRequest;
