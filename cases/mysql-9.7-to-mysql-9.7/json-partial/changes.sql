use pj;
-- Members and cells replaced, added, taken away; several at once; and with other columns.
update t set j = json_set(j, '$.a', 2) where id = 1;
update t set j = json_replace(j, '$.b[2].deep', 'other', '$.b[0]', null), x = 10 where id = 1;
update t set j = json_set(j, '$.b[last]', 'end', '$.b[9]', 'appended', '$.new', json_array(1)), k = json_remove(k, '$[0]', '$[1]') where id = 1;
update t set j = json_remove(j, '$.b[0]', '$.new') where id = 1;
update t set j = json_set(j, '$.zz', 1, '$.A', 2, '$.longer_name', 3, '$."dots.and"', 4) where id = 1;
update t set j = json_set(j, '$."dots.and \\"quotes\\""."ü"', 'ö', '$."dots.and \\"quotes\\"".more', true) where id = 2;
update t set j = json_set(j, '$[0][0]', 1, '$[1].k', 2), k = json_set(k, '$.d', cast('2021-01-02' as date), '$.e', cast(1.10 as decimal(4, 2))) where id = 3;
update t set k = json_remove(k, '$.d') where id = 3;
update t set j = json_set(j, '$[0]', cast(2.50 as decimal(5, 2)), '$[1]', x'babe', '$[3]', cast('10:00:00' as time)) where id = 5;
-- A scalar that becomes an array, and what is written whole.
update t set k = json_set(k, '$[1]', 6) where id = 5;
update t set j = json_set(j, '$.a', 1), k = json_set(k, '$.a', 1) where id = 4;
update t set k = json_array_append(j, '$', 1) where id = 2;
update t set j = json_set(j, '$.a', 3), v = 'w' where id in (1, 2);
update t set j = json_set(j, '$.a', 3) where id in (1, 2);
update t set id = id + 10, j = json_set(j, '$[0]', 'moved') where id = 3;
update no_key set j = json_set(j, '$.a', 5) where a = 1 limit 1;
update no_key set j = json_set(j, '$[0]', 5) where a in (3, 5);
