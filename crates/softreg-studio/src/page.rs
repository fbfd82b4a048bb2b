//! The page: three files that are part of the program.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

/// Path, kind and content of every file.
const FILES: [(&str, &str, &str); 4] = [
    ("/", "text/html; charset=utf-8", include_str!("assets/index.html")),
    ("/studio.css", "text/css; charset=utf-8", include_str!("assets/studio.css")),
    ("/studio.js", "text/javascript; charset=utf-8", include_str!("assets/studio.js")),
    ("/icon.svg", "image/svg+xml", include_str!("assets/icon.svg")),
];

/// The routes of the page.
pub(crate) fn router() -> Router {
    FILES.iter().fold(Router::new(), |router, (path, kind, content)| {
        let answer =
            || std::future::ready(([(header::CONTENT_TYPE, *kind)], *content).into_response());
        router.route(path, get(answer))
    })
}
