//! The service of the files under `expand`, which finds owners.
#![allow(dead_code, reason = "no file uses all of it")]

use std::collections::BTreeMap;

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{ActionError, service};

#[derive(Clone, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct Owner {
    pub name: String,
}

#[derive(Default, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct GetOwnersRequest {
    pub owner_ids: Vec<u64>,
    pub other_ids: Vec<String>,
}

#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct GetOwnersResponse {
    pub owners: BTreeMap<u64, Owner>,
    pub list: Vec<Owner>,
}

#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
pub struct CountResponse {
    pub count: u64,
}

pub struct Owners;

#[service(name = "owners", version = "1.0.0")]
impl Owners {
    #[action]
    async fn get_owners(&self, request: GetOwnersRequest) -> Result<GetOwnersResponse, ActionError> {
        let owner = |id| (id, Owner { name: String::new() });
        let owners = request.owner_ids.into_iter().map(owner).collect();
        Ok(GetOwnersResponse { owners, list: Vec::new() })
    }

    #[action]
    async fn count(&self) -> Result<CountResponse, ActionError> {
        Ok(CountResponse { count: 0 })
    }
}
