-- One row per crawl of one source; a run that was killed is continued under the same id.
CREATE TABLE runs (
    run_id VARCHAR PRIMARY KEY,
    source VARCHAR NOT NULL,
    spider VARCHAR NOT NULL,
    config_digest VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    outcome VARCHAR,              -- finished | limited | failed | refused; NULL while it runs or after a kill
    journal_digest VARCHAR        -- digest of the last journal segment's seal: the head of the chain
);

-- Journal segments that are in the ledger already, so that ingesting one again changes nothing.
CREATE TABLE segments (
    run_id VARCHAR NOT NULL,
    segment INTEGER NOT NULL,
    digest VARCHAR NOT NULL,
    sightings INTEGER NOT NULL,
    ingested_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, segment)
);

-- One row per time an image was met, also when it was refused or failed.
CREATE TABLE sightings (
    run_id VARCHAR NOT NULL,
    seq BIGINT NOT NULL,
    source VARCHAR NOT NULL,
    source_id VARCHAR NOT NULL,
    image_url VARCHAR NOT NULL,
    page_url VARCHAR,
    title VARCHAR,
    description VARCHAR,
    tags VARCHAR[] NOT NULL,
    creator VARCHAR,
    creator_url VARCHAR,
    license VARCHAR,              -- SPDX id or LicenseRef-*; NULL is unknown, and unknown is not free
    license_url VARCHAR,
    license_raw VARCHAR,
    published_at VARCHAR,         -- ISO 8601 as precise as the source knows: "1901" is a date too
    taken_at VARCHAR,
    captured_at VARCHAR,
    fetched_at TIMESTAMPTZ,
    http_status INTEGER,
    etag VARCHAR,
    last_modified VARCHAR,
    opt_out JSON NOT NULL,        -- list of {kind, value, where}: the evidence, also when it was not honoured
    outcome VARCHAR NOT NULL,     -- harvest.items.Outcome
    reason VARCHAR,
    sha256 VARCHAR,
    raw JSON,                     -- source values that no column holds
    PRIMARY KEY (run_id, seq)
);

-- One row per distinct bytes that decode.
CREATE TABLE images (
    sha256 VARCHAR PRIMARY KEY,
    path VARCHAR NOT NULL,        -- relative to the workspace
    bytes BIGINT NOT NULL,
    format VARCHAR NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    mode VARCHAR NOT NULL,
    frames INTEGER NOT NULL,
    phash UBIGINT NOT NULL,
    phash_version VARCHAR NOT NULL,
    sharpness DOUBLE NOT NULL,
    entropy DOUBLE NOT NULL,
    brightness DOUBLE NOT NULL,
    digital_source_type VARCHAR,
    data_mining VARCHAR,
    first_seen TIMESTAMPTZ NOT NULL
);

-- One row per finished stage over the whole set; the newest of a (stage, name) is the one in force.
CREATE SEQUENCE stage_run_ids START 1;
CREATE TABLE stage_runs (
    stage_run BIGINT PRIMARY KEY DEFAULT nextval('stage_run_ids'),
    stage VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    recipe_digest VARCHAR NOT NULL,
    input_digest VARCHAR NOT NULL,
    finished_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    detail JSON
);
CREATE VIEW latest_stage_runs AS
    SELECT * FROM stage_runs QUALIFY row_number() OVER (PARTITION BY stage, name ORDER BY stage_run DESC) = 1;

-- `..._rows` keep every generation; the view without the suffix is the newest.
CREATE TABLE duplicate_rows (
    stage_run BIGINT NOT NULL,
    group_id VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    keeper BOOLEAN NOT NULL,
    kind VARCHAR NOT NULL,
    distance INTEGER NOT NULL,    -- bits to the keeper
    threshold INTEGER NOT NULL,
    method VARCHAR NOT NULL
);
CREATE VIEW duplicates AS
    SELECT d.* EXCLUDE (stage_run) FROM duplicate_rows d JOIN latest_stage_runs USING (stage_run);

CREATE TABLE decisions (
    sha256 VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    recipe_digest VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,     -- keep | drop
    reason VARCHAR NOT NULL,
    value DOUBLE,
    threshold DOUBLE,
    decided_by VARCHAR NOT NULL,
    decided_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (sha256, stage, recipe_digest)
);

CREATE TABLE embeddings (
    sha256 VARCHAR NOT NULL,
    model VARCHAR NOT NULL,       -- name@digest of the weights
    vector FLOAT[] NOT NULL,      -- unit length
    PRIMARY KEY (sha256, model)
);

CREATE TABLE derived (
    sha256 VARCHAR NOT NULL,
    size INTEGER NOT NULL,
    mode VARCHAR NOT NULL,
    path VARCHAR NOT NULL,        -- relative to the workspace
    bytes BIGINT NOT NULL,
    derived_sha256 VARCHAR NOT NULL,
    recipe_digest VARCHAR NOT NULL,
    PRIMARY KEY (sha256, size, recipe_digest)
);

CREATE TABLE layout_rows (
    stage_run BIGINT NOT NULL,
    layout VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    x DOUBLE NOT NULL,
    y DOUBLE NOT NULL,
    "row" INTEGER NOT NULL,
    col INTEGER NOT NULL
);
CREATE VIEW layouts AS
    SELECT l.* EXCLUDE (stage_run) FROM layout_rows l JOIN latest_stage_runs USING (stage_run);

CREATE TABLE export_rows (
    stage_run BIGINT NOT NULL,
    export VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    path VARCHAR NOT NULL,        -- relative to the export's folder
    derived_sha256 VARCHAR NOT NULL,
    license VARCHAR,
    credit VARCHAR NOT NULL
);
CREATE VIEW exports AS
    SELECT e.* EXCLUDE (stage_run) FROM export_rows e JOIN latest_stage_runs USING (stage_run);

CREATE TABLE takedowns (
    sha256 VARCHAR NOT NULL,
    requested_at TIMESTAMPTZ NOT NULL,
    reason VARCHAR NOT NULL,
    requested_by VARCHAR NOT NULL
);

-- The sighting that answers for an image: licence known first, then creator, title and page, then the same one every time.
CREATE VIEW provenance AS
    SELECT * FROM sightings WHERE sha256 IS NOT NULL AND outcome IN ('stored', 'known', 'unchanged')
    QUALIFY row_number() OVER (
        PARTITION BY sha256
        ORDER BY license IS NULL, creator IS NULL, title IS NULL, page_url IS NULL,
                 source, source_id, image_url, captured_at NULLS LAST, run_id, seq
    ) = 1;
