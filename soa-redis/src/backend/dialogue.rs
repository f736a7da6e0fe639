//! A connection of our own on which one thing happens after the other: logging in, rare questions, and listening.
//!
//! It needs no task: whoever waits for an answer reads it. A [`Wire`](super::wire::Wire) begins as one.

use bytes::BytesMut;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::error::Error;
use super::failure::{closed, is_unwelcome, unasked};
use super::node::Node;
use super::resp::{Answer, Decoder, write_command};
use super::terms::Terms;
use super::words::{Value, word};

/// A connection on which one command is sent after the answer to the other, and on which answers may come unasked.
#[derive(Debug)]
pub(super) struct Dialogue {
    stream: TcpStream,
    decoder: Decoder,
}

impl Dialogue {
    /// Connects and logs in.
    ///
    /// # Errors
    /// Redis cannot be reached, or refuses the login.
    pub(super) async fn open(node: &Node, terms: &Terms) -> Result<Self, Error> {
        let mut dialogue = Self::connect(node, terms.keep_alive).await?;
        dialogue.log_in(terms).await?;
        Ok(dialogue)
    }

    /// Connects.
    pub(super) async fn connect(node: &Node, keep_alive: bool) -> Result<Self, Error> {
        let stream = TcpStream::connect((&*node.host, node.port)).await;
        let stream = stream.map_err(|error| Error::from(&error))?;
        let options = || {
            stream.set_nodelay(true)?;
            SockRef::from(&stream).set_keepalive(keep_alive)
        };
        options().map_err(|error| Error::from(&error))?;
        Ok(Self {
            stream,
            decoder: Decoder::default(),
        })
    }

    async fn log_in(&mut self, terms: &Terms) -> Result<(), Error> {
        if let (username, Some(password)) = terms.login.pair().await? {
            let words = username.into_iter().chain([password]).map(word);
            match self.ask("AUTH", &words.collect::<Vec<_>>()).await {
                // A Redis without a password lets everybody in.
                Err(error) if error.details().contains("without any password") => {}
                outcome => _ = outcome?,
            }
        }
        if let Some(database) = terms.database {
            let number = Value::Integer(i64::from(database));
            self.ask("SELECT", &[number]).await?;
        }
        Ok(())
    }

    /// Asks for the number of this connection at Redis; `None` if the login may not ask. Then it cannot end a pop that waits.
    ///
    /// # Errors
    /// The connection has ended, or Redis says why it is about to end it.
    pub(super) async fn number(&mut self) -> Result<Option<i64>, Error> {
        match self.ask("CLIENT", &[word("ID")]).await {
            Ok(number) => Ok(number.number()),
            Err(error) if is_unwelcome(&error) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Sends a command, and waits for its answer.
    ///
    /// # Errors
    /// The answer of Redis, or the reason of the end of the connection.
    pub(super) async fn ask(&mut self, name: &str, words: &[Value]) -> Answer {
        let mut output = BytesMut::new();
        write_command(&mut output, name, words);
        let written = self.stream.write_all(&output).await;
        // What Redis said before it closed the connection is still there to be read.
        match (self.next().await, written) {
            (Err(_), Err(error)) => Err((&error).into()),
            (answer, _) => answer?,
        }
    }

    /// Waits for what Redis sends next, asked or not. Giving up loses nothing.
    ///
    /// # Errors
    /// The connection has ended.
    pub(super) async fn next(&mut self) -> Result<Answer, Error> {
        loop {
            if let Some(answer) = self.decoder.next()? {
                return Ok(answer);
            }
            let input = self.decoder.room();
            match self.stream.read_buf(input).await {
                Ok(0) => return Err(closed()),
                Ok(_) => {}
                Err(error) => return Err((&error).into()),
            }
        }
    }

    /// The connection, and what has come on it that was not read yet.
    pub(super) fn into_parts(mut self) -> (TcpStream, BytesMut) {
        let input = std::mem::take(self.decoder.input());
        (self.stream, input)
    }

    /// The connection alone.
    ///
    /// # Errors
    /// Something has come that nobody has asked for.
    pub(super) fn into_stream(mut self) -> Result<TcpStream, Error> {
        match self.decoder.input().is_empty() {
            true => Ok(self.stream),
            false => Err(unasked()),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A connection to a peer that the test plays.
    pub(in super::super) async fn connected() -> (Dialogue, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let node = Node {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
        };
        let dialogue = Dialogue::connect(&node, true).await.unwrap();
        let (peer, _) = listener.accept().await.unwrap();
        (dialogue, peer)
    }

    /// Reads a command of the peer, and answers.
    async fn serve(peer: &mut TcpStream, asked: &[u8], answer: &[u8]) {
        let mut bytes = vec![0; asked.len()];
        peer.read_exact(&mut bytes).await.unwrap();
        assert_eq!(bytes, asked);
        peer.write_all(answer).await.unwrap();
    }

    const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
    const ID: &[u8] = b"*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n";

    #[tokio::test]
    async fn answers_come_first_and_then_what_nobody_asks_for() {
        let (mut dialogue, mut peer) = connected().await;
        let served = tokio::spawn(async move {
            serve(&mut peer, PING, b"+PONG\r\n").await;
            serve(&mut peer, PING, b"-ERR no\r\n*2\r\n+one\r\n$3").await;
            tokio::task::yield_now().await;
            peer.write_all(b"\r\ntwo\r\n:3\r\n").await.unwrap();
        });
        assert_eq!(dialogue.ask("PING", &[]).await.unwrap(), word("PONG"));
        let refused = dialogue.ask("PING", &[]).await.unwrap_err();
        assert_eq!(refused.details(), "ERR no");
        let list = dialogue.next().await.unwrap().unwrap();
        assert_eq!(list, Value::List(vec![word("one"), word("two")]));
        let number = dialogue.next().await.unwrap().unwrap();
        assert_eq!(number, Value::Integer(3));
        assert_eq!(dialogue.next().await.unwrap_err(), closed());
        served.await.unwrap();
    }

    #[tokio::test]
    async fn a_redis_that_takes_no_connection_says_why() {
        for refusal in [
            "ERR max number of clients reached",
            "DENIED Redis is running in protected mode",
        ] {
            let (mut dialogue, mut peer) = connected().await;
            let text = format!("-{refusal}\r\n");
            let served = tokio::spawn(async move { serve(&mut peer, ID, text.as_bytes()).await });
            let error = dialogue.number().await.unwrap_err();
            assert_eq!(error.details(), refusal);
            served.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_login_that_may_not_ask_for_its_number_has_a_connection() {
        let (mut dialogue, mut peer) = connected().await;
        let answer = b"-NOPERM this user has no permissions to run the 'client|id' command\r\n";
        let served = tokio::spawn(async move {
            serve(&mut peer, ID, answer).await;
            serve(&mut peer, ID, b":7\r\n").await;
        });
        assert_eq!(dialogue.number().await.unwrap(), None);
        assert_eq!(dialogue.number().await.unwrap(), Some(7));
        assert!(dialogue.into_stream().is_ok());
        served.await.unwrap();
    }

    #[tokio::test]
    async fn an_answer_too_many_is_told_before_it_is_taken_for_another() {
        let (mut dialogue, mut peer) = connected().await;
        let served = tokio::spawn(async move {
            serve(&mut peer, PING, b"+PONG\r\n+PONG\r\n").await;
        });
        dialogue.ask("PING", &[]).await.unwrap();
        served.await.unwrap();
        assert_eq!(dialogue.into_stream().unwrap_err(), unasked());
    }
}
