use soa::{ActionErrors, WireError};

#[derive(ActionErrors)]
enum Errors {
    /// Too small.
    #[action_error(status = 42)]
    TooSmall,
    /// No number.
    #[action_error(status = "404")]
    NoNumber,
    /// Half a header.
    #[action_error(headers("WWW-Authenticate"))]
    Half,
    /// Not a header.
    #[action_error(headers("WWW Authenticate" = "Bearer"))]
    NoHeader,
    #[action_error(other, status = 500, headers("Retry-After" = "1"))]
    Other(WireError),
}

fn main() {
    let _ = Errors::TooSmall;
}
