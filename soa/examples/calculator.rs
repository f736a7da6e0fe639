//! The README's program: a service, its typed client, and a call in the same process.
#![allow(clippy::print_stdout)] // The output of an example.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{ActionError, service};

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SquareRequest {
    #[garde(range(min = -1_000_000, max = 1_000_000))]
    number: i64,
}

#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[garde(allow_unvalidated)]
struct SquareResponse {
    square: i64,
}

struct Calculator;

#[service(name = "calculator", version = "1.0.0")]
impl Calculator {
    /// Squares a number.
    #[action]
    async fn square(&self, request: SquareRequest) -> Result<SquareResponse, ActionError> {
        Ok(SquareResponse {
            square: request.number * request.number,
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), soa::ClientError> {
    let calculator = CalculatorClient::local(Calculator);
    let response = calculator.square(SquareRequest { number: 12 }).await?;
    println!("The square of 12 is {}", response.square);
    Ok(())
}
