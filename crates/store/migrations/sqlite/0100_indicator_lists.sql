-- Lists of indicators that devices such as firewalls fetch by a token of the list alone.

CREATE TABLE indicator_lists (
    token_hash TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- A filter of OData.
    filter TEXT NOT NULL,
    -- Whose indicators it has; empty for all of the tenant.
    owner TEXT NOT NULL,
    created BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    UNIQUE (tenant, id)
);
