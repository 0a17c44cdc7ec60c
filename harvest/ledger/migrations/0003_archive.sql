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
    value VARCHAR NOT NULL,       -- hex
    quality DOUBLE,               -- of PDQ, 0 to 100
    seal BIGINT,
    PRIMARY KEY (sha256, method, version)
);

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
ALTER TABLE takedowns ADD COLUMN request VARCHAR;       -- id of the request that named this image
ALTER TABLE takedowns ADD COLUMN matched VARCHAR;       -- how the request named it: sha256, url, creator, picture, near copy
ALTER TABLE takedowns ADD COLUMN phash UBIGINT;         -- so that a copy in other bytes does not come back either
ALTER TABLE takedowns ADD COLUMN phash_version VARCHAR;
ALTER TABLE takedowns ADD COLUMN seal BIGINT;
