//! Structure: read from a source, made on a target, read back from there.

use tidegate_link::{Structure, Target};
use tidegate_model::schema::ColumnType;
use tidegate_model::selection::Selection;
use tidegate_model::{Kind, Result};
use tidegate_testkit::{DbServer, Flavor};

use super::ends::{chosen, source, start, target};

/// What both flavours take. The key that tells rows apart is the first of each table's
/// unique keys, so that texts compare: others are added behind it.
const COMMON: &str = "
SET sql_mode = 'NO_ENGINE_SUBSTITUTION';
CREATE DATABASE shop CHARACTER SET latin1; USE shop;
CREATE TABLE kinds (
  id int NOT NULL, d decimal(65,30), c char(10) CHARACTER SET utf8mb4, v varchar(20), t text, bl blob, dt date,
  tm time(3), dtt datetime(6), ts timestamp(2) NULL, bt bit(17), s set('x','y'), p point,
  e enum('it''s','back\\\\slash','a,b)','ü') DEFAULT 'a,b)' COMMENT 'a `comment`, (',
  u1 int NOT NULL, u2 bigint NOT NULL, gv int AS (u1 + 1) VIRTUAL, gs int AS (u1 + 2) STORED,
  UNIQUE KEY uk1 (u1), UNIQUE KEY uk2 (u2), KEY kk (v(5), dt), FULLTEXT KEY ft (t), FULLTEXT KEY ft2 (v),
  CONSTRAINT chk CHECK (u1 > -5)) COMMENT = 'PARTITION BY (x, it''s';
CREATE TABLE no_key (a int, b varchar(10) DEFAULT 'x,''y)');
CREATE TABLE text_key (t text NOT NULL, n int NOT NULL, PRIMARY KEY (t(20)), KEY n (n));
CREATE TABLE parent (id int PRIMARY KEY AUTO_INCREMENT, code varchar(10) NOT NULL, UNIQUE (code)) AUTO_INCREMENT = 100;
CREATE TABLE child (id bigint AUTO_INCREMENT, pid int, other int, KEY counter (id), KEY pid (pid), KEY o (other),
  CONSTRAINT fk1 FOREIGN KEY (pid) REFERENCES parent (id) ON DELETE CASCADE,
  CONSTRAINT fk2 FOREIGN KEY (other) REFERENCES shop.parent (id));
CREATE TABLE parts (id int, y int, PRIMARY KEY (id, y)) PARTITION BY RANGE (y)
  (PARTITION p0 VALUES LESS THAN (10) COMMENT 'x,)', PARTITION p1 VALUES LESS THAN MAXVALUE);
CREATE TABLE zero (a int PRIMARY KEY, d datetime NOT NULL DEFAULT '0000-00-00 00:00:00',
  t timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, hidden int INVISIBLE DEFAULT 3);
CREATE VIEW z_first AS SELECT id, code FROM parent;
CREATE VIEW a_second AS SELECT z_first.id, 'lit' AS l FROM z_first JOIN child ON child.pid = z_first.id;
CREATE TRIGGER trg BEFORE INSERT ON no_key FOR EACH ROW SET new.a = 1;
";

fn texts(server: &DbServer, schema: &str) -> Vec<String> {
    let names = server
        .sql(&format!("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{schema}' AND TABLE_TYPE = 'BASE TABLE' ORDER BY 1"))
        .unwrap();
    let names = names
        .into_iter()
        .filter_map(|row| row.into_iter().next().flatten());
    let text = |name: String| {
        let rows = server
            .sql(&format!("SHOW CREATE TABLE `{schema}`.`{name}`"))
            .unwrap();
        rows[0][1].clone().unwrap()
    };
    names.map(text).collect()
}

/// Everything that the engine calls of a target's structure, in its order.
async fn make(target: &dyn Target, structure: &Structure, names: &Selection) -> Result<Vec<String>> {
    let mut sentences = target.create_structure(structure, names).await?;
    for table in &structure.tables {
        target.build_indexes(table, names).await?;
    }
    for table in &structure.tables {
        target.add_foreign_keys(table, names).await?;
    }
    sentences.extend(target.create_views(structure, names).await?);
    target.set_auto_increments(structure, names).await?;
    Ok(sentences)
}

async fn same_after(flavor: Flavor) {
    let (from, to) = (start(flavor).await, start(flavor).await);
    from.run_script(COMMON).unwrap();
    let names = chosen("shop=store");
    let structure = source(&from).await.read_structure(&names).await.unwrap();
    let target = target(&to).await;
    for round in ["first", "again"] {
        let sentences = make(&*target, &structure, &names).await.unwrap();
        assert_eq!(sentences, [""; 0], "{round}");
        assert_eq!(texts(&from, "shop"), texts(&to, "store"), "{round}");
    }
    let rows = to.sql("SELECT COUNT(*) FROM store.a_second").unwrap();
    assert_eq!(rows[0][0].as_deref(), Some("0"));
    assert_eq!(structure.not_covered, ["the trigger trg of shop is not moved"]);
}

#[tokio::test]
async fn mysql_structure_is_the_same_after() {
    same_after(Flavor::Mysql97).await;
}

#[tokio::test]
async fn mariadb_structure_is_the_same_after() {
    same_after(Flavor::Mariadb118).await;
}

#[tokio::test]
async fn what_is_read_says_what_a_table_is() {
    let from = start(Flavor::Mysql97).await;
    from.run_script(COMMON).unwrap();
    from.run_script(
        "SET sql_generate_invisible_primary_key = ON; CREATE TABLE shop.hidden_key (x int);
         CREATE TABLE shop.expressions (a int NOT NULL, UNIQUE KEY ((a + 1)))",
    )
    .unwrap();
    let structure = source(&from).await.read_structure(&chosen("shop")).await.unwrap();
    let key = |name: &str| {
        let table = structure
            .tables
            .iter()
            .find(|table| table.schema.name.table == name);
        let schema = &table.unwrap().schema;
        schema.row_key.as_ref().map(|key| {
            let columns = key.columns.iter().map(|at| schema.columns[*at].name.clone());
            columns.collect::<Vec<String>>().join(",")
        })
    };
    assert_eq!(key("kinds").as_deref(), Some("u1"));
    assert_eq!(key("parts").as_deref(), Some("id,y"));
    assert_eq!(key("hidden_key").as_deref(), Some("my_row_id"));
    assert_eq!(key("text_key"), None);
    assert_eq!(key("no_key"), None);
    assert_eq!(key("child"), None);
    let kinds = structure
        .tables
        .iter()
        .find(|table| table.schema.name.table == "kinds")
        .unwrap();
    let column = |name: &str| &kinds.schema.columns[kinds.schema.column_index(name).unwrap()];
    let members = ["it's", "back\\slash", "a,b)", "ü"].map(str::to_owned).to_vec();
    let charset = "latin1".to_owned();
    assert_eq!(column("e").kind, ColumnType::Enum { charset, members });
    assert!(column("gv").generated && column("gs").generated && !column("u1").generated);
    let views: Vec<&str> = structure
        .views
        .iter()
        .map(|view| view.name.table.as_str())
        .collect();
    assert_eq!(views, ["z_first", "a_second"]);
    let parent = structure
        .tables
        .iter()
        .find(|table| table.schema.name.table == "parent")
        .unwrap();
    assert_eq!(parent.next_auto_increment, Some(100));
}

#[tokio::test]
async fn mariadb_tables_become_mysql_tables() {
    let (from, to) = (start(Flavor::Mariadb118).await, start(Flavor::Mysql97).await);
    from.run_script(COMMON).unwrap();
    from.run_script(
        "USE shop; CREATE TABLE own (id int PRIMARY KEY, e varchar(10) DEFAULT concat('a','b'), t text DEFAULT 'x',
           c varchar(9) COLLATE utf8mb4_uca1400_ai_ci, n int CHECK (n > 0), k int, KEY ig (k) IGNORED, CHECK (k > 0))
           ENGINE = Aria TRANSACTIONAL = 1;
         CREATE TABLE other (id int PRIMARY KEY, n int, CHECK (n > 0));
         CREATE SEQUENCE numbers",
    )
    .unwrap();
    let names = chosen("shop");
    let structure = source(&from).await.read_structure(&names).await.unwrap();
    assert!(
        structure
            .not_covered
            .contains(&"the sequence shop.numbers is not moved".to_owned())
    );
    let target = target(&to).await;
    let sentences = make(&*target, &structure, &names).await.unwrap();
    assert_eq!(
        make(&*target, &structure, &names).await.unwrap(),
        sentences,
        "again"
    );
    let said = |words: &str| {
        assert!(
            sentences.iter().any(|sentence| sentence.contains(words)),
            "{sentences:?}"
        )
    };
    said("shop.own: engine Aria became InnoDB");
    said("shop.own: collation utf8mb4_uca1400_ai_ci became utf8mb4_0900_ai_ci");
    to.sql("INSERT INTO shop.own (id, n, k) VALUES (1, 1, 1)")
        .unwrap();
    let rows = to.sql("SELECT e, t FROM shop.own").unwrap();
    assert_eq!(rows, [[Some("ab".to_owned()), Some("x".to_owned())]]);
    assert!(
        to.sql("INSERT INTO shop.own (id, n, k) VALUES (2, 0, 1)")
            .is_err(),
        "checks hold"
    );
}

#[tokio::test]
async fn a_type_that_the_target_lacks_is_refused_by_name() {
    let (from, to) = (start(Flavor::Mariadb118).await, start(Flavor::Mysql97).await);
    from.run_script("CREATE DATABASE shop; CREATE TABLE shop.u (id uuid PRIMARY KEY)")
        .unwrap();
    let names = chosen("shop");
    let structure = source(&from).await.read_structure(&names).await.unwrap();
    let error = target(&to)
        .await
        .create_structure(&structure, &names)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::NeedsUser);
    assert!(
        error.to_string().contains("shop.u") && error.to_string().contains("uuid"),
        "{error}"
    );
}

#[tokio::test]
async fn another_table_of_that_name_is_left_alone() {
    let (from, to) = (start(Flavor::Mysql97).await, start(Flavor::Mysql97).await);
    from.run_script("CREATE DATABASE shop; CREATE TABLE shop.t (id int PRIMARY KEY, a int)")
        .unwrap();
    to.run_script("CREATE DATABASE shop; CREATE TABLE shop.t (id int PRIMARY KEY, b int)")
        .unwrap();
    let names = chosen("shop");
    let structure = source(&from).await.read_structure(&names).await.unwrap();
    let before = texts(&to, "shop");
    let error = target(&to)
        .await
        .create_structure(&structure, &names)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::NeedsUser);
    assert_eq!(texts(&to, "shop"), before);
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let from = start(Flavor::Mysql97).await;
    from.run_script("CREATE DATABASE shop; CREATE TABLE shop.t (id int PRIMARY KEY)")
        .unwrap();
    let source = source(&from).await;
    for (spec, words) in [
        ("nowhere", "database nowhere"),
        ("shop:nothing", "table shop.nothing"),
        ("shop:T", "table shop.T"),
        ("mysql", "server's own"),
        ("__tidegate__", "server's own"),
    ] {
        let error = source.read_structure(&chosen(spec)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::NeedsUser, "{spec}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_key_to_a_table_that_is_not_moved_is_told_of() {
    let (from, to) = (start(Flavor::Mysql97).await, start(Flavor::Mysql97).await);
    from.run_script(COMMON).unwrap();
    let names = chosen("shop:child");
    let structure = source(&from).await.read_structure(&names).await.unwrap();
    let sentences = make(&*target(&to).await, &structure, &names).await.unwrap();
    assert_eq!(sentences.len(), 2, "{sentences:?}");
    assert!(
        sentences[0].contains("fk1") && sentences[0].contains("shop.parent"),
        "{sentences:?}"
    );
}

#[tokio::test]
async fn views_keep_the_collation_of_their_texts() {
    let (from, to) = (start(Flavor::Mysql97).await, start(Flavor::Mysql97).await);
    from.run_script(
        "CREATE DATABASE shop; SET collation_connection = latin1_german1_ci;
         CREATE VIEW shop.texts AS SELECT 'abc' AS x",
    )
    .unwrap();
    let names = chosen("shop=store");
    let structure = source(&from).await.read_structure(&names).await.unwrap();
    let sentences = make(&*target(&to).await, &structure, &names).await.unwrap();
    assert_eq!(sentences, [""; 0]);
    let collation = "SELECT COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_NAME = 'texts'";
    assert_eq!(to.sql(collation).unwrap(), from.sql(collation).unwrap());
}
