use js;
insert into j select 10 + id, json_array(d, t, dt, ts, y, vb, bn, tb, b, mb, lb, bt, g, e, st, dc, x'cafe') from from_sql;
insert into j select 20 + id, json_object('date', d, 'time', t, 'deep', json_object('x', json_array(dt, ts)), 'bytes', lb, 'bit', bt,
  'text', '2020-01-02', 'int', 1, 'double', 1e0, 'quote"\\', json_quote('\t')) from from_sql;
-- Alone, with no array or object around it.
insert into j select 30, cast(d as json) from from_sql where id = 1;
insert into j select 31, cast(t as json) from from_sql where id = 1;
insert into j select 32, cast(dt as json) from from_sql where id = 1;
insert into j select 33, json_extract(json_array(ts), '$[0]') from from_sql where id = 1;
insert into j select 34, json_extract(json_array(mb), '$[0]') from from_sql where id = 1;
insert into j select 35, json_extract(json_array(dc), '$[0]') from from_sql where id = 1;
-- Longer than a line of base64, and than 64 KiB.
update from_sql set vb = repeat(x'cafe', 40), mb = repeat(x'00ff27', 30000), lb = repeat(x'5c', 70000), b = repeat(x'0a', 60000) where id = 1;
insert into j select 40, json_array(vb, mb, lb, b) from from_sql where id = 1;
update j set j = json_set(j, '$[0]', cast('2021-01-01' as date)) where id = 11;
update j set j = json_array(j, 'more') where id in (2, 12, 21, 30);
delete from j where id = 22;
insert into no_key select 3, json_array(d, vb, dc) from from_sql;
insert into no_key select 4, cast(d as json) from from_sql;
update no_key set a = 5 where j = json_array(cast('9999-12-31' as date), x'', -0.0001);
update no_key set a = 6 where a = 1 limit 1;
delete from no_key where a = 4;
delete from no_key where a = 2;
