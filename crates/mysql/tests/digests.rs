//! Digests: the same for the same rows, whatever the order and the server; another
//! for any difference.

use tidegate_link::TableDigest;
use tidegate_model::schema::TableName;
use tidegate_testkit::{DbServer, Flavor};

use super::ends::{chosen, source, start, target};

const VALUES: &str = "
SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = 'NO_ENGINE_SUBSTITUTION,ALLOW_INVALID_DATES';
CREATE DATABASE eq; USE eq;
CREATE TABLE v (
  id int PRIMARY KEY, bu bigint unsigned, dc decimal(65,30), dz decimal(8,2) zerofill, z int(5) zerofill, f float,
  d double, fd float(7,2), c char(5) CHARACTER SET latin1, v varchar(20) CHARACTER SET utf8mb4, b binary(4),
  vb varbinary(5), dt date, tm time(2), dtt datetime(6), ts timestamp(3) NULL, y year, bt bit(64), e enum('','a','b'),
  s set('x','y'), tx text, bl longblob, g geometry, gen int AS (id * 2));
INSERT INTO v (id, bu, dc, dz, z, f, d, fd, c, v, b, vb, dt, tm, dtt, ts, y, bt, e, s, tx, bl, g) VALUES
(1, 18446744073709551615, -12345678901234567890123456789012345.12345678901234567890123456789, 1.5, 7, 0.1, 0.1, 1234.567,
 'é ', '日本', x'0100', x'00', '0000-00-00', '-838:59:59', '9999-12-31 23:59:59.999999', '1970-01-01 00:00:01.5', 1901,
 ~0, '', 'x,y', 'text', x'00ff', ST_GeomFromText('POINT(1 2)')),
(2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
 NULL, NULL, NULL),
(3, 0, 0, 0, 0, 1.17549e-38, 2.2250738585072014e-308, -0.01, '', '', '', '', '2024-02-31', '00:00:00', '0000-00-00',
 '2038-01-19 03:14:07', 0, 0, 0, '', '', '', NULL),
(4, 1, 1, 1, 99999, -3.4e38, -1.7976931348623157e308, 0.001, 'N', 'N', 'N', 'N', '2024-02-29', '838:59:59', '2024-01-01',
 '2001-01-01', 2155, 1, 'b', 'y', 'N,N', 'N', NULL),
(5, 1, 1e-30, 1, 1, -1e-5, 0.000009999999747378752, 0, 'N', 'N', 'N', 'N', '2024-02-29', '1:2:3', '2024-01-01',
 '2001-01-01', 2155, 1, 'b', 'y', 'N,N', 'N', NULL),
(6, 1, 1, 1, 1, 1e-45, -5e-324, 0, 'a', 'a', 'a', 'a', '2024-02-29', '1:2:3', '2024-01-01', '2001-01-01', 2155, 1, 'b',
 'y', 'N,N', 'N', NULL);
";

async fn digest(server: &DbServer, table: &str) -> TableDigest {
    let structure = source(server).await.read_structure(&chosen("eq")).await.unwrap();
    let found = structure.tables.iter().find(|def| def.schema.name.table == table);
    let schema = &found.unwrap().schema;
    let mut digesters = target(server).await.open_digesters(1).await.unwrap();
    digesters[0]
        .digest(schema, &TableName::new("eq", table))
        .await
        .unwrap()
}

#[tokio::test]
async fn equal_rows_are_equal_on_every_server() {
    let mut digests = Vec::new();
    for flavor in [Flavor::Mysql97, Flavor::Mariadb118, Flavor::Mariadb105] {
        let server = start(flavor).await;
        server.run_script(VALUES).unwrap();
        digests.push(digest(&server, "v").await);
    }
    assert_eq!(digests[0].rows, 6);
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
}

#[tokio::test]
async fn every_difference_shows_and_order_does_not() {
    let server = start(Flavor::Mysql97).await;
    let script = "CREATE DATABASE eq; CREATE TABLE eq.t (a varchar(20), b varchar(20), d double, j json);
                  CREATE TABLE eq.base LIKE eq.t";
    server.run_script(script).unwrap();
    let rows = "('x','y',1,'{}'),('p',NULL,2,NULL)";
    server.sql(&format!("INSERT INTO eq.base VALUES {rows}")).unwrap();
    let base = digest(&server, "base").await;
    for (values, same) in [
        ("('p',NULL,2,NULL),('x','y',1,'{}')", true),
        ("('x','y',1,'{}'),('p',NULL,2,NULL),('p',NULL,2,NULL)", false),
        ("('x','y',1,'{}'),('x','y',1,'{}')", false),
        ("('x','y',1,'{}'),('p','',2,NULL)", false),
        ("('x','y',1,'{}'),('p','N',2,NULL)", false),
        ("('y','x',1,'{}'),('p',NULL,2,NULL)", false),
        ("('X','y',1,'{}'),('p',NULL,2,NULL)", false),
        ("('x ','y',1,'{}'),('p',NULL,2,NULL)", false),
        ("('x','y',1.0000000000000002,'{}'),('p',NULL,2,NULL)", false),
        ("('x','y',1,'[]'),('p',NULL,2,NULL)", false),
    ] {
        server
            .sql(&format!("TRUNCATE eq.t; INSERT INTO eq.t VALUES {values}"))
            .unwrap();
        assert_eq!(digest(&server, "t").await == base, same, "{values}");
    }
    let zero = |values: &str| {
        server
            .sql(&format!("TRUNCATE eq.t; INSERT INTO eq.t (d) VALUES {values}"))
            .unwrap()
    };
    zero("(0)");
    let plus = digest(&server, "t").await;
    zero("('-0')");
    assert_ne!(digest(&server, "t").await, plus, "the sign of zero");
}

/// MySQL gives NULL for a text beyond max_allowed_packet: such a row must not be lost.
#[tokio::test]
async fn a_row_too_large_to_be_hashed_is_an_error() {
    let server = start(Flavor::Mysql97).await;
    server
        .run_script(
            "CREATE DATABASE eq; CREATE TABLE eq.t (a varchar(20000)) CHARACTER SET latin1;
             INSERT INTO eq.t VALUES ('x'), (REPEAT('x', 20000)); SET GLOBAL max_allowed_packet = 32768",
        )
        .unwrap();
    let structure = source(&server).await.read_structure(&chosen("eq")).await.unwrap();
    let schema = &structure.tables[0].schema;
    let mut digesters = target(&server).await.open_digesters(1).await.unwrap();
    let error = digesters[0].digest(schema, &schema.name).await.unwrap_err();
    assert!(
        error.to_string().contains("1 rows of eq.t are too large"),
        "{error}"
    );
}
