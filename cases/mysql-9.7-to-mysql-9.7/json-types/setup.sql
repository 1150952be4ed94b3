-- Values of SQL types inside JSON, which print as strings and numbers and are more: through the log.
create database js;
use js;
create table from_sql (
  id int primary key, d date, t time(3), dt datetime(2), ts timestamp(6) null, y year, vb varbinary(100), bn binary(4),
  tb tinyblob, b blob, mb mediumblob, lb longblob, bt bit(10), g point, e enum('a'), st set('a', 'b'), dc decimal(10, 4)
);
insert into from_sql values
  (1, '2020-01-02', '-10:00:01.5', '2020-01-02 03:04:05.67', '2020-01-02 03:04:05.000001', 2020, x'cafe', x'01', x'02',
   x'03', x'04', x'05', b'1010101010', point(1, 2), 'a', 'a,b', 1.5),
  (2, '9999-12-31', '838:59:59', '1000-01-01', '1970-01-01 00:00:01', 1901, '', '', '', '', '', '', 0, point(0, 0), 'a', '', -0.0001),
  (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);
create table j (id int primary key, j json);
create table no_key (a int, j json);
insert into j values (1, json_array()), (2, '{"a": "2020-01-01", "b": "base64:type15:yv4="}'), (3, 'null');
insert into no_key values (1, '{"n": 1}'), (1, '{"n": 1.0}'), (1, '{"n": 1.0}'), (2, null);
