-- Every common type at its edges: zero, least, greatest, empty, NULL.
create database types;
use types;
set time_zone = '+00:00';

create table whole (
  id bigint unsigned not null primary key,
  t tinyint, tu tinyint unsigned, s smallint, su smallint unsigned, m mediumint, mu mediumint unsigned,
  i int, iu int unsigned, b bigint, bu bigint unsigned, yes boolean, y year, b1 bit(1), b13 bit(13), b64 bit(64)
);
insert into whole values
  (0, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, false, 1901, 0, 0, 0),
  (1, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807,
   18446744073709551615, true, 2155, 1, 8191, 18446744073709551615),
  (2, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null),
  (3, -1, 128, -1, 32768, -1, 8388608, -1, 2147483648, -1, 9223372036854775808, true, 0000, b'1', b'1000000000001',
   b'1000000000000000000000000000000000000000000000000000000000000001'),
  (18446744073709551615, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2000, 0, 0, 0);

create table fractions (
  id int primary key,
  d decimal(65,30), d0 decimal(10,0), d1 decimal(1,1), d18 decimal(18,9), f float, d8 double, fu decimal(20,4)
);
insert into fractions values
  (1, 99999999999999999999999999999999999.999999999999999999999999999999, 9999999999, 0.9, 999999999.999999999,
   3.402823466e38, 1.7976931348623157e308, 0.0001),
  (2, -99999999999999999999999999999999999.999999999999999999999999999999, -9999999999, -0.9,
   -999999999.999999999, -3.402823466e38, -1.7976931348623157e308, -0.0001),
  (3, 0.000000000000000000000000000001, 0, 0, 0.000000001, 1.175494351e-38, 2.2250738585072014e-308, 0),
  (4, -0.000000000000000000000000000001, 1, 0.1, -0.000000001, 0.1, 0.1, 100000000.5),
  (5, null, null, null, null, null, null, null),
  (6, 123456789.123456789, 123456789, 0.5, 1.000000001, 16777217, 9007199254740993, 1234567890.1234),
  (7, 0, 0, 0, 0, -0.0, -0.0, 0);

create table times (
  id int primary key,
  d date, t time, t6 time(6), dt datetime, dt3 datetime(3), dt6 datetime(6),
  ts timestamp null, ts1 timestamp(1) null, ts6 timestamp(6) null
);
insert into times values
  (1, '1000-01-01', '-838:59:59', '-838:59:59.000000', '1000-01-01 00:00:00', '1000-01-01 00:00:00.000',
   '1000-01-01 00:00:00.000000', '1970-01-01 00:00:01', '1970-01-01 00:00:01.0', '1970-01-01 00:00:01.000000'),
  (2, '9999-12-31', '838:59:59', '838:59:58.999999', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999',
   '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07', '2038-01-19 03:14:07.0', '2038-01-19 03:14:07.499999'),
  (3, null, null, null, null, null, null, null, null, null),
  (4, '2024-02-29', '00:00:00', '-00:00:00.000001', '2024-02-29 12:34:56', '2024-02-29 12:34:56.789',
   '2024-02-29 12:34:56.000001', '2024-03-31 01:30:00', '2024-10-27 01:30:00.5', '2024-10-27 00:30:00.123456'),
  (5, '2000-01-01', '-00:00:01', '00:00:00.999999', '1970-01-01 00:00:00', '1969-12-31 23:59:59.999',
   '2000-01-01 00:00:00.100000', '2000-01-01 00:00:00', '2000-01-01 00:00:00.9', '2000-01-01 00:00:00.000001');
set sql_mode = '';
insert into times (id, d, dt, ts) values (6, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00'),
  (7, '2024-00-00', '2024-01-00 00:00:00', null);
set sql_mode = default;

create table texts (
  id int primary key,
  c char(10), v varchar(300), vl varchar(10) character set latin1, vb varchar(20) collate utf8mb4_bin,
  g varchar(10) character set gbk, u16 varchar(10) character set utf16,
  tt tinytext, t text, mt mediumtext, lt longtext,
  b binary(5), vbin varchar(10) character set binary, tb tinyblob, bl blob, mb mediumblob, lb longblob
);
insert into texts values
  (1, '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', ''),
  (2, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null),
  (3, 'trail   ', 'trail   ', 'Ä ÿ', 'a\\b', '中文', '🙂é', 'tab\tnl\ncr\r', 'quote'' "double" back\\slash',
   '\0zero\0', '🙂🙃 ünïcode \\N \\t', 'ab\0', x'00ff10', x'5c4e', x'0a0d09005c', x'ff', x'00'),
  (4, 'NULL', '\\N', 'NULL', 'null', '', '', ',', '"', '''', '\\', x'0000000000', x'', x'', x'', x'', x'');
insert into texts (id, v, t, mt, bl) values
  (5, repeat('é', 300), repeat('x', 65535), repeat('ab\t\n\\', 100000), repeat(x'00ff', 30000));

create table others (
  id int primary key,
  e enum('a', 'b''c', 'comma,', 'ü'), s set('x', 'y', 'z', 'ü'),
  j json, g geometry, p point not null, l linestring, v vector(3),
  u uuid, i4 inet4, i6 inet6,
  n int generated always as (id * 2) virtual, st int generated always as (id + 1) stored,
  d int default 7, x varchar(40) default (concat('a', 'b')), key (st)
);
insert into others (id, e, s, j, g, p, l, v, u, i4, i6) values
  (1, 'a', 'x,z', '{"b": 1, "a": [null, true, 1.5, "ü\\n", {"": ""}]}', point(1, 2), point(48.1, 11.5),
   st_geomfromtext('linestring(0 0, 1 1.5)'), vec_fromtext('[1,2.5,-3]'),
   '123e4567-e89b-12d3-a456-426655440000', '192.0.2.1', '2001:db8::1'),
  (2, 'b''c', '', '[]', null, point(-90, 180), null, null, '00000000-0000-0000-0000-000000000000', '0.0.0.0', '::'),
  (3, null, null, null, st_geomfromtext('geometrycollection empty'), point(0, 0), null, null, null, null, null),
  (4, 'ü', 'x,y,z,ü', 'null', st_geomfromtext('polygon((0 0, 4 0, 4 4, 0 0))'), point(1, 1), null,
   vec_fromtext('[0,0,0]'), 'ffffffff-ffff-ffff-ffff-ffffffffffff', '255.255.255.255', '::ffff:192.0.2.1'),
  (5, 'ü', 'ü', '"text"', null, point(2, 2), null, null, null, null, null),
  (6, 'comma,', 'y', '18446744073709551615', null, point(2, 2), null, null, null, null, null),
  (7, 'a', 'x', '-0.5', null, point(2, 2), null, null, null, null, null);
-- What is stored for a value that is no member: number 0, shown as ''.
set sql_mode = '';
insert into others (id, e, p) values (8, 'no member', point(3, 3));
set sql_mode = default;

-- MariaDB alone: columns that are hidden, compressed, or a sequence's.
create table special (
  id int primary key, hidden int invisible default 5, c text compressed, b blob compressed
);
insert into special (id, c, b) values (1, repeat('compressed', 100), repeat(x'00', 1000)), (2, '', ''), (3, null, null);
insert into special (id, hidden, c) values (4, 6, 'seen');
