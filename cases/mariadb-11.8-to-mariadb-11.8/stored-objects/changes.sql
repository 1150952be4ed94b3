use shop;
call fill(4);
update orders set amount = amount + 1 where id > 2;
delete from orders where id = 5;
insert into `odd ``db.é`.`t ``é` values (2, 'b');
update `odd ``db.é`.`t ``é` set v = 'c' where id = 1;
