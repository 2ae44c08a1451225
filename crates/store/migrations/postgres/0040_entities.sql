-- The log of changes, alerts by their evidence, incidents, indicators, and what people set of machines.

-- Every change of an entity, in the order of the tenant's counter.
CREATE TABLE changes (
    tenant TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    change TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, sequence)
);

CREATE INDEX changes_kind ON changes (tenant, kind, sequence);

INSERT INTO changes SELECT tenant, updated_sequence, 'machine', id, 'created' FROM machines;
INSERT INTO changes SELECT tenant, updated_sequence, 'alert', id, 'created' FROM alerts;

-- Who changed what of an entity; `change` is JSON.
CREATE TABLE entity_history (
    tenant TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    author TEXT COLLATE "C" NOT NULL,
    change TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, kind, id, sequence)
);

-- What people set of a machine, which events do not say: JSON.
CREATE TABLE machine_settings (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    settings TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Elements of collections of objects: a column for each member that `$filter` may name.

CREATE TABLE machine_addresses (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL,
    ip_address TEXT COLLATE "C",
    mac_address TEXT COLLATE "C",
    type TEXT COLLATE "C",
    operational_status TEXT COLLATE "C",
    PRIMARY KEY (tenant, id, place),
    FOREIGN KEY (tenant, id) REFERENCES machines (tenant, id) ON DELETE CASCADE
);

CREATE INDEX machine_addresses_ip ON machine_addresses (tenant, ip_address NULLS FIRST, id);

CREATE TABLE alert_comments (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL,
    comment TEXT COLLATE "C",
    created_by TEXT COLLATE "C",
    created_time BIGINT,
    PRIMARY KEY (tenant, id, place),
    FOREIGN KEY (tenant, id) REFERENCES alerts (tenant, id) ON DELETE CASCADE
);

CREATE TABLE alert_evidence (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL,
    entity_type TEXT COLLATE "C",
    evidence_creation_time BIGINT,
    sha1 TEXT COLLATE "C",
    sha256 TEXT COLLATE "C",
    file_name TEXT COLLATE "C",
    file_path TEXT COLLATE "C",
    process_id BIGINT,
    process_command_line TEXT COLLATE "C",
    process_creation_time BIGINT,
    parent_process_id BIGINT,
    parent_process_creation_time BIGINT,
    parent_process_file_name TEXT COLLATE "C",
    parent_process_file_path TEXT COLLATE "C",
    ip_address TEXT COLLATE "C",
    url TEXT COLLATE "C",
    registry_key TEXT COLLATE "C",
    registry_hive TEXT COLLATE "C",
    registry_value_type TEXT COLLATE "C",
    registry_value TEXT COLLATE "C",
    account_name TEXT COLLATE "C",
    domain_name TEXT COLLATE "C",
    user_sid TEXT COLLATE "C",
    aad_user_id TEXT COLLATE "C",
    user_principal_name TEXT COLLATE "C",
    detection_status TEXT COLLATE "C",
    -- The labels of the URL's host, the last one first, each with a dot behind it.
    host_labels TEXT COLLATE "C",
    PRIMARY KEY (tenant, id, place),
    FOREIGN KEY (tenant, id) REFERENCES alerts (tenant, id) ON DELETE CASCADE
);

CREATE INDEX alert_evidence_host ON alert_evidence (tenant, host_labels NULLS FIRST, id)
    WHERE host_labels IS NOT NULL;
-- What is looked up as a whole and comes from events, so may be of any length: a tree has room for 2,700 bytes.
CREATE INDEX alert_evidence_sha1 ON alert_evidence USING hash (sha1);
CREATE INDEX alert_evidence_sha256 ON alert_evidence USING hash (sha256);
CREATE INDEX alert_evidence_ip ON alert_evidence USING hash (ip_address);
CREATE INDEX alert_evidence_account ON alert_evidence USING hash (account_name);

CREATE INDEX alerts_incident ON alerts (tenant, incident_id NULLS FIRST, id);
CREATE INDEX alerts_machine_events ON alerts (tenant, machine_id, last_event_time NULLS FIRST);

CREATE TABLE incidents (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    updated_sequence BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    incident_id BIGINT NOT NULL,
    redirect_incident_id BIGINT,
    incident_name TEXT COLLATE "C" NOT NULL,
    created_time BIGINT NOT NULL,
    last_update_time BIGINT NOT NULL,
    assigned_to TEXT COLLATE "C",
    classification TEXT COLLATE "C" NOT NULL,
    determination TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    severity TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX incidents_created ON incidents (tenant, created_time, incident_id);
CREATE INDEX incidents_last_update ON incidents (tenant, last_update_time, incident_id);
CREATE INDEX incidents_status ON incidents (tenant, status, created_time, incident_id);

CREATE TABLE incident_strings (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    property TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id, property, value),
    FOREIGN KEY (tenant, id) REFERENCES incidents (tenant, id) ON DELETE CASCADE
);

CREATE TABLE incident_comments (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    place BIGINT NOT NULL,
    comment TEXT COLLATE "C",
    created_by TEXT COLLATE "C",
    created_time BIGINT,
    PRIMARY KEY (tenant, id, place),
    FOREIGN KEY (tenant, id) REFERENCES incidents (tenant, id) ON DELETE CASCADE
);

CREATE TABLE indicators (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    updated_sequence BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    -- Kind and value, by which an indicator is found again.
    value_key TEXT COLLATE "C" NOT NULL,
    indicator_value TEXT COLLATE "C" NOT NULL,
    indicator_type TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    application TEXT COLLATE "C",
    source TEXT COLLATE "C" NOT NULL,
    source_type TEXT COLLATE "C" NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    created_by_display_name TEXT COLLATE "C",
    created_by_source TEXT COLLATE "C",
    last_updated_by TEXT COLLATE "C",
    creation_time BIGINT NOT NULL,
    expiration_time BIGINT,
    last_update_time BIGINT NOT NULL,
    severity TEXT COLLATE "C",
    title TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    recommended_actions TEXT COLLATE "C",
    generate_alert BOOLEAN NOT NULL,
    educate_url TEXT COLLATE "C",
    external_id TEXT COLLATE "C",
    PRIMARY KEY (tenant, id)
);

CREATE UNIQUE INDEX indicators_value_key ON indicators (tenant, value_key);
CREATE INDEX indicators_value ON indicators (tenant, indicator_value, id);
CREATE INDEX indicators_type ON indicators (tenant, indicator_type, id);
CREATE INDEX indicators_creator ON indicators (tenant, created_by, id);
CREATE INDEX indicators_created ON indicators (tenant, creation_time, id);
CREATE INDEX indicators_last_update ON indicators (tenant, last_update_time, id);
CREATE INDEX indicators_expiration ON indicators (tenant, expiration_time NULLS FIRST)
    WHERE expiration_time IS NOT NULL;

CREATE TABLE indicator_strings (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    property TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id, property, value),
    FOREIGN KEY (tenant, id) REFERENCES indicators (tenant, id) ON DELETE CASCADE
);
