-- Words that people gave images by hand. The newest row of a (sha256, label) is in force.
CREATE SEQUENCE given_label_ids START 1;
CREATE TABLE given_label_rows (
    given BIGINT NOT NULL DEFAULT nextval('given_label_ids'),
    sha256 VARCHAR NOT NULL,
    label VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,     -- add | remove
    decided_by VARCHAR NOT NULL,
    decided_at TIMESTAMPTZ NOT NULL,
    seal BIGINT
);
CREATE VIEW given_labels AS
    SELECT sha256, label, decided_by, decided_at FROM given_label_rows
    QUALIFY row_number() OVER (PARTITION BY sha256, label ORDER BY given DESC) = 1 AND verdict = 'add';
