//! Metrics as a page for Prometheus.
//!
//! The recorder keeps the numbers; [`page`] shows them. Both belong to the process: there is one recorder, and what other
//! parts of a program count by the crate `metrics` is on the same page.

mod page;

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

use soa_runtime::BuildError;
use soa_runtime::observe::describe_metrics;

/// The bounds of what histograms tell apart, in seconds: from what a call in the same process takes to what callers
/// wait at most.
const SECONDS: [f64; 19] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// The same in bytes.
const BYTES: [f64; 9] = [
    256.0,
    512.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
];

/// How often what histograms were given is summed up: until then it takes memory.
const UPKEEP: Duration = Duration::from_secs(1);

/// Counts from here on, and shows the page at an address, whose port is so much higher. Must be called on a runtime.
pub(super) fn start(listen: &str, offset: u16) -> Result<(), BuildError> {
    let wrong = |why: String| BuildError::new(format!("`metrics.listen`: {why}"));
    let address = address(listen, offset).map_err(wrong)?;
    let listener = TcpListener::bind(address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .and_then(tokio::net::TcpListener::from_std)
        .map_err(|error| wrong(format!("{address}: {error}")))?;
    let recorder = PrometheusBuilder::new()
        .set_buckets(&SECONDS)
        .and_then(|builder| {
            let sizes = Matcher::Suffix("message_size".to_owned());
            builder.set_buckets_for_metric(sizes, &BYTES)
        })
        .map_err(|error| wrong(error.to_string()))?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)
        .map_err(|_| wrong("this program has a recorder of its own already".to_owned()))?;
    describe_metrics();
    let page = handle.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            handle.run_upkeep();
        }
    });
    tokio::spawn(page::serve(listener, move || page.render()));
    tracing::info!(%address, "metrics are shown under /metrics");
    Ok(())
}

fn address(listen: &str, offset: u16) -> Result<SocketAddr, String> {
    let mut address: SocketAddr = listen
        .parse()
        .map_err(|_| format!("`{listen}` is no address with a port; write `127.0.0.1:9090`"))?;
    // Port 0 is any that is free, for each process.
    if address.port() != 0 {
        let port = address.port().checked_add(offset);
        address.set_port(port.ok_or("there are not enough ports above it for all processes")?);
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn each_process_has_a_port_of_its_own() {
        let port = |listen: &str, number| address(listen, number).map(|address| address.port());
        assert_eq!(port("127.0.0.1:9090", 0), Ok(9090));
        assert_eq!(port("[::1]:9090", 2), Ok(9092));
        assert_eq!(port("127.0.0.1:0", 2), Ok(0));
        assert!(port("127.0.0.1:65535", 1).is_err());
        assert!(port("9090", 0).is_err());
    }
}
