-- Accounts with their password hashes (binary salts), grants on every level, roles in roles, default roles, locks,
-- expiry, resource limits and odd names; one that is changed while the job runs.
create database shop; create table shop.t (id int primary key, a int, b int);
create function shop.f() returns int deterministic return 1;
create role reader, 'writer'@'%', 'odd ''role'@'localhost';
grant select on shop.* to reader; grant insert, update on shop.* to writer; grant reader to writer with admin option;
create user app@'%' identified by 'App-pass-1' default role reader;
create user app@'10.%' identified with sha256_password by 'Other-pass-1' require ssl with max_user_connections 5 password expire interval 90 day;
create user 'it''s `me` é'@'localhost' identified by 'x' account lock comment 'a note';
create user ''@'localhost';
grant reader, writer to app@'%';
set default role reader, writer to app@'%';
grant process, reload, show databases, backup_admin on *.* to app@'%' with grant option;
grant all on shop.* to app@'10.%'; grant select on `shop\_x`.* to app@'10.%'; grant create on `log%`.* to app@'10.%';
grant select (a), update (a, b), delete on shop.t to 'it''s `me` é'@'localhost';
grant execute on function shop.f to 'it''s `me` é'@'localhost';
create user changing@'%' identified by 'first';
grant select on *.* to changing@'%';
