insert into `a.b`.`c.d` values (3, 'three');
update `a.b`.`c.d` set `g.h` = 'changed' where `e.f` = 1;
delete from `a.b`.`c.d` where `e.f` = 2;
update `select`.`from` set `order` = 30, `group by` = 'having' where `where` = 1;
insert into `tick``tick`.```` values (3, 'x`y');
update `tick``tick`.```` set `a``b` = 4 where `a``b` = 1;
update `with space`.`a table` set ` leading` = 20, `back\slash` = null, `-- dash` = 0;
insert into `数据库-ü`.`表é` (`ключ`, `Groß`) values ('ещё', 3);
delete from `数据库-ü`.`表é` where `列` = 1;
insert into `with space`.`Mixed` values (10);
delete from `with space`.`mixed`;
-- Statements name their tables by the current database too.
use `select`;
create table `table` (`key` int primary key, `index` int);
insert into `table` values (1, 1);
alter table `table` add column `add column` int default 5, add index `drop index` (`index`);
use `tick``tick`;
create table `new``one` (`c` int primary key) comment 'a `comment` with ''quotes'' and ; -- signs';
insert into `new``one` values (1);
