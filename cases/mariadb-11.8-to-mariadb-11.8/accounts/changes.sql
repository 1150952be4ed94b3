alter user changing@'%' identified by 'second';
revoke select on *.* from changing@'%';
grant insert on shop.* to changing@'%';
create user late@'%' identified by 'late';
grant reader to late@'%';
insert into shop.t values (1, 2, 3);
