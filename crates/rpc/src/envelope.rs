//! The body of every reply: `{"Response": {…, "RequestId"}}`.
//!
//! The status line is 200 for failures too, and the content type is exactly
//! `application/json`: public clients parse the body only then. Both are the
//! HTTP front's duty; the shape is ours.

use serde_json::{Map, Value, json};

use crate::codes::ApiError;

pub const CONTENT_TYPE: &str = "application/json";

/// `answer` is the action's own object. Any other JSON is a fault of ours.
pub fn success(answer: Value, request_id: &str) -> Value {
    match answer {
        Value::Object(mut fields) => {
            fields.insert("RequestId".to_owned(), Value::from(request_id));
            json!({ "Response": fields })
        }
        Value::Null => success(Value::Object(Map::new()), request_id),
        _ => failure(&ApiError::internal("the answer is not an object"), request_id),
    }
}

pub fn failure(error: &ApiError, request_id: &str) -> Value {
    json!({ "Response": {
        "Error": { "Code": error.code, "Message": error.message },
        "RequestId": request_id,
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_id_is_in_both_shapes() {
        let good = success(json!({"JobId": "dts-1"}), "r");
        assert_eq!(good, json!({"Response": {"JobId": "dts-1", "RequestId": "r"}}));
        let bad = failure(&ApiError::missing("JobId"), "r");
        assert_eq!(bad["Response"]["Error"]["Code"], "MissingParameter");
        assert_eq!(bad["Response"]["RequestId"], "r");
        assert!(success(json!([1]), "r")["Response"]["Error"].is_object());
    }
}
