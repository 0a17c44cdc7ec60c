-- What a sized copy is of, and how large it came out.
ALTER TABLE derived_rows ADD COLUMN frame INTEGER;   -- 0, 1, 2... where the image has several frames or pages, else NULL
ALTER TABLE derived_rows ADD COLUMN width INTEGER;   -- pixels; NULL in rows of earlier versions, which did not note them
ALTER TABLE derived_rows ADD COLUMN height INTEGER;
ALTER TABLE derived_rows ADD COLUMN place DOUBLE;    -- of a crop, along the longer side: 0 left or top, .5 centre, 1 right or bottom
CREATE OR REPLACE VIEW derived AS
    SELECT sha256, size, mode, path, bytes, derived_sha256, recipe_digest, frame, width, height, place FROM derived_rows
    ANTI JOIN (SELECT sha256, size, recipe_digest, making - 1 AS making FROM derived_rows WHERE making > 1)
        USING (sha256, size, recipe_digest, making);
