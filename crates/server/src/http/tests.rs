//! The front over a real socket, with a stub in place of the actions.

use serde_json::json;
use tidegate_rpc::sign::{Credential, sign_tc3};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

struct Stub;

#[async_trait]
impl ApiService for Stub {
    fn secret_key(&self, secret_id: &str) -> Option<String> {
        (secret_id == "ID").then(|| "KEY".to_owned())
    }

    async fn call(&self, verified: Verified, _peer: SocketAddr) -> Result<Value, ApiError> {
        let params = tidegate_rpc::decode::normalise(&verified.action, verified.params)?;
        match verified.action.as_str() {
            "DescribeMigrationJobs" => Ok(json!({"TotalCount": 0, "JobList": [], "Seen": params})),
            _ => Err(ApiError::not_found("there is no such job")),
        }
    }

    async fn operate(&self, call: OperatorCall) -> Result<Value, ApiError> {
        Ok(json!({"Seen": call.path, "By": call.secret_id}))
    }

    fn answered(&self, _action: &str, _error: Option<&ApiError>) {}
}

impl Probes for Stub {
    fn ready(&self) -> bool {
        true
    }
    fn metrics(&self) -> String {
        "# EOF\n".to_owned()
    }
    fn version(&self) -> String {
        "test\n".to_owned()
    }
}

/// Sends one request to a front of its own, then stops it and sees it end.
async fn ask(text: impl FnOnce(SocketAddr) -> String) -> String {
    let config = HttpConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls: None,
        connections: 8,
    };
    let front = bind(&config).await.expect("binds");
    let address = front.address().expect("has an address");
    let stop = CancellationToken::new();
    let serving = front.serve(Arc::new(Stub), Arc::new(Stub), stop.clone());
    let asking = async {
        let mut socket = TcpStream::connect(address).await.expect("connects");
        socket.write_all(text(address).as_bytes()).await.expect("sends");
        let mut reply = String::new();
        socket.read_to_string(&mut reply).await.expect("reads");
        stop.cancel();
        reply
    };
    let (served, reply) = tokio::join!(serving, asking);
    served.expect("stops cleanly");
    reply
}

fn call(target: &str, action: &str, body: &str, key: &str) -> String {
    let who = Credential {
        secret_id: "ID",
        secret_key: key,
    };
    let now = u64::try_from(jiff::Timestamp::now().as_second()).expect("after 1970");
    let headers = sign_tc3(who, "dts.example", action, body.as_bytes(), now).expect("signs");
    let mut lines = format!("POST {target} HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in headers {
        lines.push_str(&format!("{name}: {value}\r\n"));
    }
    lines + &format!("Content-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_signed_call_is_answered_in_both_target_forms() {
    for target in ["/", "http://dts.example/"] {
        let reply = ask(|_| call(target, "DescribeMigrationJobs", r#"{"Limit":"1"}"#, "KEY")).await;
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
        assert!(reply.contains("content-type: application/json\r\n"), "{reply}");
        assert!(reply.contains(r#""Seen":{"Limit":1}"#), "{reply}");
        assert!(reply.contains("RequestId"), "{reply}");
    }
}

#[tokio::test]
async fn failures_are_200_with_their_code() {
    let cases = [
        (
            "StartMigrateJob",
            r#"{"JobId":"x"}"#,
            "KEY",
            "ResourceNotFound.ResourceNotFoundError",
        ),
        ("StartMigrateJob", "{}", "KEY", "MissingParameter"),
        ("MakeTea", "{}", "KEY", "InvalidAction"),
        (
            "CreateSyncJob",
            "{}",
            "KEY",
            "UnsupportedOperation.UnsupportedOperationError",
        ),
        ("StartMigrateJob", "{}", "WRONG", "AuthFailure.SignatureFailure"),
    ];
    for (action, body, key, code) in cases {
        let reply = ask(|_| call("/", action, body, key)).await;
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
        assert!(reply.contains(code), "{reply}");
        assert!(reply.contains("RequestId"), "{reply}");
    }
}

#[tokio::test]
async fn pages_of_the_operator_answer() {
    for (path, wanted) in [
        ("/healthz", "200"),
        ("/readyz", "200"),
        ("/metrics", "200"),
        ("/tea", "404"),
    ] {
        let reply = ask(|_| format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {wanted}")), "{reply}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_by_name() {
    let body = "x".repeat(10 * 1024 * 1024 + 1);
    let config = HttpConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls: None,
        connections: 8,
    };
    let front = bind(&config).await.expect("binds");
    let address = front.address().expect("has an address");
    let stop = CancellationToken::new();
    let serving = front.serve(Arc::new(Stub), Arc::new(Stub), stop.clone());
    let asking = async {
        let mut socket = TcpStream::connect(address).await.expect("connects");
        let (mut reading, mut writing) = socket.split();
        let text = call("/", "DescribeMigrationJobs", &body, "KEY");
        // The server may close before it has read all of it.
        let send = async {
            let _ = writing.write_all(text.as_bytes()).await;
        };
        let mut reply = vec![0; 4096];
        let (count, ()) = tokio::join!(reading.read(&mut reply), send);
        stop.cancel();
        String::from_utf8_lossy(&reply[..count.expect("reads")]).into_owned()
    };
    let (served, reply) = tokio::join!(serving, asking);
    served.expect("stops cleanly");
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    assert!(reply.contains("RequestSizeLimitExceeded"), "{reply}");
}

#[tokio::test]
async fn connections_above_the_cap_wait_until_one_ends() {
    const CAP: usize = 2;
    let config = HttpConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls: None,
        connections: CAP,
    };
    let front = bind(&config).await.expect("binds");
    let address = front.address().expect("has an address");
    let stop = CancellationToken::new();
    let serving = front.serve(Arc::new(Stub), Arc::new(Stub), stop.clone());
    let asking = async {
        let page = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n";
        let mut held = Vec::new();
        let mut reply = [0; 1024];
        for _ in 0..CAP {
            let mut socket = TcpStream::connect(address).await.expect("connects");
            socket.write_all(page).await.expect("sends");
            assert!(socket.read(&mut reply).await.expect("is answered") > 0);
            held.push(socket);
        }
        let mut waiting = TcpStream::connect(address).await.expect("the system takes it");
        waiting.write_all(page).await.expect("sends");
        let early = tokio::time::timeout(Duration::from_millis(300), waiting.read(&mut reply)).await;
        assert!(early.is_err(), "it is answered above the cap");
        held.clear();
        let late = tokio::time::timeout(Duration::from_secs(10), waiting.read(&mut reply)).await;
        assert!(late.expect("is answered in time").expect("reads") > 0);
        drop(waiting);
        stop.cancel();
    };
    let (served, ()) = tokio::join!(serving, asking);
    served.expect("stops cleanly");
}
