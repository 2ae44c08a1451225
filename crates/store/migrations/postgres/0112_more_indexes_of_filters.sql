-- Indexes behind the name of the device group, which lists are filtered by, and behind status and severity together.

CREATE INDEX machines_group_name ON machines (tenant, rbac_group_name NULLS FIRST, id) WHERE rbac_group_name IS NOT NULL;
CREATE INDEX alerts_group_name ON alerts (tenant, rbac_group_name NULLS FIRST, alert_creation_time, id)
    WHERE rbac_group_name IS NOT NULL;
CREATE INDEX alerts_status_severity ON alerts (tenant, status, severity, alert_creation_time, id);
