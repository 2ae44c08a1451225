-- Profiles: what the events of a tenant say of machines, users, files, addresses and domains, each value with
-- what it takes to fold more events in. `state` is for the fold to read; the other columns are for looking up.
-- A rebuild makes a generation of its own beside the one in use.

CREATE TABLE profiles (
    tenant TEXT COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    alias TEXT COLLATE "C",
    state BYTEA NOT NULL,
    PRIMARY KEY (tenant, generation, kind, id)
);

CREATE INDEX profiles_alias ON profiles (tenant, generation, kind, alias NULLS FIRST) WHERE alias IS NOT NULL;

-- The generation in use; 0 where there is no row.
CREATE TABLE profile_generations (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    generation BIGINT NOT NULL
);

-- Machines were kept without the times of their values: they are folded again from the first event on.
DELETE FROM followers WHERE name = 'profiles';
