use own;
insert into ids (u, i6, i4, n) values ('a987fbc9-4bed-3078-8f07-9141ba07c9f3', '::2', '9.9.9.0', 9),
  ('a987fbc9-4bed-5078-af07-9141ba070000', '::0:ffff', '0.0.9.0', 10);
update ids set u = insert(uuid(), 15, 1, 7), i6 = concat('2001:db8::', n), i4 = null where n in (2, 4, 6);
update ids set u = insert(uuid(), 15, 1, 4), i4 = '127.0.0.1' where n in (3, 8);
update ids set n = n + 100 where u = '00000000-0000-0000-0000-000000000000';
delete from ids where n in (5, 7);
update no_key set i4 = '8.8.8.8' where x in (1, 3, 6);
update no_key set u = uuid() where u is null limit 1;
delete from no_key where x in (2, 4, 7, 8);
delete from many where n % 3 = 0;
update many set u = insert(uuid(), 15, 1, 4) where n % 100 = 1;
insert into small select id + 10, v, vs, vb, tt, t, mt, lt, tb, b, mb, lb from small;
set column_compression_zlib_wrap = on;
insert into small select id + 20, v, vs, vb, tt, t, mt, lt, tb, b, mb, lb from small where id < 4;
set column_compression_zlib_level = 0;
update small set v = reverse(v), lb = repeat('not packed', 10) where id = 3;
delete from small where id = 12;
