//! The choice of an address, over 10 and over 1,000 addresses: by each selector, with equal weights and with different ones,
//! and with a tenth of the addresses left out. Then a whole call of an address that answers at once.
//!
//! The numbers are to be compared with each other, in one run: the goal is at most 1.5 times as long over 1,000 addresses.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Setting up a bench.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use soa::client::ClientRequest;
use soa::registry::{
    Address, Channel, ComponentTransport, Directory, Discovery, HealthEndpoint, Instance,
    LeastOutstanding, MemoryRegistry, Registration, Registry, RoundRobin,
};
use soa::transport::{ClientTransport, ReplyFuture};
use soa::{
    BuildError, ContextHeader, Control, JobRequest, JobResponse, TransportError, TransportErrorKind,
};
use tokio::runtime::Runtime;

/// A channel to addresses that answer at once, or fail at once.
struct Instant;

impl Channel for Instant {
    fn name(&self) -> &str {
        "instant"
    }

    fn open(&self, _: &str, url: &str) -> Result<Arc<dyn ClientTransport>, BuildError> {
        Ok(Arc::new(Answer {
            fails: url.ends_with("fails"),
        }))
    }
}

struct Answer {
    fails: bool,
}

impl ClientTransport for Answer {
    fn call(&self, _: ClientRequest) -> ReplyFuture {
        ReplyFuture::ready(match self.fails {
            true => Err(TransportError::new(
                TransportErrorKind::Unreachable,
                "refused",
            )),
            false => Ok(JobResponse::default()),
        })
    }
}

/// A component with so many addresses.
struct Case {
    addresses: u32,
    weights: fn(u32) -> u32,
    fails: fn(u32) -> bool,
}

impl Case {
    async fn open(&self, discovery: impl Fn(Discovery) -> Discovery) -> ComponentTransport {
        let registry = MemoryRegistry::new();
        for n in 0..self.addresses {
            let end = if (self.fails)(n) { "fails" } else { "answers" };
            let address = Address::new("instant", format!("http://10.0.0.1/{n}/{end}")).unwrap();
            let registration = Registration {
                component: "shop".into(),
                instance: Instance {
                    id: n.to_string(),
                    addresses: vec![address],
                    weight: (self.weights)(n),
                },
                host: ([10, 0, 0, 1], 80).into(),
                health: HealthEndpoint::new("http://10.0.0.1/health"),
                tags: Vec::new(),
            };
            registry.register(&registration).await.unwrap();
        }
        let directory = Directory::new(Arc::new(registry));
        let discovery = discovery(Discovery::new(directory).channel(Instant));
        let transport = discovery.component("shop", None).unwrap();
        // Addresses that fail are found out.
        for _ in 0..self.addresses * 20 {
            transport.call(request()).await.unwrap();
        }
        transport
    }
}

fn request() -> ClientRequest {
    let job = JobRequest::new(ContextHeader::new("id"), Control::default(), Vec::new());
    ClientRequest::new("shop", job)
}

fn selection(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let entered = runtime.enter();
    for addresses in [10, 1000] {
        let even = Case {
            addresses,
            weights: |_| 1,
            fails: |_| false,
        };
        let weighted = Case {
            weights: |n| 1 + n % 7,
            ..even
        };
        let failing = Case {
            fails: |n| n % 10 == 9,
            ..even
        };
        let mut group = criterion.benchmark_group(format!("over {addresses} addresses"));
        let mut measure = |name: &str, transport: &ComponentTransport| {
            assert!(transport.choose());
            group.bench_function(name, |bencher| {
                bencher.iter(|| black_box(transport.choose()))
            });
        };
        let least = |discovery: Discovery| discovery.selector(|| LeastOutstanding);
        measure("least outstanding", &runtime.block_on(even.open(least)));
        measure(
            "least outstanding, by weight",
            &runtime.block_on(weighted.open(least)),
        );
        measure(
            "least outstanding, a tenth left out",
            &runtime.block_on(failing.open(least)),
        );
        let turns = |discovery: Discovery| discovery.selector(RoundRobin::new);
        measure("round robin", &runtime.block_on(even.open(turns)));
        measure(
            "round robin, by weight",
            &runtime.block_on(weighted.open(turns)),
        );
        let transport = runtime.block_on(even.open(least));
        group.bench_function("a whole call", |bencher| {
            bencher
                .to_async(&runtime)
                .iter(|| transport.call(request()));
        });
        group.finish();
    }
    drop(entered);
}

criterion_group!(benches, selection);
criterion_main!(benches);
