//! The address that is listened on.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// The number of connections that may wait in the system, as far as it allows.
const MAX_WAITING: i32 = 4096;

/// A socket that listens on an address. Connections wait in the system until they are served.
///
/// ```
/// use soa_http::HttpListener;
///
/// let listener = HttpListener::bind("127.0.0.1:0")?;
/// assert_ne!(listener.address().port(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct HttpListener {
    pub(super) socket: TcpListener,
    address: SocketAddr,
}

impl HttpListener {
    /// Listens on an address with a port, such as `127.0.0.1:8000`. Port 0 is any free port.
    ///
    /// # Errors
    /// The name of the host cannot be resolved, or the address cannot be listened on; the error names it.
    pub fn bind(address: &str) -> io::Result<Self> {
        let listening = TcpListener::bind(address).and_then(|socket| {
            // That of the standard library is too short for a crowd.
            rustix::net::listen(&socket, MAX_WAITING)?;
            Self::from_socket(socket)
        });
        listening.map_err(|error| {
            let message = format!("cannot listen on {address} for HTTP: {error}");
            io::Error::new(error.kind(), message)
        })
    }

    /// Takes a socket that listens already.
    ///
    /// # Errors
    /// It is not a socket of TCP.
    pub fn from_socket(socket: TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// Returns the address, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the socket, for another process.
    pub fn socket(&self) -> &TcpListener {
        &self.socket
    }
}
