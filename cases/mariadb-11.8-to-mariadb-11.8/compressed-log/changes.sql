use packed;
-- A length of one, two, three bytes; and what does not get smaller.
insert into t (v, b) values (repeat('z', 20), null);
insert into t (v, b) select repeat('word ', 100), repeat(x'cafe', 5000) from t;
insert into t (v, b) values ('large', repeat('0123456789', 200000)), ('random', random_bytes(1000));
update t set v = concat(coalesce(v, ''), ' changed'), b = reverse(b) where id > 2;
delete from t where id in (1, 5);
update no_key set b = repeat('y', 400) where a = 1 limit 1;
delete from no_key where a = 1 limit 1;
-- Statements, short and long.
alter table t add column added varchar(100) not null default 'a default that is long enough to be compressed';
insert into t (v) values ('after the change');
create table made (id int primary key, text varchar(200) comment 'a comment that repeats, a comment that repeats, a comment');
insert into made values (1, repeat('made ', 20));
drop table no_key;
