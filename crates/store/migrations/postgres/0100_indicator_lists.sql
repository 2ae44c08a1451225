-- Lists of indicators that devices such as firewalls fetch by a token of the list alone.

CREATE TABLE indicator_lists (
    token_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    -- A filter of OData.
    filter TEXT COLLATE "C" NOT NULL,
    -- Whose indicators it has; empty for all of the tenant.
    owner TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    UNIQUE (tenant, id)
);
