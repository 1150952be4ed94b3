//! How to reach one database.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    Mysql,
    Mariadb,
    Percona,
    Cynosdbmysql,
    Postgresql,
    Mongodb,
    Redis,
    Sqlserver,
}

impl EngineKind {
    pub const ALL: [EngineKind; 8] = [
        EngineKind::Mysql,
        EngineKind::Mariadb,
        EngineKind::Percona,
        EngineKind::Cynosdbmysql,
        EngineKind::Postgresql,
        EngineKind::Mongodb,
        EngineKind::Redis,
        EngineKind::Sqlserver,
    ];

    /// The wire API's name of the database type.
    pub fn as_str(self) -> &'static str {
        match self {
            EngineKind::Mysql => "mysql",
            EngineKind::Mariadb => "mariadb",
            EngineKind::Percona => "percona",
            EngineKind::Cynosdbmysql => "cynosdbmysql",
            EngineKind::Postgresql => "postgresql",
            EngineKind::Mongodb => "mongodb",
            EngineKind::Redis => "redis",
            EngineKind::Sqlserver => "sqlserver",
        }
    }

    pub fn parse(name: &str) -> Option<EngineKind> {
        EngineKind::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub enum Tls {
    /// Encrypted where the server offers it; certificate not checked. The default of
    /// the wire API's endpoints, which have no place for a certificate authority.
    #[default]
    Preferred,
    /// Encrypted or not at all; certificate not checked. For servers that sign their
    /// own: keeps readers out, and not someone who stands between. The precheck warns.
    Required,
    /// Encrypted, certificate and host name verified.
    Verified,
    /// Never encrypted.
    Off,
}

impl Tls {
    pub const ALL: [Tls; 4] = [Tls::Preferred, Tls::Required, Tls::Verified, Tls::Off];

    pub fn as_str(self) -> &'static str {
        match self {
            Tls::Preferred => "preferred",
            Tls::Required => "required",
            Tls::Verified => "verified",
            Tls::Off => "off",
        }
    }

    pub fn parse(name: &str) -> Option<Tls> {
        Tls::ALL.into_iter().find(|tls| tls.as_str() == name)
    }
}

/// What TLS with one database goes by, in PEM.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Certificates {
    /// Authorities to trust instead of the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// The chain that we show to the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_cert: Option<String>,
    /// Its key: a secret, so never part of a body.
    #[serde(skip)]
    pub client_key: Option<String>,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let has = |part: &Option<String>| part.is_some();
        f.debug_struct("Certificates")
            .field("ca", &has(&self.ca))
            .field("client_cert", &has(&self.client_cert))
            .finish_non_exhaustive()
    }
}

/// An endpoint with its password in the clear: lives in memory only.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub engine: EngineKind,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    pub tls: Tls,
    pub certificates: Certificates,
}

impl Endpoint {
    /// On this machine, where there is no network between.
    pub fn is_local(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}:{}", self.engine.as_str(), self.host, self.port)
    }
}
