use soa::{ActionError, service};

struct First;

#[service(name = "first", calls("", "user accounts", "stock", "stock"))]
impl First {
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

struct Second;

#[service(name = "second", calls())]
impl Second {}

struct Third;

#[service(name = "third", calls = "stock")]
impl Third {}

struct Fourth;

#[service(name = "fourth", calls)]
impl Fourth {}

struct Fifth;

#[service(name = "fifth", calls(STOCK), version = "1.0.0")]
impl Fifth {}

struct Sixth;

#[service(name = "sixth", calls("stock" "users"))]
impl Sixth {}

struct Seventh;

#[service(name = "seventh", calls("stock") version = "1.0.0")]
impl Seventh {}

fn main() {
    let _ = FirstClient::local(First).ping();
}
