//! Signed calls of the wire API and of the operator's API, without any SDK.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};
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
    Credential {
        secret_id: &served.credentials.secret_id,
        secret_key: &served.credentials.secret_key,
    }
}

pub(crate) fn ask(served: &Served, action: &str, params: &Value) -> Value {
    let body = params.to_string();
    let headers = sign_tc3(who(served), served.address(), action, body.as_bytes(), now()).expect("signs");
    send(served, "POST", "/", headers, &body)
}

pub(crate) fn operate(served: &Served, method: &str, path: &str, body: &Value) -> Value {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let place = (method, path);
    let headers = sign_operator(who(served), served.address(), place, body.as_bytes(), now()).expect("signs");
    send(served, method, path, headers, &body)
}

pub(crate) fn new_job(served: &Served) -> String {
    let params = json!({"SrcDatabaseType": "mysql", "DstDatabaseType": "mysql", "SrcRegion": "r",
        "DstRegion": "r", "InstanceClass": "small"});
    let answer = ask(served, "CreateMigrationService", &params);
    answer["JobIds"][0].as_str().expect("an id").to_owned()
}
