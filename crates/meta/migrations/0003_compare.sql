-- Consistency checks: what was asked and what was found so far, one JSON body each.
CREATE TABLE compares (
    id         TEXT PRIMARY KEY,
    job_id     TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT;
CREATE INDEX compares_of_job ON compares (job_id, created_ms DESC);
