//! Signed calls of the wire API and of the operator's API, without any SDK.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};
use tidegate_rpc::credentials::Credentials;
use tidegate_rpc::sign::{Credential, sign_operator, sign_tc3};

use crate::process::Served;

fn exchange(served: &Served, text: &str) -> String {
    let mut socket = TcpStream::connect(served.address()).expect("connects");
    socket.write_all(text.as_bytes()).expect("sends");
    let mut reply = String::new();
    socket.read_to_string(&mut reply).expect("reads");
    reply
}

pub(crate) fn get(served: &Served, path: &str) -> String {
    exchange(
        served,
        &format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
    )
}

pub(crate) fn send(
    served: &Served,
    method: &str,
    path: &str,
    headers: Vec<(String, String)>,
    body: &str,
) -> Value {
    let mut text = format!(
        "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    let reply = exchange(served, &format!("{text}\r\n{body}"));
    assert!(!reply.contains("geheim"), "a password is shown: {reply}");
    let (_, body) = reply.split_once("\r\n\r\n").expect("a body");
    serde_json::from_str::<Value>(body).expect("JSON")["Response"].clone()
}

#[allow(clippy::disallowed_methods, reason = "a client of its own")]
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
}

pub(crate) fn who(served: &Served) -> Credential<'_> {
    credential(&served.credentials)
}

fn credential(caller: &Credentials) -> Credential<'_> {
    Credential {
        secret_id: &caller.secret_id,
        secret_key: &caller.secret_key,
    }
}

/// Asks again while the server says that it is asked too often, as clients do.
pub(crate) fn ask(served: &Served, action: &str, params: &Value) -> Value {
    patient(|| ask_as(served, &served.credentials, action, params))
}

fn patient(ask: impl Fn() -> Value) -> Value {
    let begun = std::time::Instant::now();
    loop {
        let answer = ask();
        let wait = answer["Error"]["Code"] == "RequestLimitExceeded";
        if !wait || begun.elapsed() > std::time::Duration::from_secs(10) {
            return answer;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Once, as any caller.
pub(crate) fn ask_as(served: &Served, caller: &Credentials, action: &str, params: &Value) -> Value {
    let body = params.to_string();
    let headers = sign_tc3(
        credential(caller),
        served.address(),
        action,
        body.as_bytes(),
        now(),
    )
    .expect("signs");
    send(served, "POST", "/", headers, &body)
}

pub(crate) fn operate(served: &Served, method: &str, path: &str, body: &Value) -> Value {
    patient(|| operate_as(served, &served.credentials, (method, path), body))
}

pub(crate) fn operate_as(served: &Served, caller: &Credentials, place: (&str, &str), body: &Value) -> Value {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let headers = sign_operator(
        credential(caller),
        served.address(),
        place,
        body.as_bytes(),
        now(),
    )
    .expect("signs");
    send(served, place.0, place.1, headers, &body)
}

pub(crate) fn new_job(served: &Served) -> String {
    let params = json!({"SrcDatabaseType": "mysql", "DstDatabaseType": "mysql", "SrcRegion": "r",
        "DstRegion": "r", "InstanceClass": "small"});
    let answer = ask(served, "CreateMigrationService", &params);
    answer["JobIds"][0].as_str().expect("an id").to_owned()
}
