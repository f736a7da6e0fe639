//! TLS of a program that is built without the feature `tls`: there is none. What stands in its place is never made.

use std::convert::Infallible;
use std::sync::atomic::AtomicBool;

use soa_runtime::BuildError;
use tokio::task::AbortHandle;

use super::error::Error;
use super::node::Node;
use super::terms::Terms;
use super::words::Value;
use crate::settings::{TlsSettings, without_tls};

/// TLS that cannot be configured.
#[derive(Clone)]
pub(super) enum Tls {}

impl Tls {
    /// Refuses the settings. `field` is their name in the error.
    pub(super) fn new(_: &TlsSettings, field: &str) -> Result<Self, BuildError> {
        Err(without_tls(&format!("the setting `{field}`")))
    }
}

/// The time that an encrypted connection would live.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lifetime {
    OneQuestion,
    UntilCut,
}

/// An encrypted connection, of which there is none.
#[derive(Clone, Debug)]
pub(super) struct Client(Infallible);

impl Client {
    pub(super) fn new(tls: &Tls, _: &Terms, _: &Node, _: Lifetime) -> Self {
        match *tls {}
    }

    pub(super) fn watch(
        &self,
        _: impl Fn(&Error, bool) + Send + Sync + 'static,
        _: impl Fn() + Send + Sync + 'static,
    ) {
        match self.0 {}
    }

    pub(super) fn connect(&self) -> (AbortHandle, std::future::Ready<()>) {
        match self.0 {}
    }

    pub(super) async fn wait_for_connect(&self) {
        match self.0 {}
    }

    pub(super) fn is_connected(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn id(&self) -> Option<i64> {
        match self.0 {}
    }

    pub(super) async fn send(
        &self,
        _: &'static str,
        _: Vec<Value>,
        _: &AtomicBool,
    ) -> Result<Value, Error> {
        match self.0 {}
    }

    pub(super) async fn quit(&self) {
        match self.0 {}
    }

    pub(super) async fn ask(self, _: &'static str, _: &'static str) -> Result<Value, Error> {
        match self.0 {}
    }

    pub(super) async fn listen(self, _: &'static str) -> Result<Listening, Error> {
        match self.0 {}
    }
}

/// A subscription over an encrypted connection, of which there is none.
#[derive(Debug)]
pub(super) struct Listening(Infallible);

impl Listening {
    pub(super) async fn next(&mut self) -> Option<Value> {
        match self.0 {}
    }
}
