//! The service that plans are run against: small actions for what a plan can say.

use soa::testing::plan::{Mock, MockError, Mocks};
use soa::{ActionError, Context, Map, Server, ServerBuilder, Value, WireError, service, value};

/// What the service depends on, as plans name it.
pub(crate) struct PlanService {
    random: Mock,
    label: Mock,
}

/// The service as a plan has it: what it depends on is asked of the plan.
pub(crate) fn plan_service_with(mocks: Mocks) -> ServerBuilder {
    Server::builder(PlanService {
        random: mocks.target("plan_service.actions.random"),
        label: mocks.target("plan_service.actions.label"),
    })
}

#[service(name = "plan_service", version = "1.0.0")]
impl PlanService {
    #[action]
    async fn echo(&self, request: Value) -> Result<Value, ActionError> {
        Ok(request)
    }

    #[action]
    async fn get_context(&self, _request: Value, cx: &Context) -> Result<Value, ActionError> {
        let switches: Vec<Value> = cx
            .switches()
            .iter()
            .map(|switch| switch.number().into())
            .collect();
        Ok(value!({
            "locale": (cx.value("locale").cloned()),
            "switches": switches,
            "remote": (cx.control().extra.get("remote").cloned()),
        }))
    }

    #[action]
    async fn fail(&self, request: Value) -> Result<(), ActionError> {
        let errors = [
            WireError::caller("FIRST", "The first, of some").with_field("a.b.0"),
            WireError::caller("SECOND", "The second, of some").with_field("a.b.1"),
        ];
        let count = request.get("count").and_then(Value::as_u64).unwrap_or(0);
        let count = usize::try_from(count).unwrap();
        Err(ActionError::from_errors(
            errors.into_iter().take(count).collect(),
        ))
    }

    #[action]
    async fn fail_job(&self, _request: Value) -> Result<(), ActionError> {
        Err(ActionError::job("BAD_JOB", "Nothing of it is right"))
    }

    #[action]
    async fn what_time(&self, _request: Value, cx: &Context) -> Result<Value, ActionError> {
        Ok(value!({"now": (cx.now().without_zone())}))
    }

    #[action]
    async fn forward(&self, request: Value, cx: &Context) -> Result<Value, ActionError> {
        let text = |key| {
            request
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let body = request.get("body").cloned().unwrap_or(value!({}));
        let call = cx
            .soa_client()
            .call_action(text("service"), text("action"), &body);
        match call.await {
            Ok(response) => Ok(value!({"response": response})),
            Err(error) if error.errors().is_empty() => Err(ActionError::internal(error)),
            Err(error) => Err(ActionError::from_errors(error.errors().to_vec())),
        }
    }

    #[action]
    async fn roll(&self, request: Value) -> Result<Value, ActionError> {
        let sides = request.get("sides").cloned().unwrap_or_default();
        let rolled = self
            .random
            .call("randint", [value!(1), sides.clone()], Map::new());
        let rolled = rolled.map_err(mocked_error)?;
        let mut response = Map::from([("rolled", rolled.clone())]);
        if request.get("label").is_some_and(Value::is_truthy) {
            let label = self.label.call("", [rolled], Map::from([("sides", sides)]));
            let label = label.map_err(mocked_error)?;
            response.insert("label", label.get("text").cloned().unwrap_or_default());
            response.insert(
                "color",
                self.label.attribute("color.value").map_err(mocked_error)?,
            );
        }
        Ok(response.into())
    }
}

fn mocked_error(error: MockError) -> ActionError {
    match error {
        MockError::Raised(name) if name == "ValueError" => {
            ActionError::caller("VALUE_ERROR", "No such die")
        }
        MockError::Deleted(_) => ActionError::caller("ATTRIBUTE_ERROR", "No such attribute"),
        other => ActionError::internal(other),
    }
}
