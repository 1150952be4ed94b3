-- Statements and rows that the server compresses in its log (log_bin_compress).
create database packed;
use packed;
create table t (id int primary key auto_increment, v varchar(1000), b longblob, key (v(20)));
insert into t (v, b) values ('one', 'b'), (repeat('two', 200), repeat(x'0001', 1000)), (null, null);
create table no_key (a int, b varchar(500));
insert into no_key values (1, repeat('x', 300)), (1, repeat('x', 300)), (2, 'y');
