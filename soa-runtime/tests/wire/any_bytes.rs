//! Whatever bytes a peer sends, there is a value or an error: no panic, no end of the process, no waiting.

use crate::support::{answer, any_bytes, cases, frame, mutation, spoilt_frame};
use bytes::Bytes;
use proptest::prelude::*;
use soa_runtime::Encoding;
use soa_runtime::wire::{Envelope, FrameHead, ProtocolVersion, read_request, read_response};

/// Everything that reads bytes of peers.
fn read(frame: Bytes) -> Result<(), TestCaseError> {
    if let Ok(head) = FrameHead::read(&frame) {
        prop_assert!(head.payload_start() <= frame.len());
        let payload = &frame[head.payload_start()..];
        for encoding in [Encoding::MessagePack, Encoding::Json] {
            for (_, span) in Envelope::find(encoding, payload)
                .iter()
                .flat_map(Envelope::actions)
            {
                prop_assert!(span.is_none_or(|span| payload.get(span).is_some()));
            }
        }
    }
    drop(read_response(&frame, &Default::default()));
    let request = read_request(&frame, &Default::default());
    match (request, answer(frame)) {
        (Err(_), answer) => prop_assert!(answer.is_none(), "what cannot be read is not answered"),
        (Ok(request), None) => {
            prop_assert!(request.head.is_suppressed(), "what can be read is answered")
        }
        (Ok(request), Some(answer)) => {
            prop_assert_eq!(request.head.into_reply_to(), Some(answer.reply_to));
            let version = FrameHead::read(&answer.frame).unwrap().version();
            // Version 1 does not tell its encoding: only MessagePack can be read back.
            if version != ProtocolVersion::V1 {
                let response = read_response(&answer.frame, &Default::default());
                prop_assert!(response.is_ok(), "{response:?}");
                let response = response.unwrap().job;
                prop_assert_eq!(request.job.is_err(), !response.errors.is_empty());
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn any_bytes_are_read_or_refused(frame in any_bytes()) {
        read(frame)?;
    }
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn a_spoilt_request_is_read_or_refused(frame in spoilt_frame()) {
        read(frame)?;
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn a_spoilt_response_is_read_or_refused(frame in frame(), mutations in prop::collection::vec(mutation(), 0..6)) {
        let answered = answer(frame.into());
        let mut response = answered.expect("a good request is answered").frame.to_vec();
        for mutation in mutations {
            mutation.apply(&mut response);
        }
        if let Ok(response) = read_response(&response.into(), &Default::default()) {
            for action in response.job.actions {
                drop(action.body.to_value());
            }
        }
    }

    #[test]
    fn every_prefix_of_a_request_is_refused(frame in frame(), cut in any::<prop::sample::Index>()) {
        let short = Bytes::copy_from_slice(&frame[..cut.index(frame.len())]);
        prop_assert!(read_request(&short, &Default::default()).is_err());
        read(short)?;
    }
}
