-- Types, keys and collations that both servers know under the same name.
create database shop character set utf8mb4 collate utf8mb4_general_ci;
use shop;
set time_zone = '+00:00';
set names utf8mb4 collate utf8mb4_general_ci;
create table customer (
  id bigint unsigned primary key auto_increment,
  name varchar(50) character set utf8mb4 collate utf8mb4_unicode_ci not null,
  email varchar(80) default null,
  vip boolean not null default false,
  born date, seen timestamp(6) null, noon time(3), made datetime not null default current_timestamp,
  balance decimal(20,6), score int unsigned, flags set('a', 'b', 'c'), kind enum('x', 'y') default 'x',
  bits bit(9), raw varbinary(20), picture mediumblob, note longtext, born_in year,
  unique key email (email), key by_name (name(10), vip)
);
insert into customer (name, email, vip, born, seen, noon, made, balance, score, flags, kind, bits, raw, picture, note, born_in)
values
  ('Ünïcode 🙂', 'a@b', true, '1000-01-01', '2038-01-19 03:14:07.499999', '-838:59:59.000', '9999-12-31 23:59:59',
   99999999999999.999999, 4294967295, 'a,c', 'y', b'100000001', x'00ff5c', x'0009', 'tab\tnl\nback\\slash', 1901),
  ('', null, false, null, null, null, '2024-02-29 00:00:00', null, null, null, null, null, null, null, null, null),
  ('quote ''" `', '', false, '9999-12-31', '1970-01-01 00:00:01', '838:59:59.000', '1000-01-01 00:00:00',
   -0.000001, 0, '', 'x', 0, '', '', '', 2155);
create table orders (
  id int primary key, customer bigint unsigned not null, amount decimal(10,2) not null,
  constraint of_customer foreign key (customer) references customer (id)
);
insert into orders values (1, 1, 9.99), (2, 1, 0), (3, 3, 1000000.01);
create table no_key (a int, b varchar(5));
insert into no_key values (1, 'a'), (1, 'a'), (null, null), (null, null);
create sql security invoker view rich as select id, name from customer where balance > 1000;
