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
