-- What training asks of a dataset beyond its images: parts that share nothing, and variants of the images to learn from.

-- Which part of the recipe's split an image is in. Every generation stays; `splits` shows the newest of each recipe.
CREATE TABLE split_rows (
    stage_run BIGINT NOT NULL,
    name VARCHAR NOT NULL,        -- of the recipe
    sha256 VARCHAR NOT NULL,
    split VARCHAR NOT NULL,       -- train | validation | test
    part VARCHAR NOT NULL,        -- what must not be torn: images bound by copies, creators or sources, by the least sha256
    label VARCHAR,                -- the first of those that the split is balanced by; NULL where there is none
    seal BIGINT
);
CREATE VIEW splits AS
    SELECT s.name, s.sha256, s.split, s.part, s.label FROM split_rows s JOIN latest_stage_runs USING (stage_run);

-- A variant of an image, made for training. One that was made again differently is another making; the last is in force.
CREATE TABLE augmented_rows (
    sha256 VARCHAR NOT NULL,      -- of the original that it descends from
    variant INTEGER NOT NULL,     -- 1, 2, 3...
    recipe_digest VARCHAR NOT NULL,
    making INTEGER NOT NULL,      -- 1, 2, 3...
    path VARCHAR NOT NULL,        -- relative to the workspace
    bytes BIGINT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    derived_sha256 VARCHAR NOT NULL,
    source_sha256 VARCHAR NOT NULL, -- of the file whose pixels were altered: the original, or a sized copy of it
    parameters JSON NOT NULL,     -- what was done, in its order, with the numbers that were drawn
    seal BIGINT,
    PRIMARY KEY (sha256, variant, recipe_digest, making)
);
-- Which images of a recipe have how many variants, and why the others have none. Every generation stays.
CREATE TABLE augmented_parents (
    stage_run BIGINT NOT NULL,
    name VARCHAR NOT NULL,        -- of the recipe
    sha256 VARCHAR NOT NULL,
    variants INTEGER NOT NULL,
    reason VARCHAR,               -- why it has none; NULL where it has
    seal BIGINT
);
-- The variants to learn from: none of an image that was taken down, or that is in no training part by now.
CREATE VIEW augmented AS
    SELECT p.name, sha256, a.variant, a.path, a.bytes, a.width, a.height, a.derived_sha256, a.source_sha256,
           a.parameters, recipe_digest
    FROM augmented_parents p JOIN (SELECT stage_run, recipe_digest FROM latest_stage_runs) r USING (stage_run)
    JOIN augmented_rows a USING (sha256, recipe_digest)
    ANTI JOIN (SELECT sha256, variant, recipe_digest, making - 1 AS making FROM augmented_rows WHERE making > 1) later
        USING (sha256, variant, recipe_digest, making)
    ANTI JOIN (SELECT name, sha256 FROM splits WHERE split <> 'train') held USING (name, sha256)
    SEMI JOIN images_here USING (sha256)
    WHERE a.variant <= p.variants;
CREATE VIEW not_augmented AS
    SELECT p.name, p.sha256, p.reason FROM augmented_parents p JOIN latest_stage_runs USING (stage_run)
    WHERE p.variants = 0;

CREATE OR REPLACE VIEW takedown_status AS
    SELECT t.sha256, t.requested_at, t.requested_by, t.reason,
           (SELECT count(*) FROM derived d WHERE d.sha256 = t.sha256) AS sized_copies,
           (SELECT coalesce(list(DISTINCT e.export ORDER BY e.export), []) FROM exports e WHERE e.sha256 = t.sha256)
               AS exports,
           (SELECT count(DISTINCT path) FROM augmented_rows a WHERE a.sha256 = t.sha256) AS variants
    FROM takedowns t;
