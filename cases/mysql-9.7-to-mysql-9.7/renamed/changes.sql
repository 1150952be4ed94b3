use old;
insert into parent (name) values ('three');
update child set parent = 3 where id = 3;
delete from child where id = 1;
delete from parent where id = 1;
alter table parent add column added int default 1;
insert into parent (name, added) values ('four', 4);
insert into stays.t values (2);
update old.untouched set t = 'changed';
