//! A bare handler of axum, with the same bodies as `add` of the example component: what HTTP costs without the framework.

use std::error::Error;
use std::net::Ipv4Addr;

use axum::Json;
use axum::Router;
use axum::routing::post;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
struct Call {
    #[serde(rename = "method")]
    _method: String,
    args: (i64, i64),
}

#[derive(Debug, Serialize)]
struct Answer {
    result: i64,
    exception: Option<String>,
}

/// Serves on this port until the process ends.
pub(crate) async fn serve(port: u16) -> Result<(), Box<dyn Error>> {
    let router = Router::new().route("/invoke", post(add));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

async fn add(Json(call): Json<Call>) -> Json<Answer> {
    let (first, second) = call.args;
    Json(Answer {
        result: first.wrapping_add(second),
        exception: None,
    })
}
