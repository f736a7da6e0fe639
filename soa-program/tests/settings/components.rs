//! Routes over HTTP: to an address, and to components that a registry knows.

use soa_program::settings::{NoSection, Settings};

/// The reason why a client cannot be made of these settings.
fn refused(settings: &[&str]) -> String {
    let loader = Settings::<NoSection>::loader();
    let loader = settings.iter().fold(loader, |loader, set| loader.set(*set));
    let settings = loader.load().map_err(|error| error.to_string());
    match settings.map(|settings| settings.client().map(drop)) {
        Ok(Ok(())) => panic!("the settings were taken"),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_service_is_called_at_an_address_or_wherever_the_registry_says() {
    let settings = Settings::<NoSection>::loader()
        .set("client_routing.users.transport.http.address=http://10.0.0.1:8000")
        .set("client_routing.users.transport.http.channel=dispatch-msgpack")
        .set("client_routing.books.transport.http.component=library")
        .set("client.registry.url=consul://127.0.0.1:8500")
        .set("client.channel=dispatch-json")
        .load()
        .unwrap();
    let client = settings.client().unwrap().build().unwrap();
    let services: Vec<&str> = client.services().map(|name| name.as_str()).collect();
    assert_eq!(services, ["books", "users"]);
}

#[test]
fn a_route_over_http_without_an_address_and_without_a_registry_says_what_to_set() {
    let error = refused(&["client_routing.books.transport.http.component=library"]);
    assert!(
        error.contains("`client_routing.books.transport.http` has no `address`"),
        "{error}"
    );
    assert!(error.contains("`client.registry.url`"), "{error}");
}

#[test]
fn an_unknown_channel_is_told_with_those_that_exist() {
    let error = refused(&[
        "client_routing.users.transport.http.address=http://10.0.0.1:8000",
        "client_routing.users.transport.http.channel=dispatch-xml",
    ]);
    assert!(error.contains("there is no `dispatch-xml`"), "{error}");
    assert!(error.contains("`dispatch-json`"), "{error}");
}

#[test]
fn a_registry_that_is_none_is_told_with_its_place() {
    let error = refused(&["client.registry.url=etcd://127.0.0.1:2379"]);
    assert!(error.contains("client.registry"), "{error}");
    assert!(error.contains("consul://HOST:PORT"), "{error}");
}
