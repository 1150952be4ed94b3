//! A server's address: `http://HOST:PORT` or `https://HOST`, and nothing more.
//!
//! Pure. Which addresses may be spoken to without TLS is for the client to say.

use tidegate_model::{Error, Result};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Address> {
        let bad = |why: &str| {
            Error::bad_input(format!("`{url}` is no server address: {why}"))
                .remedy("write it as http://HOST:PORT or https://HOST")
        };
        let (tls, rest) = if let Some(rest) = url.strip_prefix("https://") {
            (true, rest)
        } else if let Some(rest) = url.strip_prefix("http://") {
            (false, rest)
        } else {
            return Err(bad("it begins with neither http:// nor https://"));
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return Err(bad("it has more than host and port"));
        }
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        if host.is_empty() {
            return Err(bad("it has no host"));
        }
        let port = match port {
            Some(port) => port.parse().map_err(|_| bad("the port is no number"))?,
            None if tls => 443,
            None => 80,
        };
        Ok(Address {
            tls,
            host: host.to_owned(),
            port,
        })
    }

    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    pub(super) fn is_local(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |url: &str, tls: bool, host: &str, port: u16, authority: &str| {
            let address = Address::parse(url).expect(url);
            assert_eq!(
                (address.tls, address.host.as_str(), address.port),
                (tls, host, port),
                "{url}"
            );
            assert_eq!(address.authority(), authority, "{url}");
        };
        check(
            "http://127.0.0.1:7437",
            false,
            "127.0.0.1",
            7437,
            "127.0.0.1:7437",
        );
        check(
            "https://dts.example.org/",
            true,
            "dts.example.org",
            443,
            "dts.example.org",
        );
        check("http://localhost", false, "localhost", 80, "localhost");
        check("https://[::1]:8443", true, "::1", 8443, "[::1]:8443");
        for url in [
            "127.0.0.1:7437",
            "ftp://h",
            "http://",
            "http://h:x",
            "http://h/api",
            "http://u@h",
        ] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }
}
