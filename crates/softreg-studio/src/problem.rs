//! What went wrong, as a person reads it and as a program does.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Error response.
#[derive(Clone, Debug, Serialize, ToSchema, thiserror::Error)]
#[error("{error}")]
pub struct Problem {
    /// What is wrong, where, and the way out, in a sentence.
    pub error: String,
    #[serde(skip)]
    status: u16,
}

/// The result of a request.
pub type Answer<T> = Result<T, Problem>;

impl Problem {
    fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { error: error.into(), status: status.as_u16() }
    }

    /// 400: the request makes no sense.
    pub fn wrong(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// 403: not from this page, or without the token.
    pub fn forbidden(error: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, error)
    }

    /// 404.
    pub fn missing(error: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error)
    }

    /// 409: not in this state.
    pub fn conflict(error: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, error)
    }

    /// 413: more than is taken.
    pub fn too_large(error: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, error)
    }

    /// 500: this machine's fault, or ours.
    pub fn failed(error: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl From<softreg_run::Error> for Problem {
    fn from(error: softreg_run::Error) -> Self {
        match error {
            softreg_run::Error::NotARun { .. } => Self::missing(error.to_string()),
            _ => Self::failed(error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self)).into_response()
    }
}
