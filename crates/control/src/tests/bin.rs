//! The recycle bin, and registered endpoints.

use tidegate_model::error::Kind;

use super::*;
use crate::endpoints::Registered;
use crate::lifecycle::Trade;
use crate::list::Filter;

const DAY_MS: u64 = 24 * 3_600_000;

#[tokio::test]
async fn a_job_in_the_bin_comes_back_or_goes_after_seven_days() {
    let bench = Bench::new("bin").await;
    let id = bench.configured(MigrateType::Full).await;
    bench.jobs.isolate(&id).await.expect("isolates");
    assert!(bench.jobs.check(&id).await.is_err());
    bench.jobs.recover(&id).await.expect("recovers");
    assert_eq!(bench.job(&id).trade, Trade::Normal);
    bench.jobs.isolate(&id).await.expect("isolates");
    bench.world.advance(7 * DAY_MS - 120_000);
    assert_eq!(bench.job(&id).trade, Trade::Isolated);
    assert_eq!(
        bench
            .jobs
            .list(&Filter {
                limit: 9,
                ..Filter::default()
            })
            .0,
        1
    );
    bench.world.advance(120_000);
    bench.seen(&id, |job, _| job.trade == Trade::Offlined).await;
    assert!(bench.job(&id).bin_expired);
    assert_eq!(
        bench
            .jobs
            .list(&Filter {
                limit: 9,
                ..Filter::default()
            })
            .0,
        0
    );
    assert!(bench.jobs.get(&id).is_ok(), "it can still be described");
    bench.world.advance(30 * DAY_MS);
    assert!(super::eventually(|| bench.jobs.get(&id).is_err()).await);
    let bench = bench.restart().await;
    assert!(bench.jobs.get(&id).is_err());
    bench.end().await;
}

#[tokio::test]
async fn a_destroyed_job_keeps_no_password() {
    let bench = Bench::new("destroy").await;
    let id = bench.configured(MigrateType::Full).await;
    bench.jobs.isolate(&id).await.expect("isolates");
    bench.jobs.destroy(&id).await.expect("destroys");
    assert!(!bench.job(&id).bin_expired);
    let stored = bench
        .jobs
        .inner
        .store
        .job(&id)
        .await
        .expect("reads")
        .expect("is there");
    assert!(stored.secrets.is_empty());
    assert!(bench.jobs.recover(&id).await.is_err());
    bench.end().await;
}

fn registered(host: &str) -> Registered {
    Registered {
        name: "shop".to_owned(),
        engine: EngineKind::Mysql,
        host: host.to_owned(),
        port: 3307,
        user: "mover".to_owned(),
        tls: Tls::Off,
        certificates: Certificates::default(),
    }
}

#[tokio::test]
async fn a_registered_endpoint_is_used_by_name_and_kept_while_it_is_needed() {
    let bench = Bench::new("endpoint").await;
    let secret = || SecretString::from("three".to_owned());
    bench
        .jobs
        .put_endpoint(registered("old"), secret())
        .await
        .expect("registers");
    bench
        .jobs
        .put_endpoint(registered("new"), secret())
        .await
        .expect("replaces");
    let id = bench.created().await;
    let mut with = configuration(MigrateType::Full);
    with.task.source.reach = Reach::Registered {
        name: "shop".to_owned(),
        user: None,
    };
    with.passwords.source = None;
    bench.jobs.configure(&id, with).await.expect("configures");
    bench.jobs.check(&id).await.expect("checks");
    bench.until(&id, Status::CheckPass).await;
    let spec = bench
        .runner
        .checked
        .lock()
        .expect("whole")
        .pop()
        .expect("was checked");
    let source = spec.source;
    assert_eq!(
        (
            source.host.as_str(),
            source.user.as_str(),
            source.password.as_str()
        ),
        ("new", "mover", "three")
    );
    assert_eq!(
        bench
            .jobs
            .remove_endpoint("shop")
            .await
            .expect_err("refused")
            .kind(),
        Kind::WrongState
    );
    bench.jobs.isolate(&id).await.expect("isolates");
    bench.jobs.destroy(&id).await.expect("destroys");
    bench.jobs.remove_endpoint("shop").await.expect("removes");
    assert_eq!(
        bench
            .jobs
            .remove_endpoint("shop")
            .await
            .expect_err("refused")
            .kind(),
        Kind::NotFound
    );
    bench.end().await;
}

#[tokio::test]
async fn an_endpoint_that_is_not_registered_fails_the_check_and_says_how_to_mend_it() {
    let bench = Bench::new("no-endpoint").await;
    let id = bench.created().await;
    let mut with = configuration(MigrateType::Full);
    with.task.target.reach = Reach::Registered {
        name: "nowhere".to_owned(),
        user: None,
    };
    bench.jobs.configure(&id, with).await.expect("configures");
    bench.jobs.check(&id).await.expect("checks");
    bench.until(&id, Status::CheckNotPass).await;
    let trouble = bench
        .job(&id)
        .check
        .clone()
        .and_then(|check| check.trouble)
        .expect("a reason");
    assert!(
        trouble.remedy.contains("tidegate endpoint add nowhere"),
        "{}",
        trouble.remedy
    );
    for name in ["", "a/b", "a b", &"x".repeat(61)] {
        let bad = Registered {
            name: name.to_owned(),
            ..registered("h")
        };
        let secret = SecretString::from(String::new());
        assert!(bench.jobs.put_endpoint(bad, secret).await.is_err(), "{name}");
    }
    bench.end().await;
}
