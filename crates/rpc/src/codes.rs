//! The wire API's error codes, by meaning, and how our own errors map to them.
//!
//! Wrong state is `OperationDenied.OperationDeniedError` and not a conflict
//! code, because public clients retry conflicts. Messages never hold secrets.

use tidegate_model::error::{Error, Kind};

/// A failed call as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    pub code: &'static str,
    pub message: String,
}

impl ApiError {
    pub fn new(code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError {
            code,
            message: message.into(),
        }
    }

    pub fn signature(message: impl Into<String>) -> ApiError {
        ApiError::new("AuthFailure.SignatureFailure", message)
    }

    pub fn signature_expired(message: impl Into<String>) -> ApiError {
        ApiError::new("AuthFailure.SignatureExpire", message)
    }

    /// Also of a disabled one: the published meaning of the code is a key that was
    /// "deleted or disabled".
    pub fn secret_id_not_found() -> ApiError {
        ApiError::new(
            "AuthFailure.SecretIdNotFound",
            "the SecretId is not known here, or is disabled",
        )
    }

    pub fn unauthorized(message: impl Into<String>) -> ApiError {
        ApiError::new("AuthFailure.UnauthorizedOperation", message)
    }

    /// Exactly this code: public clients wait and ask again for it alone.
    pub fn too_often(call: &str, a_second: u32) -> ApiError {
        ApiError::new(
            "RequestLimitExceeded",
            format!("more than {a_second} calls of `{call}` in a second: ask again later"),
        )
    }

    pub fn invalid_authorization(message: impl Into<String>) -> ApiError {
        ApiError::new("AuthFailure.InvalidAuthorization", message)
    }

    pub fn missing(parameter: &str) -> ApiError {
        ApiError::new(
            "MissingParameter",
            format!("the parameter `{parameter}` is missing"),
        )
    }

    /// An action that the contract does not have.
    pub fn unknown_action(action: &str) -> ApiError {
        let shown: String = action.chars().take(60).collect();
        ApiError::new("InvalidAction", format!("there is no action `{shown}`"))
    }

    pub fn unknown_version(version: &str) -> ApiError {
        let shown: String = version.chars().take(20).collect();
        ApiError::new(
            "NoSuchVersion",
            format!(
                "there is no version `{shown}` here; use {}",
                crate::contract::VERSION
            ),
        )
    }

    pub fn unknown_parameter(path: &str) -> ApiError {
        let shown: String = path.chars().take(120).collect();
        ApiError::new("UnknownParameter", format!("there is no parameter `{shown}`"))
    }

    /// An action that the contract has and this version does not.
    pub fn unsupported(what: &str) -> ApiError {
        ApiError::new(
            "UnsupportedOperation.UnsupportedOperationError",
            format!("{what} is not available in this version"),
        )
    }

    pub fn malformed(message: impl Into<String>) -> ApiError {
        ApiError::new("InvalidParameter", message)
    }

    pub fn wrong_state(message: impl Into<String>) -> ApiError {
        ApiError::new("OperationDenied.OperationDeniedError", message)
    }

    pub fn not_found(message: impl Into<String>) -> ApiError {
        ApiError::new("ResourceNotFound.ResourceNotFoundError", message)
    }

    pub fn bad_value(message: impl Into<String>) -> ApiError {
        ApiError::new("InvalidParameterValue.InvalidParameterValueError", message)
    }

    pub fn internal(message: impl Into<String>) -> ApiError {
        ApiError::new("InternalError.InternalErrorError", message)
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}

impl From<Error> for ApiError {
    fn from(error: Error) -> ApiError {
        let message = match error.remedy_text() {
            Some(remedy) => format!("{error}. {remedy}"),
            None => error.to_string(),
        };
        match error.kind() {
            Kind::NotFound => ApiError::not_found(message),
            Kind::BadInput => ApiError::bad_value(message),
            Kind::WrongState => ApiError::wrong_state(message),
            Kind::Retry
            | Kind::NeedsUser
            | Kind::PositionLost
            | Kind::Conflict
            | Kind::Unknown
            | Kind::Stopped
            | Kind::Bug => ApiError::internal(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_ours_keeps_its_remedy_on_the_wire() {
        let error = Error::bad_input("`Port` is 70000").remedy("Give a port from 1 to 65535");
        let seen = ApiError::from(error);
        assert_eq!(seen.code, "InvalidParameterValue.InvalidParameterValueError");
        assert_eq!(seen.message, "`Port` is 70000. Give a port from 1 to 65535");
    }
}
