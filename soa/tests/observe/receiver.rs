//! A collector for tests: it takes traces by OTLP over HTTP and keeps them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

/// A span, and what was said of the process that it is from.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) resource: Vec<KeyValue>,
    pub(crate) span: Span,
}

impl Received {
    /// An attribute of the span, as text.
    pub(crate) fn attribute(&self, key: &str) -> Option<String> {
        text(&self.span.attributes, key)
    }

    /// An attribute of the process, as text.
    pub(crate) fn of_process(&self, key: &str) -> Option<String> {
        text(&self.resource, key)
    }
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A collector on a free port of 127.0.0.1.
pub(crate) struct Collector {
    port: u16,
    spans: Arc<Mutex<Vec<Received>>>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
        let port = listener.local_addr().expect("it has an address").port();
        let spans = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&spans);
        // It ends with the process of the test.
        spawn(move || {
            for stream in listener.incoming().flatten() {
                let received = take(stream).expect("the exporter speaks HTTP and protobuf");
                kept.lock().expect("nobody panics").extend(received);
            }
        });
        Self { port, spans }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until there are spans that satisfy this, and gives what it finds.
    pub(crate) fn wait_for<T>(&self, find: impl Fn(&[Received]) -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let spans = self.spans.lock().expect("nobody panics").clone();
            if let Some(found) = find(&spans) {
                return found;
            }
            let names: Vec<_> = spans.iter().map(|received| &received.span.name).collect();
            assert!(Instant::now() < end, "waited in vain; there are {names:?}");
            sleep(Duration::from_millis(20));
        }
    }
}

fn take(stream: TcpStream) -> std::io::Result<Vec<Received>> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line)?;
    assert_eq!(line.trim_end(), "POST /v1/traces HTTP/1.1");
    loop {
        line.clear();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        let (name, value) = line.split_once(": ").expect("a header");
        match name {
            "content-length" => length = value.trim().parse().expect("a length"),
            "content-type" => assert_eq!(value.trim(), "application/x-protobuf"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    reader
        .get_mut()
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    let request = ExportTraceServiceRequest::decode(&*body).expect("protobuf of OTLP");
    let mut received = Vec::new();
    for group in request.resource_spans {
        let resource = group
            .resource
            .map(|resource| resource.attributes)
            .unwrap_or_default();
        for span in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            received.push(Received {
                resource: resource.clone(),
                span,
            });
        }
    }
    Ok(received)
}
