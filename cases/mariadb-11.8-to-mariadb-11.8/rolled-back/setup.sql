-- Savepoints, transactions that are rolled back in whole or in part, engines without transactions among them.
create database rb;
use rb;
create table t (id int primary key auto_increment, v varchar(50)) engine = innodb;
insert into t (v) values ('one'), ('two'), ('three');
-- Without transactions, and not a part of the job's promises: left out of the comparison by being dropped.
create table scratch (id int) engine = memory;
drop table scratch;
