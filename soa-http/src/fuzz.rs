//! The readers of foreign bytes, for fuzz targets and for nobody else.

use soa_wire::Value;
use soa_wire::codec::msgpack;
use soa_wire::text::{Plain, Reading};

use crate::arguments::{self, by_position};
use crate::doors::Doors;
use crate::protobuf::again;

/// Reads bytes as the arguments of every action, by protobuf. What was read is written and read again.
///
/// # Panics
/// It is not the same then.
pub fn protobuf(doors: &Doors, body: &[u8]) {
    let Some(protobuf) = doors.protobuf() else {
        return;
    };
    for hosted in doors.services() {
        for offered in hosted.offered() {
            if let Some((read, again)) = again(protobuf, hosted, offered, body) {
                assert_eq!(read, again, "{}", offered.name());
                let plain = Plain::from_value(read);
                let _ = arguments::read(offered, plain, Reading::ARGUMENTS);
            }
        }
    }
}

/// Reads bytes as the arguments of every action: by position and by name, as JSON and as MessagePack.
pub fn arguments(doors: &Doors, body: &[u8]) {
    let json = std::str::from_utf8(body).ok();
    let json = json.and_then(|text| Plain::from_json(text).ok());
    let json = json.map(Plain::into_exact);
    let msgpack = msgpack::decode_value(body).ok();
    let wraps: [fn(Value) -> Plain; 2] = [Plain::exact, Plain::from_value];
    for (value, wrap) in [json, msgpack].into_iter().zip(wraps) {
        let Some(value) = value else {
            continue;
        };
        for offered in doors.services().iter().flat_map(|hosted| hosted.offered()) {
            if let Value::List(list) = &value {
                let _ = by_position(offered, list.clone(), wrap);
            }
            for reading in [Reading::WEB, Reading::ARGUMENTS] {
                let _ = arguments::read(offered, wrap(value.clone()), reading);
            }
        }
    }
}
