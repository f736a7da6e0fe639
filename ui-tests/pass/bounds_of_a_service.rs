//! A service with parameters is one for those parameters that threads can share, without a word about it.
#![deny(warnings)]

use soa::{ActionError, Value, service};

pub struct Plain<T>(pub T);

#[service(name = "plain", version = "1.0.0")]
impl<T> Plain<T> {
    #[action]
    async fn ping(&self) -> Result<(), ActionError> {
        let _ = &self.0;
        Ok(())
    }
}

pub struct Borrowing<'a>(pub &'a str);

#[service(name = "borrowing", version = "1.0.0")]
impl<'a> Borrowing<'a> {
    #[action]
    async fn text(&self) -> Result<Value, ActionError> {
        let text: &'a str = self.0;
        Ok(Value::from(text))
    }
}

pub struct Hiding<'a>(pub &'a str);

#[service(name = "hiding", version = "1.0.0")]
impl Hiding<'_> {
    #[action]
    async fn text(&self) -> Result<Value, ActionError> {
        Ok(Value::from(self.0))
    }
}

#[service(name = "contract", version = "1.0.0")]
pub trait Contract {
    #[action]
    async fn ping(&self) -> Result<(), ActionError>;
}

pub struct Kept<T>(pub T);

#[service]
impl<T> Contract for Kept<T> {
    async fn ping(&self) -> Result<(), ActionError> {
        let _ = &self.0;
        Ok(())
    }
}

pub struct Keeper<'a>(pub &'a str);

#[service]
impl<'a> Contract for Keeper<'a> {
    async fn ping(&self) -> Result<(), ActionError> {
        let _: &'a str = self.0;
        Ok(())
    }
}

pub struct Other<'a>(pub &'a str);

#[service]
impl Contract for Other<'_> {
    async fn ping(&self) -> Result<(), ActionError> {
        let _ = self.0;
        Ok(())
    }
}

fn main() {
    let _ = PlainClient::local(Plain(3)).ping();
    let _ = BorrowingClient::local(Borrowing("static")).text();
    let _ = HidingClient::local(Hiding("static")).text();
    let _ = ContractClient::local(Kept(3)).ping();
    let _ = ContractClient::local(Keeper("static")).ping();
    let _ = ContractClient::local(Other("static")).ping();
}
