//! The client's error paths, against a double of the server that takes one
//! connection and gives a fixed answer. What a true server answers is tested
//! with the true one, end to end.

use serde_json::json;
use tidegate_rpc::sign::{RequestParts, verify};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const KEY: &str = "the-key";

/// What the double does with the one call that it gets.
#[derive(Clone, Copy)]
enum Answer {
    /// A whole HTTP answer of this status with this body, if the signature holds.
    Body(u16, &'static str),
    /// The connection is closed in the middle of the body.
    Torn,
    /// The connection is closed at once.
    Nothing,
}

async fn double(listener: TcpListener, answer: Answer) {
    let (mut socket, _) = listener.accept().await.expect("a call comes");
    let mut received = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&received);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length: ")
                    .map(str::to_owned)
            });
            if body.len() >= length.expect("a length").parse().expect("a number") {
                break;
            }
        }
        assert!(
            socket.read_buf(&mut received).await.expect("reads") > 0,
            "the call is whole"
        );
    }
    let reply = match answer {
        Answer::Nothing => return,
        Answer::Torn => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_owned(),
        Answer::Body(status, body) => {
            let body = match signed_action(&received) {
                Ok(_) => body.to_owned(),
                Err(code) => format!(r#"{{"Response": {{"Error": {{"Code": "{code}", "Message": "m"}}}}}}"#),
            };
            format!(
                "HTTP/1.1 {status} Said\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        }
    };
    socket.write_all(reply.as_bytes()).await.expect("writes");
}

#[allow(clippy::disallowed_methods, reason = "the one place where it enters")]
fn signed_action(received: &[u8]) -> std::result::Result<String, &'static str> {
    let text = String::from_utf8_lossy(received);
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let headers: Vec<(String, String)> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let parts = RequestParts {
        method: "POST",
        query: "",
        headers: &headers,
        body: body.as_bytes(),
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock")
        .as_secs();
    let verified = verify(&parts, &|id| (id == "the-id").then(|| KEY.to_owned()), now);
    verified
        .map(|verified| verified.action)
        .map_err(|error| error.code)
}

async fn called(key: &str, answer: Answer) -> Result<Value> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let client =
        Client::new(&url, "the-id".to_owned(), SecretString::from(key), None, false).expect("a client");
    let request = json!({});
    let (called, ()) = tokio::join!(
        client.call("DescribeMigrationJobs", &request),
        double(listener, answer)
    );
    called
}

async fn check(key: &str, answer: Answer, kind: Kind, said: &str) {
    let error = called(key, answer).await.expect_err(said);
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(said), "{error}");
}

#[tokio::test]
async fn a_signed_call_is_answered() {
    let answer = Answer::Body(200, r#"{"Response": {"TotalCount": 0, "RequestId": "r"}}"#);
    assert_eq!(
        called(KEY, answer).await.expect("answered"),
        json!({"TotalCount": 0, "RequestId": "r"})
    );
}

#[tokio::test]
async fn what_goes_wrong_is_told_by_its_kind() {
    let wrong_state =
        r#"{"Response": {"Error": {"Code": "OperationDenied.OperationDeniedError", "Message": "it runs"}}}"#;
    check(
        KEY,
        Answer::Body(200, wrong_state),
        Kind::WrongState,
        "OperationDenied.OperationDeniedError: it runs",
    )
    .await;
    let unknown =
        r#"{"Response": {"Error": {"Code": "ResourceNotFound.ResourceNotFoundError", "Message": "no"}}}"#;
    check(KEY, Answer::Body(200, unknown), Kind::NotFound, "was refused").await;
    check(
        "a-wrong-key",
        Answer::Body(200, "{}"),
        Kind::NeedsUser,
        "AuthFailure.SignatureFailure",
    )
    .await;
    check(
        KEY,
        Answer::Body(200, "<html>"),
        Kind::NeedsUser,
        "not that of the wire API",
    )
    .await;
    check(
        KEY,
        Answer::Body(200, "{}"),
        Kind::NeedsUser,
        "not that of the wire API",
    )
    .await;
    check(KEY, Answer::Body(502, "{}"), Kind::NeedsUser, "HTTP 502").await;
    check(KEY, Answer::Torn, Kind::Retry, "broke off").await;
    check(KEY, Answer::Nothing, Kind::Retry, "cannot reach").await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let client = Client::new(&url, "id".to_owned(), SecretString::from(KEY), None, false).expect("a client");
    let error = client
        .tell("StartMigrateJob", &json!({}))
        .await
        .expect_err("nobody listens");
    assert_eq!(error.kind(), Kind::Retry);
    assert!(
        error
            .remedy_text()
            .is_some_and(|remedy| remedy.contains("tidegate serve")),
        "{error}"
    );
}

#[test]
fn plain_http_beyond_this_machine_must_be_asked_for() {
    let made = |url: &str, insecure: bool| {
        Client::new(url, "id".to_owned(), SecretString::from(KEY), None, insecure)
    };
    assert!(made("http://localhost:1", false).is_ok());
    assert!(made("http://[::1]:1", false).is_ok());
    assert!(made("http://10.0.0.1:1", false).is_err());
    assert!(made("http://10.0.0.1:1", true).is_ok());
}
