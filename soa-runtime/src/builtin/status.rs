//! `status`: the version and the health of a service.

use std::collections::BTreeMap;
use std::sync::Arc;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::offer::Offer;
use crate::action::Action;
use crate::codec::{Map, Value};
use crate::context::{ActionCall, ActionFuture};
use crate::health::{Checks, Health};
use crate::message::{Name, SwitchSet};
use crate::service::{Handler, run};

pub(super) const NAME: &str = "status";

pub(super) const DOCUMENTATION: &str = "The version of the service and of what it is made with, and \
     unless `verbose` is false the results of its health checks.";

pub(super) const ACTION: Action<StatusRequest, StatusResponse> = Action::new(NAME);

/// The version of the reference that the framework is compatible with.
const REFERENCE: &str = "1.4.9";

#[derive(Debug, Default, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(super) struct StatusRequest {
    /// False leaves out the health checks, for a quick response. True by default
    verbose: Option<bool>,
}

/// Tools of the reference require `conformity`, `pysoa` and `python`; they have the corresponding versions here.
#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(super) struct StatusResponse {
    /// The build of the service, if it has one
    build: Option<String>,
    /// The validation library and its version
    conformity: String,
    /// The version of PySOA with which the service is compatible
    pysoa: String,
    /// The language and its version
    python: String,
    /// The version of the service
    version: String,
    /// The results of the health checks
    healthcheck: Option<HealthCheck>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HealthCheck {
    /// The errors, which keep the service from working: code and description
    errors: Vec<(String, String)>,
    /// The warnings, which may become errors: code and description
    warnings: Vec<(String, String)>,
    /// Further findings of the checks
    #[schemars(with = "BTreeMap<String, Value>")]
    diagnostics: Map,
}

pub(super) struct Status {
    version: Name,
    build_id: Option<Name>,
    checks: Arc<Checks>,
}

impl Status {
    pub(super) fn new(offer: &Offer, checks: Arc<Checks>) -> Self {
        Self {
            version: offer.version.clone(),
            build_id: offer.build_id.clone(),
            checks,
        }
    }
}

impl From<Health> for HealthCheck {
    fn from(health: Health) -> Self {
        Self {
            errors: health.errors,
            warnings: health.warnings,
            diagnostics: health.diagnostics,
        }
    }
}

impl Handler for Status {
    fn is_idempotent(&self, _switches: &SwitchSet) -> bool {
        true
    }

    fn call(&self, call: ActionCall) -> ActionFuture {
        let version = self.version.to_string();
        let build = self.build_id.as_deref().map(str::to_owned);
        let checks = Arc::clone(&self.checks);
        run(ACTION, call, |request, cx| async move {
            let healthcheck = match request.verbose {
                Some(false) => None,
                _ => Some(checks.run(&cx).await.into()),
            };
            Ok::<_, crate::ActionError>(StatusResponse {
                build,
                conformity: concat!("soa ", env!("CARGO_PKG_VERSION")).to_owned(),
                pysoa: REFERENCE.to_owned(),
                python: concat!("rust ", env!("CARGO_PKG_RUST_VERSION")).to_owned(),
                version,
                healthcheck,
            })
        })
    }
}
