use serde::{Deserialize, Serialize};
use soa::{ActionError, Client, Context};

#[derive(Serialize, Deserialize)]
struct Locale(String);

fn locale(cx: &Context) -> Result<Option<Locale>, ActionError> {
    cx.get::<Locale>()
}

fn main() {
    let _ = locale;
    let _ = Client::builder().context_value(Locale("fr_FR".into()));
}
