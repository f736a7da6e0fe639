//! Passing sockets from a process to its child, over the pair of sockets between them.
//!
//! Each socket is in a message of one byte. It is closed in programs that the child starts in turn, as every other one is.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// The byte of the message.
const MARK: u8 = b'h';

/// Sends a descriptor.
pub(super) fn send(to: &UnixStream, descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor];
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("no room for a descriptor"));
    }
    sendmsg(
        to,
        &[IoSlice::new(&[MARK])],
        &mut ancillary,
        SendFlags::empty(),
    )?;
    Ok(())
}

/// Takes the next descriptor that was sent before this process was started.
///
/// # Errors
/// There is none left.
pub(super) fn receive(from: &UnixStream) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    recvmsg(
        from,
        &mut [IoSliceMut::new(&mut byte)],
        &mut ancillary,
        flags,
    )?;
    let passed = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    passed.ok_or_else(|| io::Error::other("the parent process has passed no socket"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn a_socket_that_was_passed_listens_on_and_what_follows_it_is_read_as_before() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        send(&ours, listener.as_fd()).unwrap();
        (&ours).write_all(b"stop").unwrap();
        let passed = TcpListener::from(receive(&theirs).unwrap());
        drop(listener);
        let _peer = TcpStream::connect(address).unwrap();
        passed.accept().unwrap();
        let mut rest = [0; 4];
        theirs.read_exact(&mut rest).unwrap();
        assert_eq!(&rest, b"stop");
    }

    #[test]
    fn a_socket_that_was_not_passed_is_an_error_and_not_waited_for() {
        let (_ours, theirs) = UnixStream::pair().unwrap();
        assert!(receive(&theirs).is_err());
    }
}
