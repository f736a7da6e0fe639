//! A client of HTTP/1.1 by hand: the same for every server that is compared, and as little of a client as can be.

use std::error::Error;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The size of the first buffer of a connection.
const BUFFER_SIZE: usize = 8192;

/// A caller of one address, which sends the same request again and again. Each call takes a kept connection, or opens one.
#[derive(Debug)]
pub(crate) struct Caller {
    address: String,
    request: Vec<u8>,
    connections: Mutex<Vec<Connection>>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// The contents of a request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    /// Lines of the head, each with its end.
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Caller {
    /// Returns a caller of an address such as `127.0.0.1:8000`.
    pub(crate) fn new(address: &str, request: &Request) -> Self {
        let Request {
            method,
            target,
            headers,
            body,
        } = request;
        let length = body.len();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: {address}\r\n{headers}content-length: {length}\r\n\r\n"
        );
        Self {
            address: address.to_owned(),
            request: [head.as_bytes(), body].concat(),
            connections: Mutex::default(),
        }
    }

    /// Makes one call and reads its whole response.
    pub(crate) async fn call(&self) -> Result<(), String> {
        let kept = self.connections().pop();
        let mut connection = match kept {
            Some(connection) => connection,
            None => Connection::open(&self.address).await?,
        };
        let status = connection.call(&self.request).await?;
        if !(200..300).contains(&status) {
            let body = String::from_utf8_lossy(&connection.buffer).into_owned();
            return Err(format!("the status is {status}: {body}"));
        }
        self.connections().push(connection);
        Ok(())
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // Nothing panics while this is held.
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    async fn open(address: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| error.to_string())?;
        stream
            .set_nodelay(true)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(BUFFER_SIZE),
        })
    }

    /// Sends a request and reads the response. Returns its status.
    async fn call(&mut self, request: &[u8]) -> Result<u16, String> {
        let failed = |error: std::io::Error| error.to_string();
        self.stream.write_all(request).await.map_err(failed)?;
        self.buffer.clear();
        loop {
            let read = self
                .stream
                .read_buf(&mut self.buffer)
                .await
                .map_err(failed)?;
            if read == 0 {
                return Err("the connection was closed".to_owned());
            }
            if let Some(status) = whole(&self.buffer).map_err(|error| error.to_string())? {
                return Ok(status);
            }
        }
    }
}

/// Returns the status of a response that has arrived whole.
fn whole(received: &[u8]) -> Result<Option<u16>, Box<dyn Error>> {
    let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let (head, rest) = received.split_at(end);
    let head = std::str::from_utf8(head)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status: u16 = status.ok_or("no status")?.parse()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then_some(value.trim())
    });
    let length: usize = length.ok_or("no length")?.parse()?;
    Ok((rest.len() - 4 >= length).then_some(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_whole_when_its_body_is_there() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        assert_eq!(whole(response).unwrap(), Some(200));
        assert_eq!(whole(&response[..response.len() - 1]).unwrap(), None);
        assert_eq!(whole(b"HTTP/1.1 200 OK\r\n").unwrap(), None);
        assert!(whole(b"nonsense\r\n\r\n").is_err());
    }
}
