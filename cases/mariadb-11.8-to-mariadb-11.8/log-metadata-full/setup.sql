-- The log of a source with --binlog-row-metadata=FULL.
create database logged;
use logged;
create table t (id int unsigned primary key auto_increment, v varchar(200), e enum('x', 'y'), s set('p', 'q'), b binary(4), d decimal(10, 2), g point);
insert into t (v, e, s, b, d, g) values ('one', 'x', 'p', 'b', 1.5, point(1, 2)), (null, null, null, null, null, null);
create table no_key (a int, b varchar(100));
insert into no_key values (1, 'a'), (1, 'a');
