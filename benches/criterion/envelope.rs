//! Reading a request: the scan for the envelope and the typed decoding of the body, against the same done by
//! hand with `rmp_serde`.
//!
//! The two numbers are to be compared with each other, in one run: the goal is at most 1.5 times the second.

#![allow(clippy::unwrap_used, clippy::expect_used)] // Setting up a bench.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};
use soa::codec::msgpack;
use soa::wire::Envelope;
use soa::{Encoding, value};

#[derive(Serialize, Deserialize)]
struct Request {
    number: i64,
}

/// A request as the reference's client sends it for one small action.
fn payload() -> Vec<u8> {
    msgpack::to_vec(&value!({
        "request_id": 940_817,
        "meta": {
            "client_version": [1, 4, 9],
            "reply_to": "service.example.cda5b7c58a9e4e5e9459c0b485e35478!7f9a929cfb80",
            "__expiry__": 1_795_224_952.166_621_4,
        },
        "body": {
            "control": { "continue_on_error": false, "suppress_response": false },
            "context": { "correlation_id": "c0ffee00c0ffee00c0ffee00c0ffee00", "switches": [] },
            "actions": [{ "action": "square", "body": { "number": 12 } }],
        },
    }))
    .unwrap()
}

/// The least that a server written by hand has to do: find the id, where to answer, and the span of each body.
mod by_hand {
    use std::ops::Range;

    pub(crate) struct Found<'a> {
        pub(crate) id: Range<usize>,
        pub(crate) reply_to: &'a str,
        pub(crate) expiry: f64,
        pub(crate) correlation_id: &'a str,
        pub(crate) actions: Vec<(&'a str, Range<usize>)>,
    }

    struct Reader<'a>(&'a [u8], usize);

    impl<'a> Reader<'a> {
        fn byte(&mut self) -> Option<u8> {
            let byte = *self.0.get(self.1)?;
            self.1 += 1;
            Some(byte)
        }

        fn number(&mut self, bytes: usize) -> Option<usize> {
            let taken = self.0.get(self.1..self.1 + bytes)?;
            self.1 += bytes;
            Some(
                taken
                    .iter()
                    .fold(0, |number, byte| number << 8 | usize::from(*byte)),
            )
        }

        fn count(&mut self) -> Option<usize> {
            match self.byte()? {
                marker @ 0x80..=0x9f => Some(usize::from(marker & 0x0f)),
                0xdc | 0xde => self.number(2),
                0xdd | 0xdf => self.number(4),
                _ => None,
            }
        }

        fn text(&mut self) -> Option<&'a str> {
            let length = match self.byte()? {
                marker @ 0xa0..=0xbf => usize::from(marker & 0x1f),
                0xd9 => self.number(1)?,
                0xda => self.number(2)?,
                0xdb => self.number(4)?,
                _ => return None,
            };
            let text = self.0.get(self.1..self.1 + length)?;
            self.1 += length;
            std::str::from_utf8(text).ok()
        }

        fn float(&mut self) -> Option<f64> {
            (self.byte()? == 0xcb).then_some(())?;
            let bytes = self.0.get(self.1..self.1 + 8)?;
            self.1 += 8;
            Some(f64::from_be_bytes(bytes.try_into().ok()?))
        }

        fn skip(&mut self) -> Option<Range<usize>> {
            let start = self.1;
            let mut left = 1;
            while left > 0 {
                left -= 1;
                let bytes = match self.byte()? {
                    0x00..=0x7f | 0xc0..=0xc3 | 0xe0..=0xff => 0,
                    marker @ 0x80..=0x8f => {
                        left += 2 * usize::from(marker & 0x0f);
                        0
                    }
                    marker @ 0x90..=0x9f => {
                        left += usize::from(marker & 0x0f);
                        0
                    }
                    marker @ 0xa0..=0xbf => usize::from(marker & 0x1f),
                    0xcc | 0xd0 => 1,
                    0xcd | 0xd1 => 2,
                    0xca | 0xce | 0xd2 => 4,
                    0xcb | 0xcf | 0xd3 => 8,
                    0xc4 | 0xd9 => self.number(1)?,
                    0xc5 | 0xda => self.number(2)?,
                    0xc6 | 0xdb => self.number(4)?,
                    0xdc => {
                        left += self.number(2)?;
                        0
                    }
                    0xde => {
                        left += 2 * self.number(2)?;
                        0
                    }
                    _ => return None,
                };
                self.1 += bytes;
            }
            (self.1 <= self.0.len()).then_some(start..self.1)
        }
    }

    pub(crate) fn scan(payload: &[u8]) -> Option<Found<'_>> {
        let mut reader = Reader(payload, 0);
        let mut found = Found {
            id: 0..0,
            reply_to: "",
            expiry: 0.0,
            correlation_id: "",
            actions: Vec::with_capacity(1),
        };
        for _ in 0..reader.count()? {
            match reader.text()? {
                "request_id" => found.id = reader.skip()?,
                "meta" => {
                    for _ in 0..reader.count()? {
                        match reader.text()? {
                            "reply_to" => found.reply_to = reader.text()?,
                            "__expiry__" => found.expiry = reader.float()?,
                            _ => {
                                reader.skip()?;
                            }
                        }
                    }
                }
                "body" => {
                    for _ in 0..reader.count()? {
                        match reader.text()? {
                            "context" => {
                                for _ in 0..reader.count()? {
                                    match reader.text()? {
                                        "correlation_id" => found.correlation_id = reader.text()?,
                                        _ => {
                                            reader.skip()?;
                                        }
                                    }
                                }
                            }
                            "actions" => {
                                for _ in 0..reader.count()? {
                                    let (mut name, mut body) = ("", 0..0);
                                    for _ in 0..reader.count()? {
                                        match reader.text()? {
                                            "action" => name = reader.text()?,
                                            _ => body = reader.skip()?,
                                        }
                                    }
                                    found.actions.push((name, body));
                                }
                            }
                            _ => {
                                reader.skip()?;
                            }
                        }
                    }
                }
                _ => {
                    reader.skip()?;
                }
            }
        }
        Some(found)
    }
}

fn envelope(criterion: &mut Criterion) {
    let payload = payload();
    let mut group = criterion.benchmark_group("envelope and typed body");
    group.bench_function("soa", |bencher| {
        bencher.iter(|| {
            let envelope = Envelope::find(Encoding::MessagePack, black_box(&payload)).unwrap();
            let (_, span) = envelope.actions().next().unwrap();
            let body = &payload[span.unwrap()];
            let decoded = Encoding::MessagePack.decode_body::<Request>(body).unwrap();
            black_box(envelope.reply_to());
            decoded.value.number
        });
    });
    group.bench_function("by hand", |bencher| {
        bencher.iter(|| {
            let found = by_hand::scan(black_box(&payload)).unwrap();
            let (name, span) = &found.actions[0];
            black_box((
                name,
                &found.id,
                found.reply_to,
                found.expiry,
                found.correlation_id,
            ));
            let request: Request = rmp_serde::from_slice(&payload[span.clone()]).unwrap();
            request.number
        });
    });
    group.finish();
}

criterion_group!(benches, envelope);
criterion_main!(benches);
