//! Whole migrations between real servers, driven by the public Python SDK.

use tidegate_testkit::{DbServer, Flavor, compare_servers, sdks};

use crate::process::{Folder, Served};
use crate::sdks::{python, run};

const SHOP: &str = "
create database shop;
use shop;
create table customer (id bigint unsigned primary key auto_increment, name varchar(80) not null, note text);
create table sale (id bigint primary key auto_increment, customer bigint unsigned not null, at datetime(6) not null,
  amount decimal(12,2), foreign key (customer) references customer (id));
insert into customer (name, note) values ('Ada', null), ('Grace', 'x'), ('Zoë', '');
insert into sale (customer, at, amount) values (1, '2026-01-02 03:04:05.678901', 1.5), (3, now(6), -2);
";

fn whole_life(source_flavor: Flavor, target_flavor: Flavor, types: &str) {
    let sdks = sdks().expect("SDKs");
    let source = DbServer::start_blocking(source_flavor, &[]).expect("a source");
    let target = DbServer::start_blocking(target_flavor, &[]).expect("a target");
    source.run_script(SHOP).expect("loads");
    let folder = Folder::new();
    let served = Served::start(folder.path(), &[]);
    let mut life = python(&sdks, "life.py");
    life.args([source.port().to_string(), target.port().to_string()])
        .args([source.user(), source.password()])
        .env("TIDEGATE_TYPES", types);
    run(life, &served, None, folder.path());
    assert!(served.stop().success());
    let differ = compare_servers(&source, &target, &["shop"], &[]).expect("compares");
    assert_eq!(differ, Vec::<String>::new());
}

#[test]
fn a_whole_migration_by_the_python_sdk() {
    whole_life(Flavor::Mysql97, Flavor::Mysql97, "mysql mysql");
}

#[test]
fn from_mariadb_to_mariadb() {
    whole_life(Flavor::Mariadb118, Flavor::Mariadb118, "mariadb mariadb");
}

#[test]
fn from_mariadb_to_mysql() {
    whole_life(Flavor::Mariadb118, Flavor::Mysql97, "mariadb mysql");
}

#[test]
fn a_stopped_or_killed_server_goes_on_by_itself() {
    let sdks = sdks().expect("SDKs");
    let source = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a source");
    let target = DbServer::start_blocking(Flavor::Mysql97, &[]).expect("a target");
    source.run_script(SHOP).expect("loads");
    let folder = Folder::new();
    let job = folder.path().join("job");
    let phase = |name: &str| {
        let mut script = python(&sdks, "restart.py");
        script
            .arg(name)
            .arg(&job)
            .args([source.port().to_string(), target.port().to_string()])
            .args([source.user(), source.password()]);
        script
    };
    let served = Served::start(folder.path(), &[]);
    run(phase("begin"), &served, None, folder.path());
    assert!(served.stop().success(), "a run under way stops at a checkpoint");
    let served = Served::start(folder.path(), &[]);
    served.kill9();
    source
        .run_script("use shop; insert into customer (name) values ('Alan'); delete from sale where id = 1;")
        .expect("writes on while nobody listens");
    let served = Served::start(folder.path(), &[]);
    run(phase("end"), &served, None, folder.path());
    assert!(served.stop().success());
    let differ = compare_servers(&source, &target, &["shop"], &[]).expect("compares");
    assert_eq!(differ, Vec::<String>::new());
}
