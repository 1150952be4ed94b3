//! `mysql://user:password@host:port`: how the command line names a database
//! server, as an endpoint of the wire API.
//!
//! Passwords never leave this type but into the request. Reserved characters are
//! written as %XX. A path is refused: databases are chosen by options of their own.

use secrecy::{ExposeSecret, SecretString};
use tidegate_model::{Error, Result};
use tidegate_rpc::actions::{DBEndpointInfo, DBInfo};

use crate::tls::TlsArgs;

/// The wire API wants a region of every endpoint; one installation is one region.
pub(crate) const REGION: &str = "ap-guangzhou";
pub(crate) const ENGINES: [&str; 4] = ["mysql", "mariadb", "percona", "cynosdbmysql"];
const MYSQL_PORT: u16 = 3306;
const HOW: &str = "write it as mysql://USER@HOST:PORT (or mariadb, percona, cynosdbmysql), with %XX for reserved characters; TLS as ?tls=verified&ca=FILE";

#[derive(Clone)]
pub(crate) struct DatabaseUrl {
    pub(crate) engine: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: Option<SecretString>,
    pub(crate) tls: TlsArgs,
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// As the user may see it: without the password.
impl std::fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}@{}:{}", self.engine, self.user, self.host, self.port)
    }
}

impl DatabaseUrl {
    /// The text is not in any error: it may hold a password.
    pub(crate) fn parse(option: &str, text: &str) -> Result<DatabaseUrl> {
        let bad =
            |why: String| Error::bad_input(format!("{option} is no database address: {why}")).remedy(HOW);
        let (engine, rest) = text
            .split_once("://")
            .ok_or_else(|| bad("there is no engine before `://`".to_owned()))?;
        if !ENGINES.contains(&engine) {
            return Err(bad(
                "the engine is not one of mysql, mariadb, percona, cynosdbmysql".to_owned(),
            ));
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, place) = rest
            .rsplit_once('@')
            .ok_or_else(|| bad("there is no user before `@`".to_owned()))?;
        let (place, query) = place.split_once('?').unwrap_or((place, ""));
        let place = place.strip_suffix('/').unwrap_or(place);
        if place.contains(['/', '#']) {
            let error = Error::bad_input(format!("{option} has more than a host and a port"));
            return Err(error.remedy("choose databases with --databases or --tables, not in the address"));
        }
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        let part = |part: &str| {
            decoded(part).ok_or_else(|| bad("a % is not followed by two hexadecimal digits".to_owned()))
        };
        let mut tls = TlsArgs::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !tls.set(name, &part(value)?) {
                return Err(bad(
                    "after `?` there may be tls=preferred, required, verified or off, and ca=FILE, cert=FILE, key=FILE"
                        .to_owned(),
                ));
            }
        }
        let user = part(user)?;
        let password = password.map(part).transpose()?.map(SecretString::from);
        if user.is_empty() {
            return Err(bad("the user is empty".to_owned()));
        }
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':').unwrap_or(port)),
            None => place.split_once(':').unwrap_or((place, "")),
        };
        if host.is_empty() {
            return Err(bad("the host is empty".to_owned()));
        }
        let port = match port {
            "" => MYSQL_PORT,
            digits => digits
                .parse()
                .map_err(|_| bad("the port is no number up to 65535".to_owned()))?,
        };
        Ok(DatabaseUrl {
            engine: engine.to_owned(),
            host: host.to_owned(),
            port,
            user,
            password,
            tls,
        })
    }

    pub(crate) fn endpoint(&self) -> Result<DBEndpointInfo> {
        let password = self
            .password
            .as_ref()
            .map_or("", |password| password.expose_secret());
        Ok(DBEndpointInfo {
            extra_attr: self.tls.read()?.extra(),
            region: Some(REGION.to_owned()),
            access_type: Some("extranet".to_owned()),
            database_type: Some(self.engine.clone()),
            node_type: Some("simple".to_owned()),
            info: Some(vec![DBInfo {
                host: Some(self.host.clone()),
                port: Some(u64::from(self.port)),
                user: Some(self.user.clone()),
                password: Some(password.to_owned()),
                ..DBInfo::default()
            }]),
            ..DBEndpointInfo::default()
        })
    }
}

/// %XX undone; None where it is malformed or not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |text: &str, shown: &str, password: Option<&str>| {
            let url = DatabaseUrl::parse("--from", text).expect(text);
            assert_eq!(url.to_string(), shown, "{text}");
            assert_eq!(
                url.password.as_ref().map(|password| password.expose_secret()),
                password,
                "{text}"
            );
        };
        check(
            "mysql://root:pw@10.0.0.1:3307",
            "mysql://root@10.0.0.1:3307",
            Some("pw"),
        );
        check(
            "mariadb://app@db.example.org/",
            "mariadb://app@db.example.org:3306",
            None,
        );
        check("percona://a%40b:p%3A%2Fw@h:1", "percona://a@b@h:1", Some("p:/w"));
        check(
            "cynosdbmysql://u:@[::1]:3306",
            "cynosdbmysql://u@::1:3306",
            Some(""),
        );
        check("mysql://u:p:q@r@h", "mysql://u@h:3306", Some("p:q@r"));
        check("mysql://u:p%C3%A4ss@h", "mysql://u@h:3306", Some("päss"));
        check("mysql://u:p?q@h", "mysql://u@h:3306", Some("p?q"));
        check("mysql://u@h:1/?tls=required", "mysql://u@h:1", None);
        let url = DatabaseUrl::parse("--from", "mysql://u@h?tls=verified&ca=a%2Bb.pem").expect("parses");
        assert_eq!(url.tls.ca, Some("a+b.pem".into()));
    }

    #[test]
    fn what_is_no_address_is_refused_without_quoting_it() {
        for text in [
            "root:secret@h",
            "oracle://u:secret@h",
            "mysql://h:3306",
            "mysql://:secret@h",
            "mysql://u:secret@",
            "mysql://u:secret@h:99999",
            "mysql://u:secret%4@h",
            "mysql://u:secret@h/shop",
            "mysql://u:secret@h?tls=1",
            "mysql://u:secret@h?colour=red",
            "mysql://u:secret@h?ca=",
        ] {
            let error = DatabaseUrl::parse("--to", text).expect_err(text);
            assert!(!error.to_string().contains("secret"), "{error}");
            assert!(
                error
                    .remedy_text()
                    .is_some_and(|remedy| !remedy.contains("secret"))
            );
        }
    }

    #[test]
    fn an_endpoint_has_the_apis_fields() {
        let url = DatabaseUrl::parse("--from", "mysql://u:p@h:3307").expect("parses");
        let endpoint = url.endpoint().expect("reads");
        let info = endpoint.info.unwrap_or_default().remove(0);
        assert_eq!((info.host.as_deref(), info.port), (Some("h"), Some(3307)));
        assert_eq!(
            (info.user.as_deref(), info.password.as_deref()),
            (Some("u"), Some("p"))
        );
        assert_eq!(endpoint.access_type.as_deref(), Some("extranet"));
    }
}
