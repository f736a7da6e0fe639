//! Stubs, and the context for calling handlers directly.

use example_service::types::{
    CallSquareRequest, GetContextResponse, SquareRequest, SquareResponse,
};
use example_service::{ExampleClient, ExampleService, VERSION_2};
use soa::testing::Stub;
use soa::{ActionError, Client, Context, ErrorKind, Map, Server, service, value};

fn squaring() -> Stub {
    Stub::new().on(ExampleClient::SQUARE, |request| match request.number {
        13 => Err(ActionError::caller("UNLUCKY", "Not that one").field("number")),
        number => Ok(SquareResponse {
            square: number * number,
        }),
    })
}

fn square(number: i128) -> SquareRequest {
    SquareRequest { number }
}

#[tokio::test]
async fn a_stub_answers_with_types_and_records_its_calls() {
    let stub = squaring();
    let example = ExampleClient::stubbed(stub.clone());
    assert_eq!(example.square(square(3)).await.unwrap().square, 9);
    let error = example.square(square(13)).await.unwrap_err();
    assert_eq!(error.errors()[0].field.as_deref(), Some("number"));
    assert_eq!(stub.calls(ExampleClient::SQUARE), [square(3), square(13)]);
    assert_eq!(stub.called(), ["square", "square"]);
    assert!(stub.calls(ExampleClient::ECHO).is_empty());
}

#[tokio::test]
async fn an_unexpected_call_says_what_the_stub_lacks() {
    let stub = squaring();
    let example = ExampleClient::stubbed(stub.clone());
    let error = example.echo(value!({})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(
        error.reason().unwrap().to_string(),
        "the stub of service `example` has no handler for action `echo`; give it one with `.on(…)`"
    );
    assert_eq!(stub.called(), ["echo"]);
    assert_eq!(stub.unexpected().len(), 1);
}

#[tokio::test]
async fn a_service_is_tested_with_a_stub_of_the_service_that_it_calls() {
    let stub = squaring().on(ExampleClient::GET_CONTEXT, |_| {
        Ok(GetContextResponse {
            context: Map::new(),
            control: Map::new(),
            switches: Vec::new(),
            action: "get_context".to_owned(),
        })
    });
    let client = Client::builder()
        .service("example2", stub.clone())
        .build()
        .unwrap();
    let server = Server::builder(ExampleService::new()).client(client.clone());
    let request = CallSquareRequest {
        number: 5,
        service: None,
    };
    let response = ExampleClient::local(server)
        .call_square(request.clone())
        .await
        .unwrap();
    assert_eq!(response.square, 25);
    assert_eq!(stub.called(), ["square", "get_context"]);
}

/// Calls another service, and looks at its switches.
struct Cubes;

#[service(name = "cubes", version = "1.0.0")]
impl Cubes {
    #[action]
    async fn cube(
        &self,
        request: SquareRequest,
        cx: &Context,
    ) -> Result<SquareResponse, ActionError> {
        let number = request.number;
        let squared = cx.client::<ExampleClient>().square(request).await?;
        let sign = if cx.is_active(VERSION_2) { -1 } else { 1 };
        Ok(SquareResponse {
            square: squared.square * number * sign,
        })
    }
}

#[tokio::test]
async fn a_handler_is_called_directly_with_a_context_for_tests() {
    let client = Client::builder()
        .service("example", squaring())
        .build()
        .unwrap();
    let cx = Context::for_test().with_client(&client);
    assert_eq!(Cubes.cube(square(3), &cx).await.unwrap().square, 27);
    let cx = cx
        .with_switch(VERSION_2)
        .with_value("locale", "fr_FR")
        .with_extension(7_u8);
    assert_eq!(Cubes.cube(square(3), &cx).await.unwrap().square, -27);
    assert_eq!(cx.extension::<u8>(), Some(&7));
    assert_eq!(cx.correlation_id().len(), 32);
    assert_eq!(cx.value("locale"), Some(&"fr_FR".into()));
}

#[tokio::test]
async fn a_chained_call_that_fails_is_a_failure_of_the_service() {
    let cx = Context::for_test();
    let error = Cubes.cube(square(3), &cx).await.unwrap_err();
    assert_eq!(
        error.errors()[0].to_string(),
        "SERVER_ERROR: Internal server error: no route to service `example`: this client has no routes; add one \
         with the setting `client_routing.example` or with `ClientBuilder::service`"
    );
}
