//! The page on which people read and try a component: Swagger UI, which needs no other host.
//!
//! Its files come from the archive of a crate. They stay compressed: an entry of a ZIP archive and a body in `gzip` are the
//! same bytes between other frames. Browsers take no other page of this size uncompressed, either.

use std::collections::HashMap;
use std::sync::OnceLock;

use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, REFERRER_POLICY,
    VARY, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use bytes::Bytes;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;

use crate::reply::Reply;

/// A file of the page.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: &'static str,
    content_type: &'static str,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Own(&'static str),
    /// The name in the archive.
    Archive(&'static str),
}

/// The files of the page.
pub(crate) static FILES: [File; 5] = [
    File {
        path: "/docs",
        content_type: "text/html; charset=utf-8",
        source: Source::Own(include_str!("docs/index.html")),
    },
    File {
        path: "/docs/start.js",
        content_type: JAVASCRIPT,
        source: Source::Own(include_str!("docs/start.js")),
    },
    File {
        path: "/docs/swagger-ui-bundle.js",
        content_type: JAVASCRIPT,
        source: Source::Archive("dist/swagger-ui-bundle.js"),
    },
    File {
        path: "/docs/swagger-ui.css",
        content_type: "text/css; charset=utf-8",
        source: Source::Archive("dist/swagger-ui.css"),
    },
    File {
        path: "/docs/favicon-32x32.png",
        content_type: "image/png",
        source: Source::Archive("dist/favicon-32x32.png"),
    },
];

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Scripts, styles and calls of this host alone. Swagger UI sets styles of elements, and has its icons in place.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Answers a request for a file of the page.
pub(crate) fn answer(file: &'static File, headers: &HeaderMap) -> Reply {
    let reply = match &file.source {
        Source::Own(text) => Reply::new(StatusCode::OK, file.content_type, *text),
        Source::Archive(name) => match archive().get(name) {
            Some(packed) if !packed.is_compressed => {
                Reply::new(StatusCode::OK, file.content_type, packed.body.clone())
            }
            Some(_) if !takes_gzip(headers) => Reply::text(
                StatusCode::NOT_ACCEPTABLE,
                "This file is sent compressed: accept the encoding gzip",
            ),
            Some(packed) => Reply::new(StatusCode::OK, file.content_type, packed.body.clone())
                .with_header(CONTENT_ENCODING, HeaderValue::from_static("gzip"))
                .with_header(VARY, HeaderValue::from_static("accept-encoding")),
            None => Reply::detail(StatusCode::NOT_FOUND, "Not Found"),
        },
    };
    [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "public, max-age=3600"),
    ]
    .into_iter()
    .fold(reply, |reply, (name, value)| {
        reply.with_header(name, HeaderValue::from_static(value))
    })
}

/// True unless a request says that it does not take `gzip`.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(ACCEPT_ENCODING).iter().peekable();
    if accepted.peek().is_none() {
        return true;
    }
    let texts = accepted.filter_map(|value| value.to_str().ok());
    let mut codings = texts.flat_map(|text| text.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight
            .trim()
            .trim_start_matches("q=")
            .trim_end_matches(['0', '.']);
        let is_refused = coding.contains(';') && weight.is_empty();
        ["gzip", "x-gzip", "*"].contains(&&*name.trim().to_ascii_lowercase()) && !is_refused
    })
}

/// A file as it is sent.
#[derive(Debug)]
struct Packed {
    body: Bytes,
    is_compressed: bool,
}

/// Returns the files of the archive that the page needs, by their names without the folder that all are in.
fn archive() -> &'static HashMap<&'static str, Packed> {
    static ARCHIVE: OnceLock<HashMap<&'static str, Packed>> = OnceLock::new();
    ARCHIVE.get_or_init(|| unpacked(SWAGGER_UI_VENDORED).unwrap_or_default())
}

/// Reads the directory of a ZIP archive. `None` if it is no such archive.
fn unpacked(archive: &'static [u8]) -> Option<HashMap<&'static str, Packed>> {
    // The end of the directory, before a comment of any length.
    let end = archive.windows(4).rposition(|four| four == b"PK\x05\x06")?;
    let count = number(archive, end + 10, 2)?;
    let mut at = number(archive, end + 16, 4)?;
    let mut files = HashMap::new();
    for _ in 0..count {
        let name_length = number(archive, at + 28, 2)?;
        let name = archive.get(at + 46..)?.get(..name_length)?;
        let name = std::str::from_utf8(name).ok()?;
        let inner = name.split_once('/').map_or(name, |(_, inner)| inner);
        let is_needed =
            |file: &File| matches!(file.source, Source::Archive(needed) if needed == inner);
        if FILES.iter().any(is_needed) {
            files.insert(inner, packed(archive, at)?);
        }
        at += 46 + name_length + number(archive, at + 30, 2)? + number(archive, at + 32, 2)?;
    }
    Some(files)
}

/// Reads the file of an entry of the directory.
fn packed(archive: &'static [u8], entry: usize) -> Option<Packed> {
    let size = number(archive, entry + 20, 4)?;
    let header = number(archive, entry + 42, 4)?;
    // The lengths of name and extra data there are not those of the directory.
    let data = header + 30 + number(archive, header + 26, 2)? + number(archive, header + 28, 2)?;
    let data = archive.get(data..)?.get(..size)?;
    match number(archive, entry + 10, 2)? {
        0 => Some(Packed {
            body: Bytes::from_static(data),
            is_compressed: false,
        }),
        8 => {
            // Magic, deflate, no flags, no time, no hints, an unknown system.
            let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
            body.extend(data);
            body.extend(archive.get(entry + 16..entry + 20)?); // checksum
            body.extend(archive.get(entry + 24..entry + 28)?); // size before compression
            Some(Packed {
                body: body.into(),
                is_compressed: true,
            })
        }
        _ => None,
    }
}

/// Reads a number of two or four bytes, the lowest first.
fn number(archive: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = archive.get(at..)?.get(..length)?;
    let number = bytes
        .iter()
        .rev()
        .fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    usize::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_in_the_archive() {
        for file in &FILES {
            let reply = answer(file, &HeaderMap::new());
            assert_eq!(reply.status, StatusCode::OK, "{}", file.path);
            assert!(reply.body.len() > 400, "{}", file.path);
        }
    }

    #[test]
    fn only_a_request_that_refuses_gzip_does_not_get_a_file() {
        let status = |accepted: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(accepted) = accepted {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            }
            let file = FILES.iter().find(|file| file.path.ends_with("bundle.js"));
            answer(file.unwrap(), &headers).status.as_u16()
        };
        for accepted in ["gzip, deflate, br", "br;q=1, GZIP;q=0.5", "*", "gzip;q=1.0"] {
            assert_eq!(status(Some(accepted)), 200, "{accepted}");
        }
        for refused in ["identity", "gzip;q=0", "br, gzip;q=0.000", ""] {
            assert_eq!(status(Some(refused)), 406, "{refused}");
        }
        assert_eq!(status(None), 200);
    }

    #[test]
    fn what_is_no_archive_has_no_files() {
        for bytes in [
            &b""[..],
            b"PK\x05\x06",
            b"PK\x05\x06\0\0\0\0\0\0\x01\0\0\0\0\0\xff\xff\xff\xff",
        ] {
            assert!(unpacked(bytes).is_none());
        }
    }
}
