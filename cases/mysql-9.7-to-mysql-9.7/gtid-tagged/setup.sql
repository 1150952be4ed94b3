-- Transactions whose GTIDs have tags.
create database tagged;
use tagged;
create table t (id int primary key auto_increment, v varchar(200));
insert into t (v) values ('one');
set gtid_next = 'automatic:before_it';
insert into t (v) values ('two');
set gtid_next = 'automatic';
