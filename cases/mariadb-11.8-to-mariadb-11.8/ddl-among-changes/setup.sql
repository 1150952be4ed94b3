-- Definitions change between changes of rows: each row must be read by the
-- definition that it was written under.
create database shop;
use shop;
create table item (id int primary key auto_increment, name varchar(20) not null, price decimal(8,2), note text);
insert into item (name, price) values ('a', 1.50), ('b', 2.50), ('c', null);
create table stock (item int primary key, amount int not null, constraint of_item foreign key (item) references item (id));
insert into stock values (1, 10), (2, 20);
create table old_log (id int primary key, text varchar(50));
insert into old_log values (1, 'x'), (2, 'y');
create table emptied (id int primary key auto_increment, v int);
insert into emptied (v) values (1), (2), (3);
create table doomed (id int primary key);
insert into doomed values (1);
create table plain (a int, b int);
insert into plain values (1, 1), (1, 1), (2, 2);
