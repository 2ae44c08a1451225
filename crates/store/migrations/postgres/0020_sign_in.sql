-- Sign-in of users, and what apps need for it. What anybody could use as it is, a code or a token, is kept as a hash.

-- How an app signs users in; an app without a row signs in nobody.
CREATE TABLE app_sign_in (
    tenant TEXT COLLATE "C" NOT NULL,
    app TEXT COLLATE "C" NOT NULL,
    -- The delegated permissions it asks for: JSON.
    delegated TEXT COLLATE "C" NOT NULL,
    -- It cannot keep a secret.
    is_public BOOLEAN NOT NULL,
    takes_passwords BOOLEAN NOT NULL,
    is_multi_tenant BOOLEAN NOT NULL,
    users_consent BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, app),
    FOREIGN KEY (tenant, app) REFERENCES apps (tenant, id)
);

CREATE TABLE app_redirects (
    tenant TEXT COLLATE "C" NOT NULL,
    app TEXT COLLATE "C" NOT NULL,
    uri TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, app, uri),
    FOREIGN KEY (tenant, app) REFERENCES apps (tenant, id)
);

CREATE TABLE app_certificates (
    tenant TEXT COLLATE "C" NOT NULL,
    app TEXT COLLATE "C" NOT NULL,
    -- Hexadecimal digits in lower case.
    sha256 TEXT COLLATE "C" NOT NULL,
    sha1 TEXT COLLATE "C" NOT NULL,
    der BYTEA NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, app, sha256),
    FOREIGN KEY (tenant, app) REFERENCES apps (tenant, id)
);

-- An app of another tenant that an administrator let in, with the application permissions consented to.
CREATE TABLE partner_apps (
    tenant TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    app TEXT COLLATE "C" NOT NULL,
    home TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    permissions TEXT COLLATE "C" NOT NULL,
    granted_by TEXT COLLATE "C" NOT NULL,
    granted BIGINT NOT NULL,
    PRIMARY KEY (tenant, app)
);

-- What an app may do for a user who signed in; user '' is every user.
CREATE TABLE delegated_grants (
    tenant TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    app TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    permissions TEXT COLLATE "C" NOT NULL,
    granted_by TEXT COLLATE "C" NOT NULL,
    granted BIGINT NOT NULL,
    PRIMARY KEY (tenant, app, user_id)
);

-- A user signed in: in a browser, known by its cookie, or in an app that holds tokens.
CREATE TABLE sign_ins (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    -- Null for browsers.
    app TEXT COLLATE "C",
    -- What the tokens of an app are for.
    resource TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    -- How the user proved who they are, words with blanks between.
    methods TEXT COLLATE "C" NOT NULL,
    authenticated BIGINT NOT NULL,
    created BIGINT NOT NULL,
    last_used BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    ended BIGINT,
    cookie_hash BYTEA UNIQUE,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);

CREATE INDEX sign_ins_user ON sign_ins (tenant, user_id, created);
CREATE INDEX sign_ins_ended ON sign_ins (ended NULLS FIRST) WHERE ended IS NOT NULL;
CREATE INDEX sign_ins_expires ON sign_ins (expires);

CREATE TABLE refresh_tokens (
    hash BYTEA NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    sign_in TEXT COLLATE "C" NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT,
    FOREIGN KEY (tenant, sign_in) REFERENCES sign_ins (tenant, id) ON DELETE CASCADE
);

CREATE INDEX refresh_tokens_sign_in ON refresh_tokens (tenant, sign_in);
CREATE INDEX refresh_tokens_expires ON refresh_tokens (expires);

CREATE TABLE authorization_codes (
    hash BYTEA NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,
    app TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    redirect_uri TEXT COLLATE "C" NOT NULL,
    challenge TEXT COLLATE "C",
    resource TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    nonce TEXT COLLATE "C",
    methods TEXT COLLATE "C" NOT NULL,
    authenticated BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT,
    -- The sign-in that it was exchanged for.
    sign_in TEXT COLLATE "C",
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);

CREATE INDEX authorization_codes_expires ON authorization_codes (expires);

CREATE TABLE device_codes (
    hash BYTEA NOT NULL PRIMARY KEY,
    user_code TEXT COLLATE "C" NOT NULL UNIQUE,
    -- The tenant that was asked; null where any would do.
    asked TEXT COLLATE "C",
    app TEXT COLLATE "C" NOT NULL,
    resource TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    expires BIGINT NOT NULL,
    last_poll BIGINT NOT NULL,
    -- 0 pending, 1 approved, 2 denied, 3 exchanged.
    state BIGINT NOT NULL,
    tenant TEXT COLLATE "C",
    user_id TEXT COLLATE "C",
    methods TEXT COLLATE "C" NOT NULL,
    authenticated BIGINT NOT NULL
);

CREATE INDEX device_codes_expires ON device_codes (expires);

-- Ids of assertions that were taken, for as long as they could be sent again.
CREATE TABLE used_assertions (
    hash BYTEA NOT NULL PRIMARY KEY,
    expires BIGINT NOT NULL
);

CREATE INDEX used_assertions_expires ON used_assertions (expires);

-- Second factors: what proves them is sealed by its owner.
CREATE TABLE user_factors (
    tenant TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    created BIGINT NOT NULL,
    -- The last step of time whose code was taken.
    last_step BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_id, kind),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);

-- Users of outside providers, by the subject that their provider calls them.
CREATE TABLE federated_users (
    tenant TEXT COLLATE "C" NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    -- The groups that the provider said at the last sign-in: JSON.
    groups TEXT COLLATE "C" NOT NULL,
    last_seen BIGINT NOT NULL,
    PRIMARY KEY (tenant, provider, subject),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);
