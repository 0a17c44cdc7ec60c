-- What an archivist asks for: more fingerprints, pairs that are remembered, what people overruled, what files say of
-- themselves, what sources say now, who asked for removal, and seals over all rows that no journal vouches for.

-- ---- seals: every batch of rows that a stage or a person wrote, chained by digest ---------------------------------
-- Tables that have a column `seal` are sealed: their rows are added in batches, the rows of a batch hold the number of
-- its seal, and each seal holds the digest of the one before. Rows that came out of a journal have none: their journal
-- vouches for them, and the segments that were taken in are sealed. The types of sealed columns stay as they are, and
-- columns that come later are NULL in earlier rows.
--   rows_digest  sha256 over the sha256s (hex) of the batch's rows, in the order of these digests; how a row is written
--                for it is said in harvest/ledger/seals.py
--   digest       sha256 over previous, seal, table_name, rows, rows_digest, sealed_at (microseconds), sha256 of marks,
--                and hints, each on a line
--   marks        the first four bytes of each row's digest, in order: they tell which row was changed
--   hints        sums of DuckDB's hashes by column: they tell which column was changed
CREATE TABLE seals (
    seal BIGINT PRIMARY KEY,      -- 1, 2, 3...
    table_name VARCHAR NOT NULL,
    "rows" BIGINT NOT NULL,
    rows_digest VARCHAR NOT NULL,
    previous VARCHAR NOT NULL,    -- digest of the seal before, '' for the first
    digest VARCHAR NOT NULL,
    sealed_at TIMESTAMPTZ NOT NULL,
    marks BLOB NOT NULL,
    hints JSON NOT NULL
);
ALTER TABLE segments ADD COLUMN seal BIGINT;
ALTER TABLE decisions ADD COLUMN seal BIGINT;
ALTER TABLE embeddings ADD COLUMN seal BIGINT;
ALTER TABLE stage_runs ADD COLUMN seal BIGINT;
ALTER TABLE duplicate_rows ADD COLUMN seal BIGINT;
ALTER TABLE layout_rows ADD COLUMN seal BIGINT;
ALTER TABLE export_rows ADD COLUMN seal BIGINT;

-- A run has one row when it begins and one when it ends; `runs` shows both.
CREATE TABLE run_starts (
    run_id VARCHAR PRIMARY KEY,
    source VARCHAR NOT NULL,
    spider VARCHAR NOT NULL,
    config_digest VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    crawl_id VARCHAR,             -- the same for all processes that share one crawl
    seal BIGINT
);
CREATE TABLE run_ends (
    run_id VARCHAR PRIMARY KEY,
    outcome VARCHAR NOT NULL,     -- finished | limited | failed | refused
    journal_digest VARCHAR NOT NULL, -- digest of the last journal segment's seal: the head of the chain
    finished_at TIMESTAMPTZ NOT NULL,
    seal BIGINT
);
INSERT INTO run_starts BY NAME
    SELECT run_id, source, spider, config_digest, code_version, started_at, crawl_id FROM runs;
INSERT INTO run_ends BY NAME
    SELECT run_id, outcome, journal_digest, finished_at FROM runs WHERE outcome IS NOT NULL;
DROP TABLE runs;
CREATE VIEW runs AS
    SELECT run_id, source, spider, config_digest, code_version, started_at, finished_at, outcome, journal_digest,
           crawl_id
    FROM run_starts LEFT JOIN (SELECT * EXCLUDE (seal) FROM run_ends) USING (run_id);

-- A copy that was made again differently is another making; the last one is in force.
CREATE TABLE derived_rows (
    sha256 VARCHAR NOT NULL,
    size INTEGER NOT NULL,
    mode VARCHAR NOT NULL,
    path VARCHAR NOT NULL,        -- relative to the workspace
    bytes BIGINT NOT NULL,
    derived_sha256 VARCHAR NOT NULL,
    recipe_digest VARCHAR NOT NULL,
    making INTEGER NOT NULL,      -- 1, 2, 3...
    seal BIGINT,
    PRIMARY KEY (sha256, size, recipe_digest, making)
);
INSERT INTO derived_rows BY NAME SELECT *, 1 AS making FROM derived;
DROP TABLE derived;
CREATE VIEW derived AS
    SELECT sha256, size, mode, path, bytes, derived_sha256, recipe_digest FROM derived_rows
    ANTI JOIN (SELECT sha256, size, recipe_digest, making - 1 AS making FROM derived_rows WHERE making > 1)
        USING (sha256, size, recipe_digest, making);

CREATE OR REPLACE VIEW latest_stage_runs AS
    SELECT stage_run, stage, name, recipe_digest, input_digest, finished_at, detail FROM stage_runs
    QUALIFY row_number() OVER (PARTITION BY stage, name ORDER BY stage_run DESC) = 1;
CREATE OR REPLACE VIEW layouts AS
    SELECT layout, sha256, x, y, "row", col FROM layout_rows JOIN latest_stage_runs USING (stage_run);
CREATE OR REPLACE VIEW exports AS
    SELECT export, sha256, path, derived_sha256, license, credit
    FROM export_rows JOIN latest_stage_runs USING (stage_run);

-- ---- dedupe: fingerprints, pairs, reviews --------------------------------------------------------------------------
-- Fingerprints beside the crawl's own (images.phash). A version names decoder, draft scale and resize: another version
-- is another row, beside the old one.
CREATE TABLE fingerprints (
    sha256 VARCHAR NOT NULL,
    method VARCHAR NOT NULL,      -- phash | dihedral (its eight turns) | pixels | encoder
    version VARCHAR NOT NULL,
    value VARCHAR NOT NULL,       -- hex; '' where there is none, or the image does not decode
    quality DOUBLE,               -- of encoder: what it left, 1 to 100 on libjpeg's scale; 101 is lossless
    seal BIGINT,
    PRIMARY KEY (sha256, method, version)
);

-- Which values of a fingerprint were compared, each with all others of its (method, version), and how far: every two of
-- them that differ by at most the smaller radius are in near_values. A value is a hash in hex, or an image's sha256
-- where the method compares vectors.
CREATE TABLE compared_values (
    method VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    radius DOUBLE NOT NULL,       -- bits; of vectors, 1 - cosine
    seal BIGINT
);
CREATE TABLE near_values (
    method VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    value VARCHAR NOT NULL,       -- the smaller of the two
    other VARCHAR NOT NULL,
    distance DOUBLE NOT NULL,     -- as compared_values.radius
    seal BIGINT                   -- no key: what is compared again at another radius may stand here twice
);

-- How alike two pictures are that some method proposed: measured once, remembered for every threshold.
CREATE TABLE likenesses (
    sha256 VARCHAR NOT NULL,      -- the smaller of the two
    other VARCHAR NOT NULL,
    version VARCHAR NOT NULL,     -- of the measure
    likeness DOUBLE NOT NULL,     -- correlation where both show the same, -1 to 1
    transform VARCHAR NOT NULL,   -- what makes one of the other
    seal BIGINT,
    PRIMARY KEY (sha256, other, version)
);

-- What people overrule. The newest row of a (name, stage, sha256, other) is in force.
CREATE SEQUENCE review_ids START 1;
CREATE TABLE reviews (
    review BIGINT NOT NULL DEFAULT nextval('review_ids'),
    name VARCHAR NOT NULL,        -- of the recipe
    stage VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,      -- of a pair, the smaller
    other VARCHAR NOT NULL,       -- '' where the verdict is on one image
    verdict VARCHAR NOT NULL,     -- keep | drop | apart (no copies of each other) | together (copies) | undo
    reason VARCHAR NOT NULL,
    decided_by VARCHAR NOT NULL,
    decided_at TIMESTAMPTZ NOT NULL,
    seal BIGINT
);
CREATE VIEW reviews_in_force AS
    SELECT name, stage, sha256, other, verdict, reason, decided_by, decided_at FROM reviews
    QUALIFY row_number() OVER (PARTITION BY name, stage, sha256, other ORDER BY review DESC) = 1 AND verdict <> 'undo';

-- distance   to the picture that the group is bound to: bits between hashes, 1 - cosine between vectors, 0 for equal
--            pixels, or where only a person put the two together
-- threshold  the recipe's for this method, in the same unit
-- reason     why this one is kept, or why it is a copy of the one that is
ALTER TABLE duplicate_rows ALTER distance TYPE DOUBLE;
ALTER TABLE duplicate_rows ALTER threshold TYPE DOUBLE;
ALTER TABLE duplicate_rows ADD COLUMN reason VARCHAR;
CREATE OR REPLACE VIEW duplicates AS
    SELECT group_id, sha256, keeper, kind, distance, threshold, method, reason
    FROM duplicate_rows JOIN latest_stage_runs USING (stage_run);

-- ---- audit: what files say of themselves, faces ----------------------------------------------------------------------
CREATE TABLE embedded (
    sha256 VARCHAR NOT NULL,
    version VARCHAR NOT NULL,     -- of the reader
    copyright VARCHAR,
    creator VARCHAR,
    license VARCHAR,
    license_raw VARCHAR,
    latitude DOUBLE,              -- degrees, WGS 84
    longitude DOUBLE,
    country VARCHAR,              -- of what is shown, as the file has it
    generator VARCHAR,            -- the program that says it generated the picture
    generator_where VARCHAR,      -- png:parameters, exif:Software, xmp:CreatorTool, c2pa...
    digital_source_type VARCHAR,
    seal BIGINT,
    PRIMARY KEY (sha256, version)
);
-- What became of asking a host for its robots.txt.
CREATE TABLE host_robots (
    host VARCHAR NOT NULL,        -- with its port where an address names one
    run_id VARCHAR NOT NULL,
    asked_at TIMESTAMPTZ NOT NULL,
    outcome VARCHAR NOT NULL,     -- read | absent | unreachable
    http_status INTEGER,
    robots_sha256 VARCHAR,        -- of what was read
    detail VARCHAR,
    seal BIGINT,
    PRIMARY KEY (host, run_id, asked_at)
);
CREATE TABLE faces (
    sha256 VARCHAR NOT NULL,
    detector VARCHAR NOT NULL,    -- name and version of package and weights
    faces INTEGER NOT NULL,
    boxes JSON NOT NULL,          -- list of [x, y, width, height, score], shares of the upright picture; no identity
    seal BIGINT,
    PRIMARY KEY (sha256, detector)
);

-- ---- audit --recheck: what sources say now ---------------------------------------------------------------------------
CREATE TABLE rechecks (
    recheck VARCHAR NOT NULL,     -- id of one pass over the dataset
    sha256 VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    image_url VARCHAR NOT NULL,
    page_url VARCHAR,
    asked_at TIMESTAMPTZ NOT NULL,
    outcome VARCHAR NOT NULL,     -- unchanged | changed | moved | gone | refused | failed: of the image's address
    http_status INTEGER,          -- of the image's address; NULL where nothing was asked or nothing answered
    moved_to VARCHAR,             -- where its address leads now, when that is not where it led before
    page_status INTEGER,          -- of the landing page; NULL where it was not asked or did not answer
    license_before VARCHAR,       -- of the sighting that answers for the image
    license_now VARCHAR,          -- as the landing page states it; NULL when it states none that is known
    license_raw_now VARCHAR,      -- to the letter; NULL when the page states nothing
    opt_out JSON NOT NULL,        -- list of {kind, value, where}: statements that were not there before
    detail VARCHAR,
    seal BIGINT,
    PRIMARY KEY (recheck, sha256, image_url)
);
-- What each image's source said last; where nobody answered, what was answered before.
CREATE VIEW latest_rechecks AS
    SELECT * EXCLUDE (seal) FROM rechecks
    QUALIFY row_number() OVER (
        PARTITION BY sha256, image_url
        ORDER BY outcome = 'failed' AND page_status IS NULL AND opt_out = '[]', asked_at DESC, recheck DESC
    ) = 1;

-- ---- takedown: tombstones ----------------------------------------------------------------------------------------------
-- The bytes go, the sightings stay: they are the evidence of where the bytes came from, and of who asked for them to go.
ALTER TABLE takedowns ADD COLUMN request VARCHAR;       -- id of the request that named this image
ALTER TABLE takedowns ADD COLUMN matched VARCHAR;       -- how the request named it, in words
ALTER TABLE takedowns ADD COLUMN phash VARCHAR;         -- 64 bits in hex, so that a near copy does not come back either
ALTER TABLE takedowns ADD COLUMN phash_version VARCHAR;
ALTER TABLE takedowns ADD COLUMN detail_hash VARCHAR;   -- 256 bits in hex, which tell a near copy from a picture like it
ALTER TABLE takedowns ADD COLUMN detail_version VARCHAR;
ALTER TABLE takedowns ADD COLUMN seal BIGINT;
-- The images whose bytes are here, or ought to be.
CREATE VIEW images_here AS
    SELECT * FROM images WHERE sha256 NOT IN (SELECT sha256 FROM takedowns);
-- What was refused as a near copy of something that was taken down was looked at, and may lie in kept raw answers.
CREATE VIEW unwanted_bytes AS
    SELECT sha256 FROM takedowns
    UNION
    SELECT sha256 FROM sightings
    WHERE outcome = 'refused' AND starts_with(reason, 'takedown: ') AND sha256 IS NOT NULL;

-- ---- views for the common questions -------------------------------------------------------------------------------------
-- What is here: a row an image, with what the sighting that answers for it says.
CREATE VIEW catalogue AS
    SELECT i.sha256, i.path, i.format, i.width, i.height, i.bytes, p.source, p.source_id, p.title, p.creator, p.creator_url,
           p.license, p.license_url, p.license_raw, p.page_url, p.image_url, p.published_at, p.taken_at, i.first_seen
    FROM images_here i LEFT JOIN provenance p USING (sha256);

-- The verdicts that count: each stage's, under the parameters with which it judged last.
CREATE VIEW verdicts AS
    SELECT sha256, stage, verdict, reason, value, threshold, decided_by, decided_at, recipe_digest FROM decisions
    SEMI JOIN (SELECT stage, arg_max(recipe_digest, decided_at) AS recipe_digest FROM decisions GROUP BY stage)
        USING (stage, recipe_digest);

-- Images that every stage keeps which has judged; one that a stage has not judged yet is not among them.
CREATE VIEW kept AS
    SELECT sha256 FROM images_here JOIN verdicts USING (sha256)
    GROUP BY sha256 HAVING bool_and(verdict = 'keep')
        AND count(*) = (SELECT count(DISTINCT stage) FROM decisions);

-- Why an image is not among them: a row for each stage that dropped it.
CREATE VIEW why_not AS
    SELECT sha256, stage, reason, value, threshold, decided_by, decided_at FROM verdicts WHERE verdict = 'drop';

-- Who is to be named for which exported file.
CREATE VIEW credits AS
    SELECT e.export, e.path, e.sha256, p.title, p.creator, p.creator_url, e.license, p.license_url, p.page_url, e.credit
    FROM exports e LEFT JOIN provenance p USING (sha256);

-- Pictures whose copies, or sightings, were given several licences; unknown is one of them.
CREATE VIEW licence_conflicts AS
    WITH said AS (
        SELECT coalesce(d.group_id, s.sha256) AS picture, s.sha256, coalesce(s.license, 'unknown') AS license, s.source
        FROM sightings s LEFT JOIN (SELECT sha256, min(group_id) AS group_id FROM duplicates GROUP BY sha256) d
            USING (sha256)
        WHERE s.sha256 IS NOT NULL AND s.outcome IN ('stored', 'known', 'unchanged')
    )
    SELECT picture, list(DISTINCT license ORDER BY license) AS licenses, list(DISTINCT source ORDER BY source) AS sources,
           list(DISTINCT sha256 ORDER BY sha256) AS images
    FROM said SEMI JOIN (FROM said SELECT picture GROUP BY picture HAVING min(license) <> max(license)) USING (picture)
    GROUP BY picture;

-- What was asked of each host, and until when it wants to be left alone.
CREATE VIEW hosts AS
    WITH met AS (
        SELECT lower(regexp_extract(image_url, '^[A-Za-z]+://(?:[^/?#@]*@)?([^/?#]+)', 1)) AS host,
               outcome, fetched_at, sha256
        FROM sightings
    )
    SELECT host, count(*) AS sightings, count(DISTINCT sha256) AS images,
           count(*) FILTER (outcome = 'failed') AS failed, count(*) FILTER (outcome = 'refused') AS refused,
           max(fetched_at) AS last_fetched, any_value(r.until) AS refuses_until, any_value(r.reason) AS refuses_because
    FROM met LEFT JOIN (SELECT host, until, reason FROM hosts_refusing) r USING (host) WHERE host <> '' GROUP BY host;

-- What became of each request for removal: sized copies and exports in force that still hold the image.
CREATE VIEW takedown_status AS
    SELECT t.sha256, t.requested_at, t.requested_by, t.reason,
           (SELECT count(*) FROM derived d WHERE d.sha256 = t.sha256) AS sized_copies,
           (SELECT coalesce(list(DISTINCT e.export ORDER BY e.export), []) FROM exports e WHERE e.sha256 = t.sha256)
               AS exports
    FROM takedowns t;
