//! Every way of writing a health check.
#![deny(warnings)]

use soa::health::{Health, IntoHealth};
use soa::{ActionError, Context, Service, Value, service};

struct Shop<S>(S);

trait Store: Send + Sync + 'static {
    fn free(&self) -> u64;
}

impl Store for u64 {
    fn free(&self) -> u64 {
        *self
    }
}

#[service(name = "shop")]
impl<S: Store> Shop<S> {
    #[action(timeout = "1m 30s")]
    async fn stock(&self) -> Result<Value, ActionError> {
        Ok(soa::value!({}))
    }

    #[health_check]
    async fn store(&self) -> Health {
        Health::ok().diagnostic("free", self.0.free())
    }

    #[health_check(name = "the-database.1", cached = "10s", slow_after = "500ms", timeout = "1.5s")]
    async fn database(&self, cx: &Context) -> Result<Health, ActionError> {
        let _ = cx;
        Ok(Health::ok())
    }

    #[soa::health_check()]
    async fn r#type(&self) {}

    #[health_check]
    async fn fallible(&self) -> Result<(), ActionError> {
        Ok(())
    }

    #[health_check]
    async fn hidden(&self, _: &Context) -> impl IntoHealth + use<S> {
        Health::ok()
    }

    #[health_check]
    #[cfg(not(unix))]
    async fn elsewhere(&self) -> Nothing {}

    #[health_check(name = "either")]
    #[cfg(unix)]
    #[deprecated]
    async fn on_unix(&self) {}

    #[health_check(name = "either")]
    #[cfg(not(unix))]
    async fn not_on_unix(&self) {}
}

#[service(name = "post")]
pub trait Post {
    #[action(timeout = "2s")]
    async fn weigh(&self) -> Result<(), ActionError>;
}

struct Office<'a, const N: usize>(&'a str);

#[service]
impl<'a, const N: usize> Post for Office<'a, N>
where
    [u8; N]: Sized,
{
    #[health_check]
    async fn counters(&self) -> Health {
        Health::ok().diagnostic(self.0, Self::COUNTERS)
    }

    async fn weigh(&self) -> Result<(), ActionError> {
        Ok(())
    }

    /// May be called from elsewhere, too.
    #[health_check]
    pub async fn open(&self) {}
}

impl<const N: usize> Office<'_, N> {
    const COUNTERS: usize = N;
}

macro_rules! service_of {
    ($type:ident, $check:ident, $limit:literal) => {
        struct $type;

        #[service(name = "made")]
        impl $type {
            #[health_check(timeout = $limit)]
            async fn $check(&self) -> Health {
                Health::ok()
            }
        }
    };
}

service_of!(Made, well, "2s");

fn main() {
    assert_eq!(Shop::<u64>::HEALTH_CHECKS.len(), 6);
    assert_eq!(Office::<'static, 2>::HEALTH_CHECKS.len(), 2);
    assert_eq!(Made::HEALTH_CHECKS.len(), 1);
    let _ = ShopClient::local(Shop(7)).stock();
    let office = Office::<'static, 2>("counters");
    let _ = office.open();
    let _ = (PostClient::local(office).weigh(), MadeClient::local(Made));
}
