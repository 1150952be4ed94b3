//! One end of a migration: a database by its URL, or an endpoint that the
//! operator registered, as `endpoint:NAME`.
//!
//! A registered endpoint's engine is asked of the server by the public API; its
//! address and password stay there.

use tidegate_model::{Error, Kind, Result};
use tidegate_rpc::actions::{
    DBEndpointInfo, DBInfo, DescribeMigrateDBInstancesAnswer, DescribeMigrateDBInstancesRequest,
};

use crate::client::Client;
use crate::database_url::{DatabaseUrl, ENGINES, REGION};
use crate::endpoint::checked_name;

const REGISTERED: &str = "endpoint:";

/// As the user named it.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Url(DatabaseUrl),
    Registered(String),
}

/// As the server is told.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub(crate) shown: String,
    pub(crate) engine: String,
    pub(crate) endpoint: DBEndpointInfo,
}

impl Place {
    /// The text is not in any error: it may hold a password.
    pub(crate) fn parse(option: &str, text: &str) -> Result<Place> {
        match text.strip_prefix(REGISTERED) {
            Some(name) => checked_name(name).map(|()| Place::Registered(name.to_owned())),
            None => DatabaseUrl::parse(option, text).map(Place::Url),
        }
    }

    pub(crate) async fn side(&self, client: &Client) -> Result<Side> {
        match self {
            Place::Url(url) => Ok(Side {
                shown: url.to_string(),
                engine: url.engine.clone(),
                endpoint: url.endpoint()?,
            }),
            Place::Registered(name) => registered(client, name).await,
        }
    }
}

async fn registered(client: &Client, name: &str) -> Result<Side> {
    for engine in ENGINES {
        let request = DescribeMigrateDBInstancesRequest {
            database_type: Some(engine.to_owned()),
            instance_id: Some(name.to_owned()),
            ..DescribeMigrateDBInstancesRequest::default()
        };
        let answer: DescribeMigrateDBInstancesAnswer =
            client.call("DescribeMigrateDBInstances", &request).await?;
        let mut there = answer.instances.iter().flatten();
        if there.any(|item| item.instance_id.as_deref() == Some(name)) {
            return Ok(Side {
                shown: format!("{REGISTERED}{name}"),
                engine: engine.to_owned(),
                endpoint: by_name(engine, name),
            });
        }
    }
    Err(
        Error::new(Kind::NotFound, format!("the server knows no endpoint `{name}`")).remedy(
            "see those there are with `tidegate endpoint list`, register one with `tidegate endpoint add`",
        ),
    )
}

fn by_name(engine: &str, name: &str) -> DBEndpointInfo {
    DBEndpointInfo {
        region: Some(REGION.to_owned()),
        access_type: Some("cdb".to_owned()),
        database_type: Some(engine.to_owned()),
        node_type: Some("simple".to_owned()),
        info: Some(vec![DBInfo {
            instance_id: Some(name.to_owned()),
            ..DBInfo::default()
        }]),
        ..DBEndpointInfo::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_or_a_registered_name() {
        let check = |text: &str, registered: bool| match Place::parse("--from", text).expect(text) {
            Place::Url(_) => assert!(!registered, "{text}"),
            Place::Registered(name) => assert!(registered && text.ends_with(&name), "{text}"),
        };
        check("mysql://u:p@h", false);
        check("endpoint:shop", true);
        for text in ["endpoint:", "endpoint:a/b", "shop"] {
            assert!(Place::parse("--from", text).is_err(), "{text}");
        }
        let named = by_name("mysql", "shop");
        assert_eq!(named.access_type.as_deref(), Some("cdb"));
    }
}
