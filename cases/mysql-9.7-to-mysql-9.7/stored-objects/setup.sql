-- Functions, procedures, triggers and events: each under its own sql_mode and collation, with definers of
-- their own, odd names, triggers that would corrupt rows if they fired on rows of the source, and views
-- that call functions and each other.
create user 'owner'@'localhost' identified by 'Owner-1';
grant all on shop.* to 'owner'@'localhost';
create database shop character set utf8mb4;
create database `odd ``db.é`;
use shop;
create table orders (id int primary key auto_increment, amount decimal(10,2), note varchar(50) default '', touched int default 0);
create table log (id int primary key auto_increment, what varchar(80));
create table counters (name varchar(20) primary key, n bigint default 0);
insert into counters values ('inserts', 0), ('second', 0);

delimiter //
create function tax(amount decimal(10,2)) returns decimal(10,2) deterministic return amount * 0.19//
create definer='owner'@'localhost' function twice(n int) returns int deterministic sql security invoker
  comment 'it''s "twice" \\ `x`' begin return plain(n) * 2; end//
create function plain(n int) returns int deterministic return n//
create procedure fill(in many int) begin
  declare n int default 0;
  while n < many do insert into orders (amount) values (tax(n) + twice(n)); set n = n + 1; end while;
end//
set sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES'//
create procedure "quoted ""name" (out x varchar(50)) begin select 'a\' || "what" into x from "log" limit 1; end//
set sql_mode = ''//
create procedure outer_one() begin call inner_one(); end//
create procedure inner_one() select 1 -- a comment; with ' a quote
//
set sql_mode = default//
create trigger z_first before insert on orders for each row begin
  set new.touched = new.touched + 1; set new.note = concat(new.note, '+');
  update counters set n = n + 1 where name = 'inserts';
end//
create trigger a_second before insert on orders for each row update counters set n = n * 2 + 1 where name = 'second'//
create trigger on_update before update on orders for each row set new.touched = new.touched + 100//
create definer='owner'@'localhost' trigger on_delete after delete on orders for each row insert into log (what) values (concat('gone ', old.id))//
use `odd ``db.é`//
create table `t ``é` (id int primary key, v varchar(20))//
create trigger `tr ``é.x` before insert on `t ``é` for each row set new.v = concat(new.v, 'é')//
create procedure `p ``é`() select 'größe', _utf8mb4'x'//
set names latin1//
create function plain_latin1() returns varchar(10) character set latin1 deterministic return 'abc'//
set names utf8mb4//
use shop//
set time_zone = '+03:00'//
create event every_hour on schedule every 1 hour starts '2030-01-01 00:00:00' on completion preserve comment 'it''s on'
  do begin insert into log (what) values ('tick'); end//
create event off_event on schedule every 1 day starts '2030-01-01 00:00:00' disable do set @x = 1//
create definer='owner'@'localhost' event `once é` on schedule at '2037-01-01 00:00:00' do delete from log//
set time_zone = default//
delimiter ;
create view z_base as select id, amount, tax(amount) as tax from orders;
create view m_middle as select id, tax + twice(id) as both_of from z_base;
create view a_top as select m.both_of, b.amount from m_middle m join z_base b using (id);
call fill(5);
delete from orders where id = 3;
insert into `odd ``db.é`.`t ``é` values (1, 'a');
