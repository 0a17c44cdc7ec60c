-- What an archivist asks for: more fingerprints, pairs that are remembered, what people overruled, what files say of
-- themselves, what sources say now, who asked for removal, and seals over all rows that no journal vouches for.

-- ---- seals: every batch of rows that a stage or a person wrote, chained by digest ---------------------------------
-- A sealed table has a column `seal`; rows that came out of a journal have none, for the journal vouches for them.
CREATE TABLE seals (
    seal BIGINT PRIMARY KEY,
    table_name VARCHAR NOT NULL,
    "rows" BIGINT NOT NULL,
    rows_digest VARCHAR NOT NULL, -- of the batch's rows in a fixed order
    previous VARCHAR NOT NULL,    -- digest of the seal before, '' for the first
    digest VARCHAR NOT NULL,
    sealed_at TIMESTAMPTZ NOT NULL
);

-- ---- dedupe: fingerprints, pairs, reviews --------------------------------------------------------------------------
-- Fingerprints beside the crawl's own (images.phash). A version names decoder, draft scale and resize: another version
-- is another row, beside the old one.
CREATE TABLE fingerprints (
    sha256 VARCHAR NOT NULL,
    method VARCHAR NOT NULL,      -- pixels | phash | pdq
    version VARCHAR NOT NULL,
    value VARCHAR NOT NULL,       -- hex; '' where the image does not decode
    quality DOUBLE,               -- of PDQ, 0 to 100; of pixels, the encoder's quality: 1 to 100, 101 is lossless
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
    seal BIGINT,
    PRIMARY KEY (method, version, value, other)
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
    review BIGINT PRIMARY KEY DEFAULT nextval('review_ids'),
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
    generator VARCHAR,            -- the program that says it generated the picture
    generator_where VARCHAR,      -- png:parameters, exif:Software, xmp:CreatorTool, c2pa...
    digital_source_type VARCHAR,
    seal BIGINT,
    PRIMARY KEY (sha256, version)
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
    outcome VARCHAR NOT NULL,     -- unchanged | changed | moved | gone | refused | failed
    http_status INTEGER,
    moved_to VARCHAR,
    license_before VARCHAR,
    license_now VARCHAR,
    opt_out JSON NOT NULL,        -- list of {kind, value, where}: statements that were not there before
    detail VARCHAR,
    seal BIGINT,
    PRIMARY KEY (recheck, sha256, image_url)
);

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
