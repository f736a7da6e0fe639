//! A variant under `#[cfg]` is there or not there, and the others are the variants of each other.
#![deny(warnings)]

use soa::{ActionError, Service, Switch, service};

const NEW: Switch = Switch::new(5);

pub struct Users;

#[service(name = "users", version = "1.0.0")]
impl Users {
    #[action(name = "user")]
    async fn user(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = NEW)]
    #[cfg(all())]
    async fn user_v2(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = NEW)]
    #[cfg(any())]
    async fn user_of_the_past(&self, request: NoSuchType) -> Result<(), ActionError> {
        Ok(())
    }

    #[action(name = "user", switch = NO_SUCH_SWITCH)]
    #[cfg(any())]
    async fn user_v3(&self) -> Result<(), ActionError> {
        Ok(())
    }

    // It may be alone where the other one is not there; it answers every call then.
    #[action(name = "lone", switch = NEW)]
    #[cfg(all())]
    async fn lone(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

#[service(name = "contract", version = "1.0.0")]
pub trait Contract {
    #[action]
    async fn ping(&self) -> Result<(), ActionError>;

    #[action(name = "ping", switch = NO_SUCH_SWITCH)]
    #[cfg(any())]
    async fn ping_v2(&self) -> Result<(), ActionError>;

    #[action(blocking)]
    #[cfg(any())]
    fn wait(&self, request: NoSuchType) -> Result<(), ActionError>;
}

pub struct Keeper;

#[service]
impl Contract for Keeper {
    async fn ping(&self) -> Result<(), ActionError> {
        Ok(())
    }
}

fn main() {
    let names: Vec<_> = Users::DESCRIPTOR
        .actions()
        .iter()
        .map(|action| action.shown_name().to_string())
        .collect();
    assert_eq!(names, ["user[DEFAULT]", "user[switch:5]", "lone[DEFAULT]"]);
    assert_eq!(Keeper::ACTIONS.len(), 1);
    let _ = UsersClient::local(Users).user_v2();
}
