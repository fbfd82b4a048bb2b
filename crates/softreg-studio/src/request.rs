//! The parts of a request, read; what makes no sense is answered as every other problem is: in words, as JSON.

use crate::problem::Problem;
use axum::extract::multipart::MultipartRejection;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Multipart, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// JSON, of a request's body or of an answer.
pub(crate) struct Json<T>(pub(crate) T);
/// What stands in the path.
pub(crate) struct Path<T>(pub(crate) T);
/// What stands behind the question mark.
pub(crate) struct Query<T>(pub(crate) T);
/// The files of a form.
pub(crate) struct Form(pub(crate) Multipart);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read = axum::Json::<T>::from_request(request, state).await;
        read.map(|axum::Json(value)| Self(value))
            .map_err(|e: JsonRejection| refusal(e.status(), e.body_text()))
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read = Multipart::from_request(request, state).await;
        read.map(Self).map_err(|e: MultipartRejection| refusal(e.status(), e.body_text()))
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(value)| Self(value))
            .map_err(|e: PathRejection| refusal(e.status(), e.body_text()))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        read.map(|axum::extract::Query(value)| Self(value))
            .map_err(|e: QueryRejection| refusal(e.status(), e.body_text()))
    }
}

/// One status for all that makes no sense, where axum has three.
fn refusal(status: StatusCode, text: String) -> Problem {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(text),
        status if status.is_server_error() => Problem::failed(text),
        _ => Problem::wrong(text),
    }
}
