//! `?` on an error that is neither the framework's nor the service's own.

use soa::{ActionError, Value, service};

struct Files;

#[service(name = "files", version = "1.0.0")]
impl Files {
    #[action]
    async fn read(&self) -> Result<Value, ActionError> {
        let text = std::fs::read_to_string("/etc/hostname")?;
        Ok(soa::value!({ "text": text }))
    }

    #[action]
    async fn count(&self, request: Value) -> Result<Value, ActionError> {
        let number: u32 = request.get("n").and_then(Value::as_str).unwrap_or("").parse()?;
        Ok(soa::value!({ "n": number }))
    }
}

fn main() {
    let files = FilesClient::local(Files);
    let _ = files.read();
}
