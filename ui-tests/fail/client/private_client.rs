mod inner {
    pub struct Example;

    #[soa::service(name = "example", version = "1.0.0", vis = pub(self))]
    impl Example {
        #[action]
        async fn ping(&self) -> Result<(), soa::ActionError> {
            Ok(())
        }
    }
}

fn main() {
    let _ = inner::ExampleClient::local(inner::Example).ping();
}
