//! A service can come out of a `macro_rules!` macro, with its parts put in from outside.
#![deny(warnings)]

macro_rules! echo_service {
    ($service:ident, $method:ident, $name:literal, $ty:ty, $result:ty, $vis:vis, $body:block) => {
        $vis struct $service;

        #[soa::service(name = $name, version = "1.0.0")]
        impl $service {
            #[action(request = $ty)]
            $vis async fn $method(&self, request: $ty, context: &soa::Context) -> $result {
                let _ = (context, request);
                $body
            }
        }
    };
}

echo_service!(Echo, echo, "echo", Vec<()>, Result<(), soa::ActionError>, pub, { Ok(()) });

fn main() {
    let _ = EchoClient::local(Echo).echo(vec![()]);
}
