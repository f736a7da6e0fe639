use soa::{ActionError, service};

struct Example<T, const N: usize>(T);

#[service(name = "example", version = "1.0.0")]
impl<T: Send + Sync + 'static, const N: usize> Example<T, N> {
    #[action]
    async fn echo(&self, request: Vec<T>) -> Result<[(); N], ActionError> {
        drop(request);
        Ok([(); N])
    }
}

fn main() {
    let _ = ExampleClient::local(Example::<u8, 3>(0)).echo(vec![0]);
}
