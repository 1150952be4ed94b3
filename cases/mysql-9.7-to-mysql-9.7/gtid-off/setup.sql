-- A source without GTIDs: its places are files and offsets.
create database places;
use places;
create table t (id int primary key auto_increment, v varchar(200));
insert into t (v) values ('one'), ('two');
