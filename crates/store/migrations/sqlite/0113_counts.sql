-- How many entities of a kind a tenant has, kept by the transaction that adds or removes one; and an index in the order of
-- the lists of machines with what they are often filtered by, to pass over others without reading them.

CREATE TABLE entity_counts (
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    rows_count BIGINT NOT NULL,
    PRIMARY KEY (tenant, kind)
) WITHOUT ROWID;

INSERT INTO entity_counts SELECT tenant, 'machines', COUNT(*) FROM machines GROUP BY tenant;
INSERT INTO entity_counts SELECT tenant, 'alerts', COUNT(*) FROM alerts GROUP BY tenant;
INSERT INTO entity_counts SELECT tenant, 'incidents', COUNT(*) FROM incidents GROUP BY tenant;
INSERT INTO entity_counts SELECT tenant, 'indicators', COUNT(*) FROM indicators GROUP BY tenant;

CREATE TRIGGER machines_come AFTER INSERT ON machines BEGIN
    INSERT INTO entity_counts VALUES (NEW.tenant, 'machines', 1)
        ON CONFLICT (tenant, kind) DO UPDATE SET rows_count = rows_count + 1;
END;
CREATE TRIGGER machines_go AFTER DELETE ON machines BEGIN
    UPDATE entity_counts SET rows_count = rows_count - 1 WHERE tenant = OLD.tenant AND kind = 'machines';
END;
CREATE TRIGGER alerts_come AFTER INSERT ON alerts BEGIN
    INSERT INTO entity_counts VALUES (NEW.tenant, 'alerts', 1)
        ON CONFLICT (tenant, kind) DO UPDATE SET rows_count = rows_count + 1;
END;
CREATE TRIGGER alerts_go AFTER DELETE ON alerts BEGIN
    UPDATE entity_counts SET rows_count = rows_count - 1 WHERE tenant = OLD.tenant AND kind = 'alerts';
END;
CREATE TRIGGER incidents_come AFTER INSERT ON incidents BEGIN
    INSERT INTO entity_counts VALUES (NEW.tenant, 'incidents', 1)
        ON CONFLICT (tenant, kind) DO UPDATE SET rows_count = rows_count + 1;
END;
CREATE TRIGGER incidents_go AFTER DELETE ON incidents BEGIN
    UPDATE entity_counts SET rows_count = rows_count - 1 WHERE tenant = OLD.tenant AND kind = 'incidents';
END;
CREATE TRIGGER indicators_come AFTER INSERT ON indicators BEGIN
    INSERT INTO entity_counts VALUES (NEW.tenant, 'indicators', 1)
        ON CONFLICT (tenant, kind) DO UPDATE SET rows_count = rows_count + 1;
END;
CREATE TRIGGER indicators_go AFTER DELETE ON indicators BEGIN
    UPDATE entity_counts SET rows_count = rows_count - 1 WHERE tenant = OLD.tenant AND kind = 'indicators';
END;

CREATE INDEX machines_passed ON machines (tenant, id, last_seen, risk_score, health_status, os_platform, rbac_group_id);
