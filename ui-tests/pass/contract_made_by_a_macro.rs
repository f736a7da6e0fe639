//! A contract, and what keeps it, can come out of a `macro_rules!` macro.
#![deny(warnings)]

macro_rules! contract {
    ($contract:ident, $method:ident, $name:literal, $number:literal, $ty:ty, $result:ty) => {
        #[soa::service(name = $name, version = "1.0.0")]
        pub trait $contract {
            #[action(request = $ty)]
            async fn $method(&self, request: $ty, context: &soa::Context) -> $result;

            #[action(name = "other", switch = $number)]
            async fn one(&self) -> $result;

            #[action(name = "other")]
            async fn other(&self) -> $result;
        }
    };
}

macro_rules! keep {
    ($contract:path, $keeper:ty, $method:ident, $ty:ty, $result:ty, $body:block) => {
        #[soa::service]
        impl $contract for $keeper {
            async fn $method(&self, request: $ty, context: &soa::Context) -> $result {
                let _ = (request, context);
                $body
            }

            async fn one(&self) -> $result {
                $body
            }

            async fn other(&self) -> $result {
                $body
            }
        }
    };
}

pub struct Keeper;

contract!(Echo, echo, "echo", 5, Vec<()>, Result<(), soa::ActionError>);
keep!(self::Echo, Keeper, echo, Vec<()>, Result<(), soa::ActionError>, { Ok(()) });

fn main() {
    let echo = EchoClient::local(Keeper);
    let _ = (echo.echo(vec![()]), echo.one());
}
