use types;
set time_zone = '+00:00';
-- The same edges once more, as logged changes: inserted, changed to each other, deleted.
insert into whole select id + 100, t, tu, s, su, m, mu, i, iu, b, bu, yes, y, b1, b13, b64 from whole where id < 100;
update whole set t = -t - 1, bu = 18446744073709551615 - bu, b13 = ~b13 & 8191 where id between 100 and 110;
update whole set id = id - 50 where id = 18446744073709551615;
insert into fractions select id + 100, d, d0, d1, d18, f, d8, fu from fractions;
update fractions set d = -d, d18 = -d18, f = -f, d8 = d8 / 3, fu = fu * 2 where id > 100;
insert into times select id + 100, d, t, t6, dt, dt3, dt6, ts, ts1, ts6 from times where id < 6;
update times set t6 = subtime(t6, '00:00:00.000001'), dt6 = dt where id between 104 and 105;
insert into texts select id + 100, c, v, vl, vb, g, u16, tt, t, mt, lt, b, vbin, tb, bl, mb, lb from texts;
update texts set v = concat(v, '\\', '\n'), t = null where id in (103, 104);
update texts set mt = repeat('later\t', 200000) where id = 105;
insert into others (id, e, s, j, g, p, l, v, u, i4, i6)
  select id + 100, e, s, j, g, p, l, v, u, i4, i6 from others where id < 8;
update others set j = json_set(j, '$.a[0]', 'changed', '$.more', json_array(1, 2)), u = uuid_v4() where id = 101;
update others set e = null, s = 'y,z', v = vec_fromtext('[9,9,9]') where id = 103;
delete from whole where id = 2;
delete from texts where id = 1;
delete from others where id in (5, 106);
insert into special (id, hidden, c, b) select id + 100, hidden, c, b from special;
update special set hidden = 7, c = repeat('x', 3000) where id = 101;
