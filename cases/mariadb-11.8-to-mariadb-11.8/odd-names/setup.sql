-- Names that want quoting, in every place where a name can stand.
create database `a.b` character set utf8mb4;
create database `select` character set utf8mb4;
create database `tick``tick` character set utf8mb4;
create database `with space` character set utf8mb4;
create database `数据库-ü` character set utf8mb4;
create table `a.b`.`c.d` (`e.f` int primary key, `g.h` varchar(10), key `i.j` (`g.h`));
insert into `a.b`.`c.d` values (1, 'dots'), (2, null);
create table `select`.`from` (`where` int primary key, `order` int, `group by` text, unique key `limit` (`order`));
insert into `select`.`from` values (1, 10, 'reserved'), (2, 20, 'words');
create table `tick``tick`.```` (`a``b` int primary key, ```` varchar(10), key ````(````));
insert into `tick``tick`.```` values (1, '`'), (2, '``');
create table `with space`.`a table` (`a column` int primary key, ` leading` int, `quo"te` int, `quo'te` int,
  `per%cent` int, `back\slash` int, `semi;colon` int, `com,ma` int, `-- dash` int, `/* c */` int, `{brace}` int);
insert into `with space`.`a table` values (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
create table `数据库-ü`.`表é` (`列` int primary key auto_increment, `ключ` varchar(20), `Groß` int, key `索引` (`ключ`));
insert into `数据库-ü`.`表é` (`ключ`, `Groß`) values ('значение', 1), ('値', 2);
create table `数据库-ü`.`child` (id int primary key, `父` int,
  constraint `外键` foreign key (`父`) references `表é` (`列`));
insert into `数据库-ü`.`child` values (1, 1), (2, 2), (3, null);
create table `数据库-ü`.`far` (id int primary key, r int,
  constraint `to.far` foreign key (r) references `select`.`from` (`where`));
insert into `数据库-ü`.`far` values (1, 2);
create table `with space`.`Mixed` (id int primary key);
create table `with space`.`mixed` (id int primary key, other int);
insert into `with space`.`Mixed` values (1);
insert into `with space`.`mixed` values (2, 2);
create table `a.b`.`a_name_of_exactly_sixty_four_characters_which_is_what_is_allowed` (
  `a_name_of_exactly_sixty_four_characters_which_is_what_is_allowed` int primary key);
create sql security invoker view `a.b`.`v.w` as select `e.f` as `x.y`, `g.h` from `a.b`.`c.d`;
create sql security invoker view `数据库-ü`.`视图` as select f.`where`, t.`列` as `"q"` from `select`.`from` f
  join `数据库-ü`.`表é` t on t.`列` = f.`where`;
