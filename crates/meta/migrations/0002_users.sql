-- Credentials have a name, a role and a state. Those that were there are owners.
ALTER TABLE credentials ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN role TEXT NOT NULL DEFAULT 'owner';
ALTER TABLE credentials ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1;
ALTER TABLE credentials ADD COLUMN created_ms INTEGER NOT NULL DEFAULT 0;
