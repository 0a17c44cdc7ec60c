-- What a crawl learns beyond the sighting itself: digests known beforehand, labels, evidence, hosts, and states of URLs.
ALTER TABLE runs ADD COLUMN crawl_id VARCHAR;       -- the same for all processes that share one crawl

ALTER TABLE sightings ADD COLUMN labels VARCHAR[];  -- classes that somebody assigned
ALTER TABLE sightings ADD COLUMN sha1 VARCHAR;      -- of the bytes, as the source states it
ALTER TABLE sightings ADD COLUMN carrier JSON;      -- {kind, args}: how the bytes come where one GET does not bring them
ALTER TABLE sightings ADD COLUMN evidence JSON;     -- list of {role, file, offset, record}: WARC records

ALTER TABLE images ADD COLUMN sha1 VARCHAR;

-- What a host said about being left alone; the newest row of a host is in force.
CREATE SEQUENCE host_refusal_ids START 1;
CREATE TABLE host_refusals (
    seq BIGINT PRIMARY KEY DEFAULT nextval('host_refusal_ids'),
    host VARCHAR NOT NULL,
    until TIMESTAMPTZ NOT NULL,
    reason VARCHAR NOT NULL,
    noted_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE VIEW hosts_refusing AS
    SELECT host, arg_max(until, seq) AS until, arg_max(reason, seq) AS reason
    FROM host_refusals GROUP BY host HAVING arg_max(until, seq) > now();

-- Requests a host was sent on a day (UTC), for daily caps.
CREATE TABLE host_days (
    host VARCHAR NOT NULL,
    "day" DATE NOT NULL,
    requests BIGINT NOT NULL,
    PRIMARY KEY (host, "day")
);

-- `SELECT *` in a view is fixed when it is made.
CREATE OR REPLACE VIEW provenance AS
    SELECT * FROM sightings WHERE sha256 IS NOT NULL AND outcome IN ('stored', 'known', 'unchanged')
    QUALIFY row_number() OVER (
        PARTITION BY sha256
        ORDER BY license IS NULL, creator IS NULL, title IS NULL, page_url IS NULL,
                 source, source_id, image_url, captured_at NULLS LAST, run_id, seq
    ) = 1;

-- How long an address is left alone after so many failures in a row; the last row holds for all further ones.
CREATE VIEW retry_waits AS
    SELECT * FROM (VALUES
        (0, INTERVAL 0 SECOND), (1, INTERVAL 0 SECOND), (2, INTERVAL 10 MINUTE), (3, INTERVAL 1 HOUR),
        (4, INTERVAL 6 HOUR), (5, INTERVAL 1 DAY), (6, INTERVAL 7 DAY)
    ) AS waits(attempts, wait);

-- One row per address of a source that was ever met; an address without a row is new.
--   state         done (bytes are here) | unchanged (met again, and not fetched since it need not be) | refused | broken
--                 | gone | failed
--   reason        why, where the state is not `done`
--   attempts      failures in a row up to now; 0 where the last ask did not fail
--   last_asked    when the address was asked for last
--   next_attempt  where it failed: before that a crawl leaves it alone; later while its host refuses
--   sha256        of the bytes that the address brought last, also when it failed since
--   run_id        the run that decided its state
-- A sighting that was put off (`waiting until ...`, `host_closed...`) is no ask, and decides nothing where there was one.
CREATE VIEW url_states AS
WITH met AS (
    SELECT s.source, s.image_url, s.run_id, s.seq, s.outcome, s.reason, s.sha256, s.fetched_at,
           -- What was not asked for has no moment of its own.
           coalesce(s.fetched_at, r.started_at) AS met_at,
           s.outcome = 'failed' AND s.reason IS NOT NULL
               AND (starts_with(s.reason, 'waiting until ') OR starts_with(s.reason, 'host_closed')) AS is_put_off,
           max(met_at) FILTER (s.outcome <> 'failed') OVER (PARTITION BY s.source, s.image_url) AS settled_at
    FROM sightings s LEFT JOIN runs r USING (run_id)
), asked AS (
    SELECT source, image_url,
           arg_max({outcome: outcome, reason: reason, met_at: met_at, run_id: run_id},
                   (NOT is_put_off, met_at, run_id, seq)) AS latest,
           count(DISTINCT run_id) FILTER (
               outcome = 'failed' AND NOT is_put_off AND met_at > coalesce(settled_at, '-infinity')) AS attempts,
           max(fetched_at) FILTER (NOT is_put_off) AS last_asked,
           arg_max(sha256, (fetched_at IS NOT NULL, fetched_at, run_id, seq))
               FILTER (outcome IN ('stored', 'known', 'unchanged')) AS sha256
    FROM met GROUP BY source, image_url
)
SELECT source, image_url,
       CASE WHEN latest.outcome IN ('stored', 'known') THEN 'done' ELSE latest.outcome END AS state,
       latest.reason AS reason, attempts, last_asked,
       CASE WHEN state = 'failed' THEN greatest(latest.met_at + wait, until) END AS next_attempt,
       sha256, latest.run_id AS run_id
FROM asked JOIN (SELECT attempts AS step, wait FROM retry_waits) ON step = least(attempts, 6)
LEFT JOIN (SELECT host, until FROM hosts_refusing)
    ON host = lower(regexp_extract(image_url, '^[A-Za-z]+://(?:[^/?#@]*@)?([^/?#]+)', 1));
