select id, json_type(j), (select group_concat(json_type(v) order by o) from json_table(j, '$[*]' columns (o for ordinality, v json path '$')) t) from js.j order by id;
select json_type(json_extract(j, '$[0].date')), json_type(json_extract(j, '$[0].deep.x[1]')), json_type(json_extract(j, '$[0].bytes')), json_type(json_extract(j, '$[0].text')) from js.j where id = 21;
