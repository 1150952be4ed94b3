-- Distributed transactions: prepared, then committed or rolled back among others; in one phase; left open at the end.
create database xa;
use xa;
create table t (id int primary key, v varchar(50), key (v));
insert into t values (1, 'one'), (2, 'two'), (3, 'three'), (4, 'four');
