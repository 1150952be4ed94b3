-- Rows that nothing tells apart: whether each of them arrives exactly once shows
-- only in the counts.
create database heaps;
use heaps;
create table plain (a int, b varchar(20));
insert into plain values (1, 'one'), (1, 'one'), (1, 'one'), (null, null), (null, null), (2, null), (null, 'x');
insert into plain with recursive n (i) as (select 1 union all select i + 1 from n where i < 900)
  select i % 7, concat('r', i % 7) from n;
create table wide (t longtext, b longblob, d datetime(6), f double, j json);
insert into wide values (repeat('x', 100000), repeat(x'00', 100000), '2024-01-01 00:00:00.000001', 0.1, '[1]'),
  (repeat('x', 100000), repeat(x'00', 100000), '2024-01-01 00:00:00.000001', 0.1, '[1]'), (null, null, null, null, null);
-- A unique key over columns that may be NULL is no key of rows.
create table loose (a int, b int, c text, unique key u (a, b));
insert into loose values (1, 1, 'only'), (1, null, 'twice'), (1, null, 'twice'), (null, null, 'thrice'),
  (null, null, 'thrice'), (null, null, 'thrice');
-- A unique key over columns that may not be NULL is one, also without the word primary.
create table unique_key (a int not null, b varchar(10) not null, c int, unique key u (a, b));
insert into unique_key values (1, 'a', 1), (1, 'b', 1), (2, 'a', 1);
-- Only secondary indexes.
create table indexed (a int, b int, key (a), key (b, a));
insert into indexed values (1, 1), (1, 1), (2, 1), (null, 1);
create table empty_one (a int, b text);
