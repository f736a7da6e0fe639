//! The recorder of metrics.

use std::net::{SocketAddr, TcpListener};
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use soa_runtime::BuildError;
use soa_runtime::observe::describe_metrics;

use super::page;

/// Bounds of the buckets of times, in seconds: from a call in the same process to the longest timeouts.
const TIME_BUCKETS: [f64; 19] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// Bounds of the buckets of sizes, in bytes.
const SIZE_BUCKETS: [f64; 9] = [
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

/// Interval at which values of histograms are summed up. Until then, each value takes memory.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The recorder of the process, once it is installed.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the recorder, and serves the page at the address, with the offset added to its port. Must be called on a runtime.
pub(in crate::telemetry) fn start(listen: &str, offset: u16) -> Result<(), BuildError> {
    let wrong = |why: String| BuildError::new(format!("`metrics.listen`: {why}"));
    let address = address(listen, offset).map_err(wrong)?;
    let listener = TcpListener::bind(address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .and_then(tokio::net::TcpListener::from_std)
        .map_err(|error| wrong(format!("{address}: {error}")))?;
    let render = install().map_err(|error| wrong(error.to_string()))?;
    tokio::spawn(page::serve(listener, render));
    tracing::info!(%address, "metrics can be read at /metrics");
    Ok(())
}

/// Returns the function that writes the metrics of the process, for a page. The first call installs the recorder. Must be
/// called on a runtime.
pub(crate) fn install() -> Result<impl Fn() -> String + Clone + Send + Sync + use<>, BuildError> {
    let handle = match RECORDER.get() {
        Some(handle) => handle.clone(),
        None => {
            let handle = install_new()?;
            RECORDER.get_or_init(|| handle).clone()
        }
    };
    Ok(move || handle.render())
}

fn install_new() -> Result<PrometheusHandle, BuildError> {
    let recorder = PrometheusBuilder::new()
        .set_buckets(&TIME_BUCKETS)
        .and_then(|builder| {
            let sizes = Matcher::Suffix("message_size".to_owned());
            builder.set_buckets_for_metric(sizes, &SIZE_BUCKETS)
        })
        .map_err(|error| BuildError::new(error.to_string()))?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)
        .map_err(|_| BuildError::new("the program has already installed a recorder of metrics"))?;
    describe_metrics();
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
        loop {
            ticks.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(handle)
}

/// Parses the address, and adds the offset to its port.
fn address(listen: &str, offset: u16) -> Result<SocketAddr, String> {
    let mut address: SocketAddr = listen.parse().map_err(|_| {
        format!("expected an address with a port, such as `127.0.0.1:9090`, found `{listen}`")
    })?;
    // Port 0 gives each process any free port.
    if address.port() != 0 {
        let port = address.port().checked_add(offset);
        address.set_port(port.ok_or("the port is too high: each process needs one above it")?);
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
