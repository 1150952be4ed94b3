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
    /// Encrypted, certificate and host name verified.
    Verified,
    /// Never encrypted.
    Off,
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
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}:{}", self.engine.as_str(), self.host, self.port)
    }
}
