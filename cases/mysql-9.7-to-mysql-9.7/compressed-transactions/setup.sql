-- Transactions that the server compresses in its log, small, large, and rolled back in part.
create database ct;
use ct;
create table t (id int primary key auto_increment, v varchar(200), b longblob);
insert into t (v) values ('one'), ('two');
create table no_key (a int, b varchar(100));
