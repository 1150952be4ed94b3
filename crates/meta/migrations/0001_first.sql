-- Jobs, endpoints, callers and the audit trail. Bodies are JSON without secrets;
-- every secret lies sealed in `secrets`, bound to its owner.
CREATE TABLE jobs (
    id         TEXT PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    status     TEXT NOT NULL,
    body       TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_newest ON jobs (created_ms DESC, id DESC);

CREATE TABLE endpoints (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE credentials (
    secret_id TEXT PRIMARY KEY
) STRICT;

CREATE TABLE secrets (
    owner_kind TEXT NOT NULL,
    owner_id   TEXT NOT NULL,
    field      TEXT NOT NULL,
    nonce      BLOB NOT NULL,
    sealed     BLOB NOT NULL,
    PRIMARY KEY (owner_kind, owner_id, field)
) STRICT;

CREATE TABLE audit (
    number  INTEGER PRIMARY KEY,
    at_ms   INTEGER NOT NULL,
    caller  TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL
) STRICT;
