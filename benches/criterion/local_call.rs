//! A typed call in one process, with validation both ways, against the same by hand: encode, decode, validate,
//! handle, validate, encode, decode, with `rmp_serde` and garde and no framework.
//!
//! The numbers are to be compared with each other, in one run: the goal is at most 2.2 times the second.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Setting up a bench.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use soa::{ActionError, service};

/// A request of a usual size.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Order {
    #[garde(range(min = 1))]
    id: i64,
    #[garde(length(chars, min = 2, max = 40))]
    name: String,
    #[garde(length(max = 8))]
    tags: Vec<String>,
    #[garde(range(min = 0.0))]
    price: f64,
    #[garde(skip)]
    note: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Receipt {
    #[garde(range(min = 1))]
    id: i64,
    #[garde(length(chars, min = 1))]
    text: String,
}

#[derive(Clone, Copy)]
struct Shop;

#[service(name = "shop", version = "1.0.0")]
impl Shop {
    #[action]
    async fn order(&self, request: Order) -> Result<Receipt, ActionError> {
        Ok(handle(request))
    }
}

fn handle(order: Order) -> Receipt {
    Receipt {
        id: order.id,
        text: order.name,
    }
}

fn order() -> Order {
    Order {
        id: 12,
        name: "A rather usual name".to_owned(),
        tags: vec!["new".to_owned(), "blue".to_owned()],
        price: 12.5,
        note: None,
    }
}

async fn by_hand(order: Order) -> Receipt {
    let request = rmp_serde::to_vec_named(&order).unwrap();
    let order: Order = rmp_serde::from_slice(&request).unwrap();
    order.validate().unwrap();
    let receipt = handle(order);
    receipt.validate().unwrap();
    let response = rmp_serde::to_vec_named(&receipt).unwrap();
    rmp_serde::from_slice(&response).unwrap()
}

fn local_call(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let client = ShopClient::local(Shop);
    let order = order();
    let mut group = criterion.benchmark_group("typed call in one process");
    group.bench_function("soa", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| async { client.order(black_box(order.clone())).await.unwrap() });
    });
    group.bench_function("by hand", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| async { by_hand(black_box(order.clone())).await });
    });
    group.finish();
}

criterion_group!(benches, local_call);
criterion_main!(benches);
