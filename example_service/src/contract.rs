//! The contract of the service. Callers need nothing else.

use soa::{ActionError, Context, Switch, Value, service};

use crate::types::*;

/// The switch that selects version 2 of `switched`.
pub const VERSION_2: Switch = Switch::new(5);

/// The switch that selects version 3 of `switched`.
pub const VERSION_3: Switch = Switch::new(7);

/// Shows every feature of the framework in its smallest form.
#[service(name = "example", version = "1.2.3")]
pub trait Example {
    /// Squares an integer.
    #[action(request = SquareRequest, response = SquareResponse, idempotent)]
    async fn square(&self, request: SquareRequest) -> Result<SquareResponse, ActionError>;

    /// Answers with its request.
    #[action(idempotent)]
    async fn echo(&self, request: Value) -> Result<Value, ActionError>;

    /// Always fails, with the requested errors.
    #[action]
    async fn fail(&self, request: FailRequest) -> Result<(), ActionError>;

    /// Panics. The server goes on.
    #[action]
    async fn boom(&self, request: Value) -> Result<(), ActionError>;

    /// Fails the whole job.
    #[action]
    async fn job_error(&self, request: Value) -> Result<(), ActionError>;

    /// Has a rule of every kind.
    #[action]
    async fn validate_me(&self, request: ValidateMeRequest) -> Result<OkResponse, ActionError>;

    /// Checks its request by hand.
    #[action]
    async fn custom_validate(&self, request: Value) -> Result<OkResponse, ActionError>;

    /// Answers with a value that its own schema forbids.
    #[action]
    async fn bad_response(&self, request: Value) -> Result<BadResponse, ActionError>;

    /// Answers with a value that cannot be serialized.
    #[action]
    async fn not_serializable(
        &self,
        request: NotSerializableRequest,
    ) -> Result<NotSerializableResponse, ActionError>;

    /// Answers with an empty body.
    #[action]
    async fn none(&self, request: Value) -> Result<(), ActionError>;

    /// Answers with the context of its own job.
    #[action]
    async fn get_context(
        &self,
        request: Value,
        cx: &Context,
    ) -> Result<GetContextResponse, ActionError>;

    /// Lets another service square a number.
    #[action]
    async fn call_square(
        &self,
        request: CallSquareRequest,
        cx: &Context,
    ) -> Result<CallSquareResponse, ActionError>;

    /// Answers with a value of every type of the protocol.
    #[action]
    async fn types(&self, request: Value) -> Result<TypesResponse, ActionError>;

    /// Answers with as many bytes as requested.
    #[action]
    async fn big(&self, request: BigRequest) -> Result<BigResponse, ActionError>;

    /// V3
    #[action(name = "switched", switch = VERSION_3)]
    async fn switched_v3(&self, request: Value) -> Result<SwitchedResponse, ActionError>;

    /// V2
    #[action(name = "switched", switch = VERSION_2)]
    async fn switched_v2(
        &self,
        request: Value,
        cx: &Context,
    ) -> Result<SwitchedV2Response, ActionError>;

    /// V1
    #[action]
    async fn switched(&self, request: Value) -> Result<SwitchedResponse, ActionError>;

    /// Sleeps before it answers.
    #[action]
    async fn slow(&self, request: SlowRequest) -> Result<SlowResponse, ActionError>;

    /// Keeps a value in the memory of the process.
    #[action]
    async fn remember(&self, request: RememberRequest) -> Result<(), ActionError>;

    /// Returns a value that was remembered.
    #[action]
    async fn recall(&self, request: RecallRequest) -> Result<RecallResponse, ActionError>;

    /// Returns things that refer to their owners.
    #[action]
    async fn get_things(&self, request: Value) -> Result<GetThingsResponse, ActionError>;

    /// Returns the owners of things.
    #[action]
    async fn get_owners(&self, request: GetOwnersRequest)
    -> Result<GetOwnersResponse, ActionError>;
}
