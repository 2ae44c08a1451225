-- Sign-in of users, and what apps need for it. What anybody could use as it is, a code or a token, is kept as a hash.

-- How an app signs users in; an app without a row signs in nobody.
CREATE TABLE app_sign_in (
    tenant TEXT NOT NULL,
    app TEXT NOT NULL,
    -- The delegated permissions it asks for: JSON.
    delegated TEXT NOT NULL,
    -- It cannot keep a secret.
    is_public BOOLEAN NOT NULL,
    takes_passwords BOOLEAN NOT NULL,
    is_multi_tenant BOOLEAN NOT NULL,
    users_consent BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, app),
    FOREIGN KEY (tenant, app) REFERENCES apps (tenant, id)
);

CREATE TABLE app_redirects (
    tenant TEXT NOT NULL,
    app TEXT NOT NULL,
    uri TEXT NOT NULL,
    PRIMARY KEY (tenant, app, uri),
    FOREIGN KEY (tenant, app) REFERENCES apps (tenant, id)
);

CREATE TABLE app_certificates (
    tenant TEXT NOT NULL,
    app TEXT NOT NULL,
    -- Hexadecimal digits in lower case.
    sha256 TEXT NOT NULL,
    sha1 TEXT NOT NULL,
    der BLOB NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, app, sha256),
    FOREIGN KEY (tenant, app) REFERENCES apps (tenant, id)
);

-- An app of another tenant that an administrator let in, with the application permissions consented to.
CREATE TABLE partner_apps (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    app TEXT NOT NULL,
    home TEXT NOT NULL REFERENCES tenants (id),
    permissions TEXT NOT NULL,
    granted_by TEXT NOT NULL,
    granted BIGINT NOT NULL,
    PRIMARY KEY (tenant, app)
);

-- What an app may do for a user who signed in; user '' is every user.
CREATE TABLE delegated_grants (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    app TEXT NOT NULL,
    user_id TEXT NOT NULL,
    permissions TEXT NOT NULL,
    granted_by TEXT NOT NULL,
    granted BIGINT NOT NULL,
    PRIMARY KEY (tenant, app, user_id)
);

-- A user signed in: in a browser, known by its cookie, or in an app that holds tokens.
CREATE TABLE sign_ins (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    -- Null for browsers.
    app TEXT,
    -- What the tokens of an app are for.
    resource TEXT NOT NULL,
    scope TEXT NOT NULL,
    -- How the user proved who they are, words with blanks between.
    methods TEXT NOT NULL,
    authenticated BIGINT NOT NULL,
    created BIGINT NOT NULL,
    last_used BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    ended BIGINT,
    cookie_hash BLOB UNIQUE,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);

CREATE INDEX sign_ins_user ON sign_ins (tenant, user_id, created);
CREATE INDEX sign_ins_ended ON sign_ins (ended) WHERE ended IS NOT NULL;
CREATE INDEX sign_ins_expires ON sign_ins (expires);

CREATE TABLE refresh_tokens (
    hash BLOB NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    sign_in TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT,
    FOREIGN KEY (tenant, sign_in) REFERENCES sign_ins (tenant, id) ON DELETE CASCADE
);

CREATE INDEX refresh_tokens_sign_in ON refresh_tokens (tenant, sign_in);
CREATE INDEX refresh_tokens_expires ON refresh_tokens (expires);

CREATE TABLE authorization_codes (
    hash BLOB NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    app TEXT NOT NULL,
    user_id TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    challenge TEXT,
    resource TEXT NOT NULL,
    scope TEXT NOT NULL,
    nonce TEXT,
    methods TEXT NOT NULL,
    authenticated BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT,
    -- The sign-in that it was exchanged for.
    sign_in TEXT,
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);

CREATE INDEX authorization_codes_expires ON authorization_codes (expires);

CREATE TABLE device_codes (
    hash BLOB NOT NULL PRIMARY KEY,
    user_code TEXT NOT NULL UNIQUE,
    -- The tenant that was asked; null where any would do.
    asked TEXT,
    app TEXT NOT NULL,
    resource TEXT NOT NULL,
    scope TEXT NOT NULL,
    expires BIGINT NOT NULL,
    last_poll BIGINT NOT NULL,
    -- 0 pending, 1 approved, 2 denied, 3 exchanged.
    state BIGINT NOT NULL,
    tenant TEXT,
    user_id TEXT,
    methods TEXT NOT NULL,
    authenticated BIGINT NOT NULL
);

CREATE INDEX device_codes_expires ON device_codes (expires);

-- Ids of assertions that were taken, for as long as they could be sent again.
CREATE TABLE used_assertions (
    hash BLOB NOT NULL PRIMARY KEY,
    expires BIGINT NOT NULL
);

CREATE INDEX used_assertions_expires ON used_assertions (expires);

-- Second factors: what proves them is sealed by its owner.
CREATE TABLE user_factors (
    tenant TEXT NOT NULL,
    user_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created BIGINT NOT NULL,
    -- The last step of time whose code was taken.
    last_step BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_id, kind),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);

-- Users of outside providers, by the subject that their provider calls them.
CREATE TABLE federated_users (
    tenant TEXT NOT NULL,
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL,
    -- The groups that the provider said at the last sign-in: JSON.
    groups TEXT NOT NULL,
    last_seen BIGINT NOT NULL,
    PRIMARY KEY (tenant, provider, subject),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);
