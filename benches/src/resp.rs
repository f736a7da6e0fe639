//! A minimal client of the Redis protocol: writes commands, reads replies.

use std::error::Error;
use std::io;

use bytes::{Buf, Bytes, BytesMut};
use soa::{RedisMode, RedisSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection to Redis.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    input: BytesMut,
    output: Vec<u8>,
}

/// A reply of Redis.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Nothing,
    Text(Bytes),
    Number(i64),
    Error(String),
    List(Vec<Self>),
}

impl Connection {
    pub(crate) async fn open(settings: &RedisSettings) -> Result<Self, Box<dyn Error>> {
        let (host, port) = settings
            .hosts
            .first()
            .ok_or("the address of Redis has no host")?;
        if settings.tls.is_some() || settings.mode != RedisMode::Standard {
            return Err(
                "plain sockets reach only a Redis without TLS, sentinels or a cluster".into(),
            );
        }
        let stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream,
            input: BytesMut::with_capacity(64 * 1024),
            output: Vec::new(),
        };
        if let Some(password) = &settings.password {
            let user = settings.username.as_deref().unwrap_or("default");
            let login: [&[u8]; 3] = [b"AUTH", user.as_bytes(), password.as_bytes()];
            connection.send(&login).await?;
            if let Reply::Error(problem) = connection.receive().await? {
                return Err(problem.into());
            }
        }
        Ok(connection)
    }

    /// Writes a command.
    pub(crate) async fn send(&mut self, command: &[impl AsRef<[u8]>]) -> io::Result<()> {
        self.output.clear();
        head(&mut self.output, b'*', command.len());
        for argument in command {
            let argument = argument.as_ref();
            head(&mut self.output, b'$', argument.len());
            self.output.extend_from_slice(argument);
            self.output.extend_from_slice(b"\r\n");
        }
        self.stream.write_all(&self.output).await
    }

    /// Waits for the next reply.
    pub(crate) async fn receive(&mut self) -> io::Result<Reply> {
        loop {
            let mut rest = &*self.input;
            if let Some(reply) = parse(&mut rest) {
                let used = self.input.len() - rest.len();
                self.input.advance(used);
                return Ok(reply);
            }
            self.input.reserve(16 * 1024);
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

fn head(out: &mut Vec<u8>, mark: u8, number: usize) {
    out.push(mark);
    out.extend_from_slice(number.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Parses one reply. Returns `None` until the input contains all of it.
fn parse(input: &mut &[u8]) -> Option<Reply> {
    let end = input.windows(2).position(|bytes| bytes == b"\r\n")?;
    let (line, rest) = input.split_at_checked(end)?;
    let (mark, line) = line.split_first()?;
    let mut rest = rest.get(2..)?;
    let text = String::from_utf8_lossy(line);
    let number = || text.parse::<i64>().unwrap_or_default();
    let reply = match mark {
        b'+' => Reply::Text(Bytes::copy_from_slice(line)),
        b'-' => Reply::Error(text.into_owned()),
        b':' => Reply::Number(number()),
        b'$' => match usize::try_from(number()) {
            Ok(length) => {
                let bytes = rest.get(..length)?;
                rest = rest.get(length + 2..)?;
                Reply::Text(Bytes::copy_from_slice(bytes))
            }
            Err(_) => Reply::Nothing,
        },
        _ => match usize::try_from(number()) {
            Ok(count) => {
                let list: Option<Vec<Reply>> = (0..count).map(|_| parse(&mut rest)).collect();
                Reply::List(list?)
            }
            Err(_) => Reply::Nothing,
        },
    };
    *input = rest;
    Some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_when_it_is_complete() {
        let whole = b"*3\r\n$2\r\nab\r\n:-7\r\n$-1\r\n+rest\r\n";
        let end = whole.len() - b"+rest\r\n".len();
        for length in 0..end {
            assert_eq!(parse(&mut &whole[..length]), None, "{length}");
        }
        let mut input = &whole[..];
        let text = Reply::Text(Bytes::from_static(b"ab"));
        let list = Reply::List(vec![text, Reply::Number(-7), Reply::Nothing]);
        assert_eq!(parse(&mut input), Some(list));
        assert_eq!(input, b"+rest\r\n");
    }
}
