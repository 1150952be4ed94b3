//! The faults of the proxy, over plain sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tidegate_testkit::{FaultProxy, wait_until};

const DEADLINE: Duration = Duration::from_secs(10);
/// How long silence is listened to before it counts.
const SILENCE: Duration = Duration::from_millis(200);

/// A listener, a proxy to it, and one connection through it: client and server end.
fn connected() -> (TcpListener, FaultProxy, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = FaultProxy::start(listener.local_addr().expect("its address")).expect("a proxy");
    let (client, server) = connect(&listener, &proxy);
    (listener, proxy, client, server)
}

fn connect(listener: &TcpListener, proxy: &FaultProxy) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(proxy.address()).expect("connects");
    let (server, _) = listener.accept().expect("the proxy connects");
    for end in [&client, &server] {
        end.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    }
    (client, server)
}

fn pass(from: &mut TcpStream, to: &mut TcpStream, text: &[u8]) {
    from.write_all(text).expect("writes");
    let mut got = vec![0; text.len()];
    to.read_exact(&mut got).expect("reads");
    assert_eq!(got, text);
}

fn is_silent(end: &mut TcpStream) -> bool {
    end.set_read_timeout(Some(SILENCE)).expect("a timeout");
    let result = end.read(&mut [0]);
    end.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    matches!(result, Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

#[test]
fn bytes_pass_and_are_counted() {
    let (_listener, proxy, mut client, mut server) = connected();
    let large = vec![7; 1 << 20];
    std::thread::scope(|scope| {
        let mut writer = client.try_clone().expect("a second handle");
        scope.spawn(move || writer.write_all(&large).expect("writes"));
        let mut got = vec![0; 1 << 20];
        server.read_exact(&mut got).expect("reads");
        assert!(got.iter().all(|byte| *byte == 7));
    });
    pass(&mut server, &mut client, b"answer");
    // Bytes are counted once they are written: who has read them may be quicker.
    let begun = std::time::Instant::now();
    while proxy.counts().bytes_to_client < 6 && begun.elapsed() < DEADLINE {
        std::thread::yield_now();
    }
    let counts = proxy.counts();
    assert_eq!((counts.bytes_to_server, counts.bytes_to_client), (1 << 20, 6));
    assert_eq!((counts.accepted, counts.open), (1, 1));
    client.shutdown(std::net::Shutdown::Write).expect("shuts");
    assert_eq!(server.read(&mut [0]).expect("an end"), 0, "an end is passed on");
    pass(&mut server, &mut client, b"still");
}

#[test]
fn a_cut_resets_both_ends() {
    let (listener, proxy, mut client, mut server) = connected();
    pass(&mut client, &mut server, b"hello");
    proxy.cut().expect("cuts");
    assert_eq!(proxy.counts().open, 0);
    for end in [&mut client, &mut server] {
        assert_eq!(
            end.read(&mut [0]).expect_err("a reset").kind(),
            ErrorKind::ConnectionReset
        );
    }
    let (mut client, mut server) = connect(&listener, &proxy);
    pass(&mut client, &mut server, b"again");
}

#[test]
fn refusing_leaves_open_connections_alone() {
    let (listener, proxy, mut client, mut server) = connected();
    proxy.refuse(true).expect("refuses");
    let error = TcpStream::connect(proxy.address()).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    pass(&mut client, &mut server, b"old friends");
    proxy.refuse(false).expect("takes them again");
    let (mut client, mut server) = connect(&listener, &proxy);
    pass(&mut client, &mut server, b"new friends");
}

#[test]
fn a_stall_holds_bytes_and_connections() {
    let (_listener, proxy, mut client, mut server) = connected();
    pass(&mut client, &mut server, b"before");
    proxy.stall(true).expect("stalls");
    client.write_all(b"held").expect("the kernel takes it");
    server.write_all(b"back").expect("the kernel takes it");
    assert!(is_silent(&mut server) && is_silent(&mut client));
    proxy.stall(false).expect("flows");
    let mut got = [0; 4];
    server.read_exact(&mut got).expect("reads");
    assert_eq!(&got, b"held");
    client.read_exact(&mut got).expect("reads");
    assert_eq!(&got, b"back");
}

#[test]
fn a_stalled_connection_can_be_cut() {
    let (_listener, proxy, mut client, _server) = connected();
    proxy.stall(true).expect("stalls");
    proxy.cut().expect("cuts");
    assert_eq!(
        client.read(&mut [0]).expect_err("a reset").kind(),
        ErrorKind::ConnectionReset
    );
}

#[test]
fn slow_means_bytes_per_second() {
    let (_listener, proxy, mut client, mut server) = connected();
    proxy.slow(Some(10_000)).expect("slows");
    let begun = Instant::now();
    pass(&mut client, &mut server, &[1; 3_000]);
    let slow = begun.elapsed();
    assert!(slow > Duration::from_millis(200), "0.3 s at this rate: {slow:?}");
    proxy.slow(None).expect("unlimited");
    pass(&mut client, &mut server, &[1; 3_000]);
}

#[test]
fn a_half_close_ends_one_direction() {
    let (listener, proxy, mut client, mut server) = connected();
    pass(&mut client, &mut server, b"hello");
    proxy.half_close().expect("shuts");
    assert_eq!(server.read(&mut [0]).expect("an end"), 0);
    pass(&mut server, &mut client, b"the other way");
    let (mut client, mut server) = connect(&listener, &proxy);
    pass(&mut client, &mut server, b"new ones are whole");
}

#[tokio::test]
async fn a_server_that_is_not_there_resets_the_client() {
    let (listener, proxy, client, server) = connected();
    drop((listener, client, server));
    let client = tokio::net::TcpStream::connect(proxy.address())
        .await
        .expect("the proxy takes it");
    wait_until("the reset", DEADLINE, async || {
        client.readable().await?;
        let result = client.try_read(&mut [0]);
        Ok(matches!(result, Err(error) if error.kind() == ErrorKind::ConnectionReset))
    })
    .await
    .expect("a reset");
    drop(proxy);
}
