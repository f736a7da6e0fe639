//! The bytes of a request frame, as a server reads and answers them.
//!
//! Each answer must be a response that a client can read.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use soa::Server;
use soa::wire::{FrameHead, ProtocolVersion, read_request, read_response};
use soa_fuzz::Bytes;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static SERVER: RefCell<(Server, Runtime)> = RefCell::new((
        soa_fuzz::server(),
        Builder::new_current_thread().enable_time().build().expect("a runtime"),
    ));
}

fuzz_target!(|data: &[u8]| {
    let frame = Bytes::copy_from_slice(data);
    let read = read_request(&frame, &Default::default());
    SERVER.with_borrow(|(server, runtime)| {
        let answer = runtime.block_on(server.answer(frame));
        match (read, answer) {
            (Err(_), answer) => assert!(answer.is_none()),
            (Ok(request), None) => assert!(request.head.is_suppressed()),
            (Ok(request), Some(answer)) => {
                assert_eq!(
                    request.head.into_reply_to().as_deref(),
                    Some(&*answer.reply_to)
                );
                if unnamed_encoding(data) {
                    return;
                }
                let response = read_response(&answer.frame, &Default::default());
                let response = response.expect("an answer can be read");
                if request.job.is_err() {
                    assert!(!response.job.errors.is_empty());
                    assert!(response.job.actions.is_empty());
                }
            }
        }
    });
});

/// Returns true for a frame of version 1 with a content type. PySOA accepts it, although version 1 does not define content
/// types. The answer is then in an encoding that it does not name.
fn unnamed_encoding(data: &[u8]) -> bool {
    FrameHead::read(data).is_ok_and(|head| {
        head.version() == ProtocolVersion::V1 && head.content_type() == Some("application/json")
    })
}
