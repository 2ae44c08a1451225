-- The life of the lake's files: merged, removed from the list, deleted.

-- CRC-32 of each piece of 64 KiB, four bytes each, the lowest first.
ALTER TABLE lake_files ADD COLUMN checksums BYTEA NOT NULL DEFAULT '';
-- Null for files without an index of terms.
ALTER TABLE lake_files ADD COLUMN index_bytes BIGINT;
ALTER TABLE lake_files ADD COLUMN level BIGINT NOT NULL DEFAULT 0;
-- In ticks. Files that were there before count as there since ever.
ALTER TABLE lake_files ADD COLUMN added BIGINT NOT NULL DEFAULT 0;
ALTER TABLE lake_files ADD COLUMN removed BIGINT;

-- How long rows are kept; a rule for table '' is for every table without one of its own.
CREATE TABLE lake_retention (
    tenant TEXT COLLATE "C" NOT NULL,
    table_name TEXT COLLATE "C" NOT NULL,
    days BIGINT NOT NULL,
    PRIMARY KEY (tenant, table_name)
);

-- What is kept whatever retention says; table '' is every table.
CREATE TABLE lake_holds (
    tenant TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    table_name TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);
