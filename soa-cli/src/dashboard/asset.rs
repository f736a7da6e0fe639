//! The files of the page, which are part of the program. They are built from the sources in `soa-cli/dashboard`.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use sha2::{Digest as _, Sha256};

/// A file of the page.
#[derive(Debug)]
struct Asset {
    paths: &'static [&'static str],
    content_type: &'static str,
    bytes: &'static [u8],
}

static ASSETS: [Asset; 5] = [
    Asset {
        paths: &["/", "/index.html"],
        content_type: "text/html; charset=utf-8",
        bytes: include_bytes!("../../dashboard/dist/index.html"),
    },
    Asset {
        paths: &["/app.js"],
        content_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../dashboard/dist/app.js"),
    },
    Asset {
        paths: &["/app.css"],
        content_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../../dashboard/dist/app.css"),
    },
    Asset {
        paths: &["/icon.png"],
        content_type: "image/png",
        bytes: include_bytes!("../../dashboard/dist/icon.png"),
    },
    Asset {
        paths: &["/LICENSES"],
        content_type: "text/plain; charset=utf-8",
        bytes: include_bytes!("../../dashboard/dist/LICENSES"),
    },
];

/// The tag of all files: that of their bytes, as a new program has new ones.
static TAG: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for asset in &ASSETS {
        digest.update(asset.bytes);
    }
    let digits = digest.finalize();
    let digits = digits.iter().take(8).map(|byte| format!("{byte:02x}"));
    HeaderValue::from_str(&format!("\"{}\"", digits.collect::<String>())).ok()
});

/// Answers with the file of a path, if there is one.
pub(super) fn answer(path: &str, headers: &HeaderMap) -> Option<Response> {
    let asset = ASSETS.iter().find(|asset| asset.paths.contains(&path))?;
    let is_known = TAG.is_some() && headers.get(IF_NONE_MATCH) == TAG.as_ref();
    let mut response = match is_known {
        true => Response::new(Body::empty()),
        false => Response::new(Body::from(asset.bytes)),
    };
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    // A browser asks each time, and a new program is seen at once.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Some(tag) = &*TAG {
        headers.insert(ETAG, tag.clone());
    }
    Some(response)
}
