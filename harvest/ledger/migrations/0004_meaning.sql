-- What models and detectors say of images, and the words that go with them into training.

-- The words that describe an image best among those of a vocabulary, by one model. Another model, or another
-- vocabulary, is another set of rows. A row a (sha256, model, vocabulary, rank), which who writes sees to: an index
-- over three million such keys is four times the size of the rows, and each batch takes longer than the one before.
CREATE TABLE labels (
    sha256 VARCHAR NOT NULL,
    model VARCHAR NOT NULL,       -- name@digest, as in embeddings
    vocabulary VARCHAR NOT NULL,  -- digest of the words, their tree, and how they were asked
    rank INTEGER NOT NULL,        -- 1 is the best
    label VARCHAR NOT NULL,
    path VARCHAR NOT NULL,        -- from the root of the tree, 'animal / fish / pike'; the label alone in a list
    score DOUBLE NOT NULL,        -- share in [0, 1] among all leaves of the vocabulary
    seal BIGINT
);

-- A number that a detector measured in an image.
CREATE TABLE scores (
    sha256 VARCHAR NOT NULL,
    scorer VARCHAR NOT NULL,      -- name and version of what measured, weights and settings included
    value DOUBLE,                 -- NULL where the image does not decode
    detail JSON,                  -- what else it saw: boxes, classes
    seal BIGINT,
    PRIMARY KEY (sha256, scorer)
);

-- What an image is called in training. Every generation stays; `captions` shows the newest of each recipe.
CREATE TABLE caption_rows (
    stage_run BIGINT NOT NULL,
    name VARCHAR NOT NULL,        -- of the recipe
    sha256 VARCHAR NOT NULL,
    caption VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,      -- where its words are from: template:<template>, or file:<name> where somebody wrote it
    seal BIGINT
);
CREATE VIEW captions AS
    SELECT c.name, c.sha256, c.caption, c.origin FROM caption_rows c JOIN latest_stage_runs USING (stage_run);
