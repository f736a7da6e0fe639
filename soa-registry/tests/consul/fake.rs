//! Servers of HTTP that answer what a test wants: for what a real agent cannot be made to do, and for checks of health.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{JoinHandle, spawn};

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

/// A response: status, further headers, body. None closes the connection.
pub(crate) type Response = Option<(u16, String, Vec<u8>)>;

/// A server that answers each request by a function, and ends with this. Each connection has one request.
pub(crate) struct Fake {
    pub(crate) port: u16,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    pub(crate) fn start(answer: impl Fn(Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, answer) = (Arc::clone(&is_over), Arc::new(answer));
        let thread = spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let answer = Arc::clone(&answer);
                spawn(move || serve(&stream.unwrap(), &*answer));
            }
        });
        Self {
            port,
            is_over,
            thread: Some(thread),
        }
    }

    /// A server that keeps the requests, and answers them one by one by a function.
    pub(crate) fn keeping(
        answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> (Self, Receiver<Request>) {
        let (sender, requests) = channel();
        let fake = Self::start(move |request| {
            let response = answer(&request);
            let _ = sender.send(request);
            response
        });
        (fake, requests)
    }

    /// An instance that is well.
    pub(crate) fn healthy() -> Self {
        Self::start(|_| Some((200, String::new(), b"{\"status\":\"OK\"}".to_vec())))
    }
}

fn serve(stream: &TcpStream, answer: &dyn Fn(Request) -> Response) {
    let Some(request) = read(stream) else {
        return;
    };
    if let Some((status, headers, body)) = answer(request) {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} Said\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        let mut stream = stream;
        let _ = stream.write_all(&[head.as_bytes(), &body].concat());
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = String::new();
    while reader.read_line(&mut headers).ok()? > 2 {}
    let headers = headers.to_ascii_lowercase();
    let length = headers.split_once("content-length: ");
    let length = length.and_then(|(_, rest)| rest.lines().next()?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        target,
        headers,
        body,
    })
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // One more connection, to be seen.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
