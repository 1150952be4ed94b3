-- MariaDB's own types to a later version, which stores the parts of a UUID in another order.
create database own;
use own;
create table ids (u uuid primary key, i6 inet6 not null, i4 inet4, n int, unique (i6), key (i4));
insert into ids values
  ('00000000-0000-0000-0000-000000000000', '::', '0.0.0.0', 1),
  ('123e4567-e89b-12d3-a456-426655440000', '2001:db8::1', '192.0.2.1', 2),
  ('123e4567-e89b-42d3-a456-426655440001', '::ffff:192.0.2.1', '255.255.255.255', 3),
  ('018f3c5e-7b1a-7c3d-8e4f-0123456789ab', 'fe80::1', '10.0.0.0', 4),
  ('1ec9414c-232a-6b00-b3c8-9e6bdeced846', '1::', '0.0.0.1', 5),
  ('2489e9ad-2ee2-8e00-8ec9-32d5f69181c0', '::1', null, 6),
  ('ffffffff-ffff-ffff-ffff-ffffffffffff', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', null, 7),
  ('123e4567-e89b-12d3-0456-426655440000', '2001:db8:0:1::', '1.2.3.0', 8);
create table no_key (u uuid, i6 inet6, i4 inet4, x int);
insert into no_key select u, i6, i4, n from ids;
insert into no_key values (null, null, null, null), (null, null, null, null);
create table many (u uuid primary key default uuid(), n int);
insert into many (u, n) select uuid(), seq from seq_1_to_2000;
insert into many (n) select seq from seq_1_to_2000;

create table small (
  id int primary key, v varchar(1000) compressed, vs varchar(20) compressed, vb varbinary(2000) compressed,
  tt tinytext compressed, t text compressed, mt mediumtext compressed, lt longtext compressed,
  tb tinyblob compressed, b blob compressed, mb mediumblob compressed, lb longblob compressed
) charset utf8mb4;
insert into small (id) values (1);
insert into small values (2, '', '', '', '', '', '', '', '', '', '', '');
insert into small values (3, repeat('ü', 900), 'short', repeat(x'00ff', 900), repeat('t', 200), repeat('text', 1000),
  repeat('medium', 50000), repeat('long', 400000), repeat(x'00', 200), repeat(x'00', 60000), repeat(x'0102', 60000), 'x');
