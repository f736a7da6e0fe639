//! The only door for generated code. Nothing here is for people, and all of it may change.

pub use std::format;
pub use std::string::String;
pub use std::sync::Arc;

pub use crate::action::{Action, action};
pub use crate::client::{Call, Client, Expand, Finder, ServiceClient, TypedClient, Visit};
pub use crate::descriptor::{
    ActionDescriptor, ErrorDescriptor, ServiceDescriptor, VariableDescriptor,
};
pub use crate::error::{Unknown, Variable, unknown, variable};
pub use crate::health::ServiceHealthCheck;
pub use crate::health::check::{health, into_health};
pub use crate::known::{Known, NoRules, Unspecified};
pub use crate::message::{Name, Switch, Variant};
pub use crate::server::IntoServer;
pub use crate::service::{
    ActionCall, ActionFuture, Contract, Service, ServiceAction, context, run, run_blocking,
};
pub use crate::stub::Stub;
pub use crate::validation::fields::Fields;
pub use crate::validation::rules::{
    BodyRules, FieldName, Path as RulePath, Probe, Report as RuleReport, ViaGarde, WithoutRules,
    inner_rules, own_rules,
};
pub use soa_wire::Declared;
pub use soa_wire::declared::{BodyForm, HttpDeclared, Method, ResultForm, Route};
pub use {garde, schemars, serde};
