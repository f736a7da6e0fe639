//! Every kind of argument and result.

use std::time::Duration;

use soa::{ActionError, Context, DateTime, Decimal, Value, code, service};

use super::arguments::*;
use super::health::Health;
use super::types::{Color, Item, Point, Scalars};

/// The service for every kind of argument and result.
#[derive(Debug)]
pub struct ExampleService {
    health: Health,
}

impl ExampleService {
    /// Returns a service that sets this health.
    pub fn new(health: Health) -> Self {
        Self { health }
    }
}

/// every kind of argument and result
#[service(
    name = "example",
    version = "1.0.0",
    package = "example_api",
    component = "example-component"
)]
impl ExampleService {
    #[action]
    async fn echo_str(&self, request: TextValue) -> Result<TextResult, ActionError> {
        Ok(TextResult {
            result: request.value,
        })
    }

    #[action]
    async fn echo_int(&self, request: IntValue) -> Result<IntResult, ActionError> {
        Ok(IntResult {
            result: request.value,
        })
    }

    #[action]
    async fn echo_float(&self, request: FloatValue) -> Result<FloatResult, ActionError> {
        Ok(FloatResult {
            result: request.value,
        })
    }

    #[action]
    async fn echo_bool(&self, request: BoolValue) -> Result<BoolResult, ActionError> {
        Ok(BoolResult {
            result: request.value,
        })
    }

    #[action]
    async fn echo_bytes(&self, request: BytesValue) -> Result<BytesResult, ActionError> {
        Ok(BytesResult {
            result: request.value,
        })
    }

    #[action]
    async fn scalars(&self, request: ScalarArguments) -> Result<ScalarsResult, ActionError> {
        let ScalarArguments { i, f, b, s } = request;
        Ok(ScalarsResult {
            result: Scalars { i, f, b, s },
        })
    }

    #[action]
    async fn add(&self, request: Summands) -> Result<IntResult, ActionError> {
        let sum = request.a.checked_add(request.b);
        let result =
            sum.ok_or_else(|| ActionError::caller(code::INVALID, "The sum does not fit 64 bits"))?;
        Ok(IntResult { result })
    }

    #[action]
    async fn echo_ints(&self, request: IntValues) -> Result<IntsResult, ActionError> {
        Ok(IntsResult {
            result: request.values,
        })
    }

    #[action]
    async fn echo_strs(&self, request: TextValues) -> Result<TextsResult, ActionError> {
        Ok(TextsResult {
            result: request.values,
        })
    }

    #[action]
    async fn echo_point(&self, request: PointArgument) -> Result<PointResult, ActionError> {
        Ok(PointResult {
            result: request.point,
        })
    }

    #[action(name = "move")]
    async fn move_points(&self, request: Move) -> Result<PointsResult, ActionError> {
        let Move { points, dx, dy } = request;
        let moved = points.into_iter().map(|point| {
            Some(Point {
                x: point.x.checked_add(dx)?,
                y: point.y.checked_add(dy)?,
            })
        });
        let result: Option<Vec<Point>> = moved.collect();
        let result = result.ok_or_else(|| {
            ActionError::caller(code::INVALID, "A coordinate does not fit 64 bits")
        })?;
        Ok(PointsResult { result })
    }

    #[action]
    async fn echo_node(&self, request: NodeArgument) -> Result<NodeResult, ActionError> {
        Ok(NodeResult {
            result: request.node,
        })
    }

    #[action]
    async fn echo_item(&self, request: ItemArgument) -> Result<ItemResult, ActionError> {
        Ok(ItemResult {
            result: request.item,
        })
    }

    #[action]
    async fn items(&self, request: Count) -> Result<ItemsResult, ActionError> {
        Ok(ItemsResult {
            result: (0..request.count).map(Item::numbered).collect(),
        })
    }

    #[action]
    async fn echo_map(&self, request: MapValue) -> Result<MapResult, ActionError> {
        Ok(MapResult {
            result: request.value,
        })
    }

    #[action]
    async fn maybe_str(&self, request: MaybeText) -> Result<MaybeTextResult, ActionError> {
        Ok(MaybeTextResult {
            result: request.value,
        })
    }

    #[action]
    async fn maybe_int(&self, request: MaybeInt) -> Result<MaybeIntResult, ActionError> {
        Ok(MaybeIntResult {
            result: request.value,
        })
    }

    #[action]
    async fn maybe_point(&self, request: MaybePoint) -> Result<MaybePointResult, ActionError> {
        Ok(MaybePointResult {
            result: request.value,
        })
    }

    #[action]
    async fn nothing(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action]
    async fn untyped_result(&self, request: IntValue) -> Result<UntypedResult, ActionError> {
        let result = match request.value {
            value if value < 0 => Value::Nil,
            value => value.into(),
        };
        Ok(UntypedResult { result })
    }

    #[action]
    async fn echo_datetime(&self, request: DateTimeValue) -> Result<DateTimeResult, ActionError> {
        Ok(DateTimeResult {
            result: request.value,
        })
    }

    #[action]
    async fn echo_decimal(&self, request: DecimalValue) -> Result<DecimalResult, ActionError> {
        Ok(DecimalResult {
            result: request.value,
        })
    }

    #[action]
    async fn echo_uuid(&self, request: UuidValue) -> Result<UuidResult, ActionError> {
        Ok(UuidResult {
            result: request.value,
        })
    }

    #[action]
    async fn echo_color(&self, request: ColorValue) -> Result<ColorResult, ActionError> {
        Ok(ColorResult {
            result: request.value,
        })
    }

    #[action]
    async fn a_datetime(&self) -> Result<DateTimeResult, ActionError> {
        let result: DateTime = "2024-01-02T03:04:05.678901"
            .parse()
            .map_err(ActionError::internal)?;
        Ok(DateTimeResult { result })
    }

    #[action]
    async fn a_decimal(&self) -> Result<DecimalResult, ActionError> {
        let result: Decimal = "12.30".parse().map_err(ActionError::internal)?;
        Ok(DecimalResult { result })
    }

    #[action]
    async fn a_uuid(&self) -> Result<UuidResult, ActionError> {
        let result = "12345678-1234-5678-1234-567812345678".parse();
        Ok(UuidResult {
            result: result.map_err(|_| ActionError::internal("not a UUID"))?,
        })
    }

    #[action]
    async fn a_color(&self) -> Result<ColorResult, ActionError> {
        Ok(ColorResult {
            result: Color::Green,
        })
    }

    #[action]
    async fn fail(&self, request: Message) -> Result<TextResult, ActionError> {
        Err(failed(request.message))
    }

    #[action]
    async fn fail_list(&self, request: Message) -> Result<IntsResult, ActionError> {
        Err(failed(request.message))
    }

    #[action]
    async fn fail_point(&self, request: Message) -> Result<PointResult, ActionError> {
        Err(failed(request.message))
    }

    #[action]
    async fn later(&self, request: Later) -> Result<TextResult, ActionError> {
        let time = Duration::try_from_secs_f64(request.seconds);
        let time = time.map_err(|error| {
            ActionError::caller(code::INVALID, error.to_string()).field("seconds")
        })?;
        tokio::time::sleep(time).await;
        Ok(TextResult {
            result: request.value,
        })
    }

    #[action]
    async fn later_items(&self, request: Count) -> Result<ItemsResult, ActionError> {
        tokio::task::yield_now().await;
        self.items(request).await
    }

    #[action]
    async fn authorization(&self, cx: &Context) -> Result<TextResult, ActionError> {
        let header = cx.http().and_then(|http| http.header("authorization"));
        Ok(TextResult {
            result: header.unwrap_or_default().to_owned(),
        })
    }

    #[action]
    async fn set_health(&self, request: MainHealth) -> Result<TextResult, ActionError> {
        let MainHealth { status, details } = request;
        if !["OK", "WARNING", "ERROR"].contains(&&*status) {
            let message = "The status has to be OK, WARNING or ERROR";
            return Err(ActionError::caller(code::INVALID, message).field("status"));
        }
        self.health.set(status.clone(), details);
        Ok(TextResult { result: status })
    }

    #[action]
    async fn set_delay(&self, request: Seconds) -> Result<FloatResult, ActionError> {
        let delay = Duration::try_from_secs_f64(request.seconds);
        let delay = delay.map_err(|error| {
            ActionError::caller(code::INVALID, error.to_string()).field("seconds")
        })?;
        self.health.set_delay(delay);
        Ok(FloatResult {
            result: request.seconds,
        })
    }
}

fn failed(message: String) -> ActionError {
    ActionError::server("RAISED", message)
}
