//! The endpoints that the operator registered, as instances to choose from.

use serde_json::Value;
use tidegate_control::Jobs;
use tidegate_control::endpoints::Registered;
use tidegate_rpc::ApiError;
use tidegate_rpc::actions::{
    DescribeMigrateDBInstancesAnswer, DescribeMigrateDBInstancesRequest, MigrateDBItem,
};

use super::{needed, written};

const LIMIT_DEFAULT: i64 = 20;
const LIMIT_MAX: i64 = 100;

pub(super) async fn describe(
    jobs: &Jobs,
    request: DescribeMigrateDBInstancesRequest,
) -> Result<Value, ApiError> {
    let kind = needed(request.database_type.clone(), "DatabaseType")?;
    if request.account_mode.as_deref() == Some("other") {
        return Err(ApiError::unsupported("the `AccountMode` other"));
    }
    let limit = bounded("Limit", request.limit.unwrap_or(LIMIT_DEFAULT))?;
    let offset = bounded("Offset", request.offset.unwrap_or_default())?;
    let fits = |known: &Registered| {
        let id = request.instance_id.as_ref();
        let name = request.instance_name.as_ref();
        known.engine.as_str() == kind
            && id.is_none_or(|id| *id == known.name)
            && name.is_none_or(|part| known.name.contains(part))
    };
    let found: Vec<Registered> = jobs.endpoints().await?.into_iter().filter(fits).collect();
    let page = found
        .iter()
        .skip(offset)
        .take(limit.min(usize::try_from(LIMIT_MAX).unwrap_or(limit)));
    written(&DescribeMigrateDBInstancesAnswer {
        total_count: i64::try_from(found.len()).ok(),
        instances: Some(page.map(item).collect()),
    })
}

fn bounded(name: &str, number: i64) -> Result<usize, ApiError> {
    usize::try_from(number).map_err(|_| ApiError::bad_value(format!("`{name}` must be 0 or more")))
}

fn item(known: &Registered) -> MigrateDBItem {
    MigrateDBItem {
        instance_id: Some(known.name.clone()),
        instance_name: Some(known.name.clone()),
        vip: Some(known.host.clone()),
        vport: Some(i64::from(known.port)),
        usable: Some(1),
        hint: None,
    }
}
