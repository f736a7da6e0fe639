//! The service: the implementation of its contract.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use soa::health::Health;
use soa::{
    ActionError, Blob, Context, JobResponse, Nullable, Switch, Value, WireError, service, value,
};

use crate::canonical;
use crate::contract::{Example, VERSION_2};
use crate::types::*;

/// The greatest number of values that `remember` keeps.
const MAX_VALUES: usize = 10_000;

/// The example service.
#[derive(Debug, Default)]
pub struct ExampleService {
    memory: Mutex<HashMap<String, Value>>,
}

impl ExampleService {
    /// Creates a service without remembered values.
    pub fn new() -> Self {
        Self::default()
    }

    fn memory(&self) -> MutexGuard<'_, HashMap<String, Value>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[service]
impl Example for ExampleService {
    /// Warns when the room for remembered values is nearly used up.
    #[health_check(timeout = "1s")]
    async fn room(&self) -> Health {
        let kept = self.memory().len();
        if kept > MAX_VALUES / 10 * 9 {
            return Health::warning("NEARLY_FULL", format!("{kept} values are kept"));
        }
        Health::ok()
    }

    async fn square(&self, request: SquareRequest) -> Result<SquareResponse, ActionError> {
        match request.number.checked_mul(request.number) {
            Some(square) => Ok(SquareResponse { square }),
            None => Err(
                ActionError::caller("TOO_LARGE", "The square has over 127 bits").field("number"),
            ),
        }
    }

    async fn echo(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    async fn fail(&self, request: FailRequest) -> Result<(), ActionError> {
        let code = request.code.unwrap_or("EXAMPLE_FAILURE".to_owned());
        let message = request
            .message
            .unwrap_or("This action always fails".to_owned());
        let mut error = if request.keep_caller_error == Some(true) {
            WireError::server(code, message)
        } else {
            WireError::caller(code, message)
        };
        error.field = match request.field {
            Some(field) => field.into_option(),
            None => Some("some.field".to_owned()),
        };
        error.variables = request.variables.and_then(Nullable::into_option);
        error.denied_permissions = request.denied_permissions.and_then(Nullable::into_option);
        let count = usize::try_from(request.count.unwrap_or(1)).unwrap_or(1);
        Err(ActionError::from_errors(vec![error; count]))
    }

    async fn boom(&self, _request: Value) -> Result<(), ActionError> {
        panic!("boom")
    }

    async fn job_error(&self, _request: Value) -> Result<(), ActionError> {
        Err(ActionError::job("CUSTOM_JOB_ERROR", "The whole job is bad").field("control.thing"))
    }

    async fn validate_me(&self, _request: ValidateMeRequest) -> Result<OkResponse, ActionError> {
        Ok(OkResponse { ok: true })
    }

    async fn custom_validate(&self, request: Value) -> Result<OkResponse, ActionError> {
        if request.get("bad").is_some_and(Value::is_truthy) {
            return Err(ActionError::caller("CUSTOM", "validate() said no").field("bad"));
        }
        Ok(OkResponse { ok: true })
    }

    async fn bad_response(&self, _request: Value) -> Result<BadResponse, ActionError> {
        Ok(BadResponse {
            x: "not an integer".into(),
        })
    }

    async fn not_serializable(
        &self,
        request: NotSerializableRequest,
    ) -> Result<NotSerializableResponse, ActionError> {
        let x = match request.what.as_deref() {
            Some("tz" | "object") => Odd::Object,
            Some("bigint") => Odd::Value((1_i128 << 64).into()),
            Some("set") => Odd::Value(value!([1, 2])),
            _ => Odd::Value(1.into()),
        };
        Ok(NotSerializableResponse { x })
    }

    async fn none(&self, _request: Value) -> Result<(), ActionError> {
        Ok(())
    }

    async fn get_context(
        &self,
        _request: Value,
        cx: &Context,
    ) -> Result<GetContextResponse, ActionError> {
        let mut switches: Vec<i64> = cx.switches().iter().map(Switch::number).collect();
        switches.sort_unstable();
        Ok(GetContextResponse {
            context: cx.header().to_map(),
            control: cx.control().to_map(),
            switches,
            action: cx.action().to_owned(),
        })
    }

    async fn call_square(
        &self,
        request: CallSquareRequest,
        cx: &Context,
    ) -> Result<CallSquareResponse, ActionError> {
        let service = request.service.unwrap_or("example2".to_owned());
        // The untyped form of `client.job((callee.square(…), callee.get_context(…)))`, because it also has the context
        // of the response.
        let response = cx
            .soa_client()
            .call_job(
                service,
                [
                    ("square".into(), value!({ "number": (request.number) })),
                    ("get_context".into(), value!({})),
                ],
            )
            .timeout(Duration::from_secs(5))
            .await?;
        let context = &response.context;
        let mut job_response_context = context.extra.clone();
        if let Some(correlation_id) = &context.correlation_id {
            job_response_context.insert("correlation_id", &**correlation_id);
        }
        let square: SquareResponse = body(&response, 0)?;
        let callee: GetContextResponse = body(&response, 1)?;
        Ok(CallSquareResponse {
            square: square.square,
            received_context: cx.header().to_map(),
            callee_context: callee.context,
            callee_control: callee.control,
            job_response_context,
        })
    }

    async fn types(&self, request: Value) -> Result<TypesResponse, ActionError> {
        Ok(TypesResponse {
            canonical: canonical::types().map_err(ActionError::internal)?,
            received: request,
        })
    }

    async fn big(&self, request: BigRequest) -> Result<BigResponse, ActionError> {
        let size = usize::try_from(request.size).map_err(ActionError::internal)?;
        let data = match request.kind {
            Some(BigKind::Text) => "0123456789abcdef"
                .chars()
                .cycle()
                .take(size)
                .collect::<String>()
                .into(),
            _ => Value::from(Blob::from(
                (0..=255).cycle().take(size).collect::<Vec<u8>>(),
            )),
        };
        Ok(BigResponse { data })
    }

    async fn switched_v3(&self, _request: Value) -> Result<SwitchedResponse, ActionError> {
        Ok(SwitchedResponse { version: 3 })
    }

    async fn switched_v2(
        &self,
        _request: Value,
        cx: &Context,
    ) -> Result<SwitchedV2Response, ActionError> {
        Ok(SwitchedV2Response {
            version: 2,
            is_active_5: cx.is_active(VERSION_2),
        })
    }

    async fn switched(&self, _request: Value) -> Result<SwitchedResponse, ActionError> {
        Ok(SwitchedResponse { version: 1 })
    }

    async fn slow(&self, request: SlowRequest) -> Result<SlowResponse, ActionError> {
        let slept = request.seconds.unwrap_or(0.1);
        let duration = Duration::try_from_secs_f64(slept).map_err(ActionError::internal)?;
        tokio::time::sleep(duration).await;
        Ok(SlowResponse {
            slept,
            pid: std::process::id(),
        })
    }

    async fn remember(&self, request: RememberRequest) -> Result<(), ActionError> {
        let mut memory = self.memory();
        if memory.len() >= MAX_VALUES && !memory.contains_key(&request.key) {
            return Err(ActionError::caller("FULL", "There is no room for more").field("key"));
        }
        memory.insert(request.key, request.value);
        Ok(())
    }

    async fn recall(&self, request: RecallRequest) -> Result<RecallResponse, ActionError> {
        let memory = self.memory();
        let value = memory.get(&request.key).cloned().unwrap_or(Value::Nil);
        Ok(RecallResponse { value })
    }

    async fn get_things(&self, _request: Value) -> Result<GetThingsResponse, ActionError> {
        let owners = [Some("o1"), Some("o2"), Some("missing"), None];
        let things = (1..).zip(owners).map(|(id, owner)| Thing {
            type_name: "thing_type".to_owned(),
            id: id.to_string(),
            owner_id: owner.map(str::to_owned).into(),
        });
        Ok(GetThingsResponse {
            things: things.collect(),
        })
    }

    async fn get_owners(
        &self,
        request: GetOwnersRequest,
    ) -> Result<GetOwnersResponse, ActionError> {
        let known = request.owner_ids.into_iter().filter(|id| id != "missing");
        let owners: BTreeMap<String, Owner> = known
            .map(|id| {
                let owner = Owner {
                    type_name: "owner_type".to_owned(),
                    name: format!("Owner {id}"),
                    id: id.clone(),
                };
                (id, owner)
            })
            .collect();
        Ok(GetOwnersResponse { owners })
    }
}

/// Decodes the body of one action of a job that should have succeeded.
fn body<T: serde::de::DeserializeOwned>(
    response: &JobResponse,
    index: usize,
) -> Result<T, ActionError> {
    let failed = || response.actions.iter().flat_map(|action| &action.errors);
    if let Some(error) = response.errors.iter().chain(failed()).next() {
        return Err(ActionError::internal(format!(
            "the called service failed: {error}"
        )));
    }
    match response.actions.get(index) {
        Some(action) => action.body.decode().map_err(ActionError::internal),
        None => Err(ActionError::internal(
            "the called service left out a response",
        )),
    }
}
