//! Which jobs a listing shows.
//!
//! Pure. Offlined jobs are left out unless asked for by their id; jobs in the
//! recycle bin are listed. (No published rule says either way.)

use crate::job::{Job, Side, Task};
use crate::jobs::{JobView, Jobs};
use crate::lifecycle::{Status, Trade};

/// An empty list, or None, asks for nothing in particular.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub job_id: Option<String>,
    /// A part of the name.
    pub job_name: Option<String>,
    pub statuses: Vec<Status>,
    pub timed: Option<bool>,
    pub source: SideFilter,
    pub target: SideFilter,
    /// All must be met: a key, and one of the values where there are any.
    pub tags: Vec<(String, Vec<String>)>,
    pub oldest_first: bool,
    pub offset: u64,
    pub limit: u64,
}

#[derive(Clone, Debug, Default)]
pub struct SideFilter {
    pub instance_id: Option<String>,
    pub region: Option<String>,
    pub database_types: Vec<String>,
    pub access_types: Vec<String>,
}

impl Jobs {
    /// How many jobs there are of this kind, and one page of them.
    pub fn list(&self, filter: &Filter) -> (u64, Vec<JobView>) {
        let mut found: Vec<JobView> = self
            .all()
            .into_iter()
            .filter(|view| fits(&view.job, filter))
            .collect();
        if filter.oldest_first {
            found.reverse();
        }
        let total = u64::try_from(found.len()).unwrap_or(u64::MAX);
        let skip = usize::try_from(filter.offset).unwrap_or(usize::MAX);
        let take = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        (total, found.into_iter().skip(skip).take(take).collect())
    }
}

fn fits(job: &Job, filter: &Filter) -> bool {
    let timed = matches!(job.start_at, crate::job::StartAt::Timed(_));
    let by_id = filter.job_id.as_ref();
    let listed = job.trade != Trade::Offlined || by_id.is_some();
    listed
        && by_id.is_none_or(|id| *id == job.id)
        && filter
            .job_name
            .as_ref()
            .is_none_or(|part| job.name.contains(part))
        && (filter.statuses.is_empty() || filter.statuses.contains(&job.status))
        && filter.timed.is_none_or(|wanted| wanted == timed)
        && side_fits(job, true, &filter.source)
        && side_fits(job, false, &filter.target)
        && filter.tags.iter().all(|(key, values)| {
            let has =
                |tag: &crate::job::Tag| tag.key == *key && (values.is_empty() || values.contains(&tag.value));
            job.tags.iter().any(has)
        })
}

fn side_fits(job: &Job, source: bool, filter: &SideFilter) -> bool {
    let (kind, region) = if source {
        (job.source_type, &job.source_region)
    } else {
        (job.target_type, &job.target_region)
    };
    let of = |task: &Task| {
        if source {
            task.source.clone()
        } else {
            task.target.clone()
        }
    };
    let side: Option<Side> = job.task.as_ref().map(of);
    let instance = |side: &Side| match &side.reach {
        crate::job::Reach::Registered { name, .. } => Some(name.clone()),
        crate::job::Reach::Address { .. } => None,
    };
    let any = |wanted: &[String], have: Option<&str>| {
        wanted.is_empty() || have.is_some_and(|have| wanted.iter().any(|one| one == have))
    };
    filter.region.as_ref().is_none_or(|wanted| wanted == region)
        && any(&filter.database_types, Some(kind.as_str()))
        && any(
            &filter.access_types,
            side.as_ref().map(|side| side.access_type.as_str()),
        )
        && filter
            .instance_id
            .as_ref()
            .is_none_or(|wanted| side.as_ref().and_then(instance).as_ref() == Some(wanted))
}
