-- Who reaches what: groups of users, roles, groups of devices, bounds of grants, and the audit log.

ALTER TABLE users ADD COLUMN is_disabled BOOLEAN NOT NULL DEFAULT FALSE;
-- In ticks. Tokens issued before are not taken any more.
ALTER TABLE users ADD COLUMN tokens_from BIGINT NOT NULL DEFAULT 0;

CREATE TABLE user_groups (
    tenant TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, name_folded)
);

CREATE TABLE user_group_members (
    tenant TEXT COLLATE "C" NOT NULL,
    user_group TEXT COLLATE "C" NOT NULL,
    member TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, user_group, member),
    FOREIGN KEY (tenant, user_group) REFERENCES user_groups (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, member) REFERENCES users (tenant, id) ON DELETE CASCADE
);

CREATE INDEX user_group_members_member ON user_group_members (tenant, member);

CREATE TABLE roles (
    tenant TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    permissions TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, name_folded)
);

-- A role here can also be one that is built in and has no row.
CREATE TABLE role_assignments (
    tenant TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    user_group TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, role, user_group),
    FOREIGN KEY (tenant, user_group) REFERENCES user_groups (tenant, id) ON DELETE CASCADE
);

CREATE INDEX role_assignments_group ON role_assignments (tenant, user_group);

-- Ids are drawn from a counter and never used again.
CREATE TABLE device_groups (
    tenant TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    rank BIGINT NOT NULL,
    rule TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, name_folded)
);

-- Device group 0, which has no row, is that of devices in no other.
CREATE TABLE device_group_access (
    tenant TEXT COLLATE "C" NOT NULL,
    device_group BIGINT NOT NULL,
    user_group TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, device_group, user_group),
    FOREIGN KEY (tenant, user_group) REFERENCES user_groups (tenant, id) ON DELETE CASCADE
);

-- Raised with every change of the rules; machines are looked at again until `applied` has reached it.
CREATE TABLE device_grouping (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    applied BIGINT NOT NULL
);

CREATE INDEX machines_group ON machines (tenant, rbac_group_id, id);

-- What bounds the grant of an app, as JSON. Outlives the grant, so that a new consent does not widen it.
CREATE TABLE grant_scopes (
    tenant TEXT COLLATE "C" NOT NULL,
    app TEXT COLLATE "C" NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, app)
);

CREATE TABLE audit_log (
    tenant TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    time BIGINT NOT NULL,
    entry TEXT COLLATE "C" NOT NULL,
    previous TEXT COLLATE "C" NOT NULL,
    hash TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, sequence)
);
