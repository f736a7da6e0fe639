//! Records in a stream of Redis: all processes of a service add to one, and it keeps the last ones.

use soa_runtime::recording::RecordSink;
use soa_runtime::{BoxFuture, TransportError};

use super::connection::RedisConnection;
use super::keys::{RedisKeys, service_key};

/// The name of the field of a record in the stream.
const FIELD: &str = "record";

/// The number of records that are read at once.
const PAGE: &str = "500";

/// The default number of records of a stream.
const MAX_RECORDS: u64 = 10_000;

/// Records in Redis: a stream for each service, `{pysoa:service.NAME}.recorded`, which the login has to allow.
///
/// ```
/// use soa_redis::{RedisConnection, RedisRecords};
/// use soa_runtime::middleware::Record;
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let redis = RedisConnection::new("127.0.0.1:6379".parse()?)?;
/// let record = Record::to_sink(RedisRecords::on(&redis).max_records(1_000));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct RedisRecords {
    keys: RedisKeys,
    max_records: u64,
}

impl RedisRecords {
    /// Returns the records in a Redis. Nothing is connected yet.
    pub fn on(redis: &RedisConnection) -> Self {
        Self {
            keys: redis.keys(),
            max_records: MAX_RECORDS,
        }
    }

    /// Sets the number of records that a stream keeps, roughly: Redis removes the oldest by the block. 10,000 by default.
    #[must_use]
    pub fn max_records(mut self, records: u64) -> Self {
        self.max_records = records;
        self
    }

    /// Reads the lines of a service, the oldest first.
    ///
    /// # Errors
    /// Redis cannot be reached, does not answer in time, or refuses.
    pub async fn read(&self, service: &str) -> Result<Vec<String>, TransportError> {
        let key = key_of(service);
        let (mut lines, mut from) = (Vec::new(), "-".to_owned());
        loop {
            let arguments = [&*key, &from, "+", "COUNT", PAGE];
            let page = self.keys.ask_key("XRANGE", &arguments).await?.into_list();
            let mut last = None;
            for entry in page {
                // An id, and a list of fields with their values.
                let mut parts = entry.into_list().into_iter();
                let id = parts.next().and_then(|id| id.into_bytes());
                last = id.and_then(|id| String::from_utf8(id.into()).ok());
                let fields = parts.next().map(|fields| fields.into_list());
                let line = fields.unwrap_or_default().into_iter().nth(1);
                let line = line.and_then(|line| line.into_bytes());
                lines.extend(line.and_then(|line| String::from_utf8(line.into()).ok()));
            }
            match last {
                Some(id) => from = format!("({id}"),
                None => return Ok(lines),
            }
        }
    }
}

impl RecordSink for RedisRecords {
    fn write(&self, service: &str, lines: Vec<String>) -> BoxFuture<Result<(), TransportError>> {
        let (keys, key) = (self.keys.clone(), key_of(service));
        let max_records = self.max_records.to_string();
        Box::pin(async move {
            for line in &lines {
                let arguments = [&*key, "MAXLEN", "~", &max_records, "*", FIELD, line];
                keys.ask_key("XADD", &arguments).await?;
            }
            Ok(())
        })
    }
}

fn key_of(service: &str) -> String {
    service_key(service, "recorded")
}
