//! The bytes of a response frame, as a client reads them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use soa_fuzz::Bytes;
use soa_wire::wire::{FrameHead, read_response};

fuzz_target!(|data: &[u8]| {
    let frame = Bytes::copy_from_slice(data);
    let read = read_response(&frame, &Default::default());
    if let Ok(response) = read {
        let head = FrameHead::read(data).expect("a readable response has a readable head");
        assert!(!head.is_chunk());
        for action in &response.job.actions {
            // A value or an error.
            drop(action.body.to_value());
            drop(action.body.decode::<soa_fuzz::Wire>());
        }
    }
});
