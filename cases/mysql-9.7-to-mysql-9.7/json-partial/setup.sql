-- Updates that log what changed inside JSON alone (binlog_row_value_options = PARTIAL_JSON).
create database pj;
use pj;
create table t (id int primary key, x int, j json, k json, v varchar(20), n int generated always as (json_length(j)) virtual);
insert into t (id, x, j, k, v) values
  (1, 1, json_object('a', 1, 'b', json_array(1, 2, json_object('deep', 'value that is long enough to be worth a difference')), 'pad', repeat('x', 300)),
   json_array(1, 2, 3, repeat('y', 300)), 'v'),
  (2, 2, json_object('dots.and "quotes"', json_object('ü', 1), 'pad', repeat('x', 300)), null, 'v'),
  (3, 3, json_array(json_array(), json_object(), repeat('z', 300)), json_object('d', cast('2020-01-02' as date), 'pad', repeat('x', 300)), 'v'),
  (4, 4, null, 'null', 'v'),
  (5, 5, json_array(cast(1.50 as decimal(5, 2)), x'cafe', repeat('z', 300)), '5', 'v');
create table no_key (a int, j json);
insert into no_key select x, j from t;
insert into no_key select x, j from t where id = 1;
