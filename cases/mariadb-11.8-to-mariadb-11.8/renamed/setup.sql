-- A database and some of its tables have other names on the target; references,
-- views and later changes follow.
create database old;
use old;
create table parent (id int primary key auto_increment, name varchar(20));
create table child (id int primary key, parent int, constraint to_parent foreign key (parent) references parent (id));
create table untouched (id int primary key, t varchar(10));
insert into parent (name) values ('one'), ('two');
insert into child values (1, 1), (2, 2), (3, null);
insert into untouched values (1, 'old.parent');
create database stays;
create table stays.t (id int primary key);
insert into stays.t values (1);
