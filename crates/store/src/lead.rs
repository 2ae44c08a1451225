//! What leads to the rows of a list: the index of its order, or that of one part of its filter.
//!
//! The database would choose by how many rows a value has on the average. The values that matter are not average: few
//! alerts are new, and few machines are at risk. So it is counted, up to a bound, how many rows each part of the filter
//! has; the columns of all other parts are kept away from indexes. PostgreSQL knows how frequent values are and is left
//! to choose.

use odata::{CompareOp, Filter, Kind, Property, TextFn, Value};
use sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement, SqliteQueryBuilder, UnionType};

use crate::StoreError;
use crate::database::{Connection, select};
use crate::entities::Entity;
use crate::error::failed;
use crate::filter::{self, Indexes};

/// As many rows are read and sorted, rather than passing over others in the order of the list.
const SORTED_MAX: i64 = 10_000;
/// Up to here parts that both have more are told apart.
const COUNTED_MAX: i64 = 50_000;
/// Parts of a filter that are looked at.
const PARTS_MAX: usize = 8;

/// Properties whose index does not go on with the order of the list: few rows have a value in common.
const FEW_IN_COMMON: [&str; 1] = ["incidentId"];
/// Ways of one part that are looked at.
const WAYS_MAX: usize = 50;

/// How the rows of a list are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lead {
    /// As the database sees fit.
    Open,
    /// In the order of the list, each looked at.
    Order,
    /// By the part of the filter of that place, in the order of the list.
    Equal(usize),
    /// By the two parts of the filter of those places, in the order of the list.
    Pair(usize, usize),
    /// By the bounds of the property that the list is in the order of, in that order.
    Range(usize),
    /// By the part of the filter of that place, then sorted.
    Sorted(usize),
}

impl Lead {
    /// Whether indexes may lead to the part of that place: to what leads, with the other bounds of the same property, and
    /// to bounds of the property that the list is in the order of.
    fn of_part(self, parts: &[&Filter], at: usize, order: &Property) -> Indexes {
        let is_led = match self {
            Lead::Open => true,
            Lead::Sorted(lead) | Lead::Range(lead) => lead == at || is_same_range(parts[lead], parts[at]),
            Lead::Equal(lead) => lead == at || is_bound_of(parts[at], order),
            Lead::Pair(one, other) => one == at || other == at || is_bound_of(parts[at], order),
            Lead::Order => is_bound_of(parts[at], order),
        };
        if is_led { Indexes::Used } else { Indexes::Passed }
    }

    /// Whether an index may give the order.
    pub fn of_order(self) -> Indexes {
        match self {
            Lead::Sorted(_) => Indexes::Passed,
            Lead::Open | Lead::Order | Lead::Equal(_) | Lead::Pair(..) | Lead::Range(_) => Indexes::Used,
        }
    }
}

/// The parts of a filter that all have to hold.
pub(crate) fn parts(filter: &Filter) -> Vec<&Filter> {
    match filter {
        Filter::And(inner) => inner.iter().flat_map(parts).collect(),
        other => vec![other],
    }
}

/// Whether the index of the default order tells whether a row passes.
pub(crate) fn are_passed(entity: &'static Entity, parts: &[&Filter]) -> bool {
    !parts.is_empty() && parts.iter().all(|part| is_passed(entity, part))
}

fn is_passed(entity: &'static Entity, part: &Filter) -> bool {
    match part {
        Filter::And(inner) | Filter::Or(inner) => inner.iter().all(|part| is_passed(entity, part)),
        Filter::Not(inner) => is_passed(entity, inner),
        Filter::Compare { property, .. } | Filter::In { property, .. } | Filter::Text { property, .. } => {
            entity.passed.contains(&property.name)
        }
        Filter::Any { .. } => false,
    }
}

/// The condition of all parts, of a list in the order of a property.
pub(crate) fn conditions(
    entity: &'static Entity,
    tenant: &str,
    parts: &[&Filter],
    by: (Lead, &Property),
) -> Result<Expr, StoreError> {
    let each = (0..parts.len()).map(|at| condition(entity, tenant, (parts, at), by));
    Ok(filter::all(each.collect::<Result<_, _>>()?))
}

/// The condition of the part of that place.
fn condition(
    entity: &'static Entity,
    tenant: &str,
    (parts, at): (&[&Filter], usize),
    (lead, order): (Lead, &Property),
) -> Result<Expr, StoreError> {
    match texts_of(parts[at]) {
        Some((property, value)) if lead == Lead::Sorted(at) => {
            Ok(filter::has_text(entity, tenant, property, value))
        }
        None if lead == Lead::Sorted(at) => match parts[at] {
            Filter::Or(ways) => {
                let Compound { sql, values } = each_way(entity, tenant, ways)?;
                Ok(Expr::cust_with_values(format!("\"{}\".\"id\" IN ({sql})", entity.table), values))
            }
            part => filter::condition(entity, part, Indexes::Used),
        },
        _ => filter::condition(entity, parts[at], lead.of_part(parts, at, order)),
    }
}

/// A compound statement as SQLite reads it, with `$1`, `$2`... in the places of its values: it takes no brackets around
/// the parts, which other databases want.
struct Compound {
    sql: String,
    values: Vec<sea_query::Value>,
}

/// The ids of the rows of a tenant that pass one of several filters, each found by an index of its own, and a row as often
/// as it passes.
fn each_way(entity: &'static Entity, tenant: &str, ways: &[Filter]) -> Result<Compound, StoreError> {
    let rows = |way: &Filter| -> Result<SelectStatement, StoreError> {
        let mut rows = Query::select();
        rows.column((entity.table, "id"))
            .from(entity.table)
            .and_where(Expr::col((entity.table, "tenant")).eq(tenant))
            .and_where(filter::condition(entity, way, Indexes::Used)?);
        Ok(rows)
    };
    let Some((first, others)) = ways.split_first() else {
        return Err(StoreError::invalid("filter", "'or' stands between conditions"));
    };
    let mut all = rows(first)?;
    for way in others {
        all.union(UnionType::All, rows(way)?);
    }
    let (text, values) = all.build(SqliteQueryBuilder);
    // No name or constant in it has a question mark.
    let mut parts = text.split('?');
    let mut sql = parts.next().unwrap_or_default().to_owned();
    for (at, part) in parts.enumerate() {
        sql += &format!("${}{part}", at + 1);
    }
    Ok(Compound { sql, values: values.0 })
}

/// What leads to the rows of a list with that filter, in the order of a property. `is_default_order` when the order is one
/// that indexes have behind their first column.
pub(crate) async fn choose(
    connection: &mut Connection,
    entity: &'static Entity,
    tenant: &str,
    parts: &[&Filter],
    (order, is_default_order): (&Property, bool),
) -> Result<Lead, StoreError> {
    if connection.plans_by_values() {
        return Ok(Lead::Open);
    }
    let most = (SORTED_MAX, COUNTED_MAX);
    choose_within(connection, entity, tenant, parts, (order, is_default_order, most)).await
}

async fn choose_within(
    connection: &mut Connection,
    entity: &'static Entity,
    tenant: &str,
    parts: &[&Filter],
    (order, is_default_order, (sorted_max, counted_max)): (&Property, bool, (i64, i64)),
) -> Result<Lead, StoreError> {
    let mut candidates = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        // The bounds of a range are one candidate: the first stands for all.
        let is_counted = parts[..at].iter().any(|before| is_same_range(before, part));
        if candidates.len() < PARTS_MAX && !is_counted && is_indexed(entity, part) {
            let range = parts[at + 1..].iter().filter(|other| is_same_range(part, other)).copied();
            candidates.push((at, probe(entity, tenant, part, range)?));
        }
    }
    if candidates.is_empty() {
        return Ok(Lead::Open);
    }
    let mut common = Vec::new();
    let mut rarest = (sorted_max, 0);
    for (at, rows) in &candidates {
        let count = count(connection, rows, rarest.0 + 1).await?;
        if count <= rarest.0 {
            rarest = (count, *at + 1);
        }
        if is_equality(parts[*at]) {
            common.push((*at, rows));
        }
    }
    let pair = if is_default_order { pair(entity, parts) } else { None };
    if let (_, 1..) = rarest {
        let at = rarest.1 - 1;
        return Ok(match pair {
            Some((one, other)) if one == at || other == at => Lead::Pair(one, other),
            // As many rows are passed over at most as would be sorted, and mostly fewer.
            _ if is_default_order && is_ordered(parts[at]) => Lead::Equal(at),
            _ if is_bound_of(parts[at], order) => Lead::Range(at),
            _ => Lead::Sorted(at),
        });
    }
    if !is_default_order {
        return Ok(Lead::Order);
    }
    if let Some((one, other)) = pair {
        return Ok(Lead::Pair(one, other));
    }
    let mut best = None;
    for (at, rows) in &common {
        let count = if common.len() == 1 { 0 } else { count(connection, rows, counted_max).await? };
        if best.is_none_or(|(least, _)| count < least) {
            best = Some((count, *at));
        }
    }
    Ok(best.map_or(Lead::Order, |(_, at)| Lead::Equal(at)))
}

/// Whether an index begins with what the part is about.
fn is_indexed(entity: &'static Entity, part: &Filter) -> bool {
    let property = match part {
        Filter::Compare { value: Value::Null, .. } => return false,
        // The other members of an enum that is always there.
        Filter::Compare { op: CompareOp::Ne, property, .. } => {
            let is_required = entity.field(property.name).is_some_and(|field| field.is_required);
            return property.kind == Kind::Enum && is_required && entity.indexed.contains(&property.name);
        }
        Filter::Compare { property, .. } | Filter::In { property, .. } => property,
        Filter::Text { function: TextFn::StartsWith, property, .. } if property.kind == Kind::String => {
            property
        }
        // Each way is found by an index of its own.
        Filter::Or(ways) => {
            return ways.len() <= WAYS_MAX && ways.iter().all(|way| is_value(way) && is_indexed(entity, way));
        }
        part => return texts_of(part).is_some(),
    };
    entity.indexed.contains(&property.name)
}

/// Whether a part asks for values of a property.
fn is_value(part: &Filter) -> bool {
    matches!(part, Filter::Compare { op: CompareOp::Eq, .. } | Filter::In { .. })
}

/// The property that a part bounds from one side.
fn bounded(part: &Filter) -> Option<&'static str> {
    match part {
        Filter::Compare { op: CompareOp::Eq | CompareOp::Ne, .. }
        | Filter::Compare { value: Value::Null, .. } => None,
        Filter::Compare { property, .. } => Some(property.name),
        _ => None,
    }
}

fn is_bound_of(part: &Filter, property: &Property) -> bool {
    bounded(part) == Some(property.name)
}

/// Whether two parts bound the same property.
fn is_same_range(one: &Filter, other: &Filter) -> bool {
    bounded(one).is_some() && bounded(one) == bounded(other)
}

/// Whether the index of the part goes on with the order of the list.
fn is_ordered(part: &Filter) -> bool {
    match part {
        Filter::Compare { op: CompareOp::Eq, property, .. } => {
            property.kind != Kind::DateTime && !FEW_IN_COMMON.contains(&property.name)
        }
        _ => false,
    }
}

/// Two parts that one index leads to together.
fn pair(entity: &'static Entity, parts: &[&Filter]) -> Option<(usize, usize)> {
    let place = |name: &str| {
        let is_of = |part: &&Filter| matches!(part, Filter::Compare { op: CompareOp::Eq, property, value } if property.name == name && *value != Value::Null);
        parts.iter().position(is_of)
    };
    entity.pairs.iter().find_map(|(one, other)| Some((place(one)?, place(other)?)))
}

fn is_equality(part: &Filter) -> bool {
    matches!(part, Filter::Compare { op: CompareOp::Eq, .. })
}

/// The property and the text of `tags/any(t: t eq 'x')`.
fn texts_of(part: &Filter) -> Option<(&'static str, &str)> {
    let Filter::Any { property, test: Some(test) } = part else { return None };
    match &**test {
        Filter::Compare { op: CompareOp::Eq, value: Value::String(value), .. }
            if property.kind == Kind::Strings =>
        {
            Some((property.name, value))
        }
        _ => None,
    }
}

/// Rows that are counted before it is decided what leads.
enum Probe {
    Rows(Box<SelectStatement>),
    Ways(Compound),
}

/// The rows of a tenant that one part is about, with the other bounds of its range.
fn probe<'f>(
    entity: &'static Entity,
    tenant: &str,
    part: &Filter,
    range: impl Iterator<Item = &'f Filter>,
) -> Result<Probe, StoreError> {
    if let Some((property, value)) = texts_of(part) {
        return Ok(Probe::Rows(Box::new(filter::elements_with(entity, tenant, property, value))));
    }
    if let Filter::Or(ways) = part {
        return each_way(entity, tenant, ways).map(Probe::Ways);
    }
    let mut rows = Query::select();
    rows.expr(Expr::cust("1"))
        .from(entity.table)
        .and_where(Expr::col((entity.table, "tenant")).eq(tenant))
        .and_where(filter::condition(entity, part, Indexes::Used)?);
    for bound in range {
        rows.and_where(filter::condition(entity, bound, Indexes::Used)?);
    }
    Ok(Probe::Rows(Box::new(rows)))
}

/// How many rows there are, up to a bound.
async fn count(connection: &mut Connection, probe: &Probe, most: i64) -> Result<i64, StoreError> {
    let mut counting = Query::select();
    match probe {
        Probe::Rows(rows) => {
            let mut some = rows.as_ref().clone();
            some.limit(most.unsigned_abs());
            counting.expr(Expr::cust("COUNT(*)")).from_subquery(some, Alias::new("some"));
        }
        Probe::Ways(Compound { sql, values }) => {
            let some = format!("(SELECT COUNT(*) FROM ({sql} LIMIT {most}))");
            counting.expr(Expr::cust_with_values(some, values.clone()));
        }
    }
    let doing = "count what leads to a list";
    let row = select(&counting).fetch_one(connection).await.map_err(failed(doing))?;
    row.try_get(0).map_err(failed(doing))
}

#[cfg(test)]
mod tests {
    use model::machine::{HealthStatus, Machine};
    use model::{DeviceId, TenantId, Ticks};
    use odata::{EntityType, Limits};
    use sea_query::Order;
    use sqlx::{AssertSqlSafe, SqlSafeStr};

    use super::*;
    use crate::entities::{ALERT, INCIDENT, INDICATOR, MACHINE};
    use crate::{ALERT_TYPE, INCIDENT_TYPE, INDICATOR_TYPE, MACHINE_TYPE, Store};

    fn equal(property: &'static Property) -> Filter {
        let value = match property.kind {
            Kind::Int64 => Value::Int(1),
            Kind::DateTime => Value::DateTime(1),
            Kind::Enum => Value::String(property.values[0].to_owned()),
            _ => Value::String("x".to_owned()),
        };
        Filter::Compare { property, op: CompareOp::Eq, value }
    }

    /// What equals can be asked of has an index that goes on with the order of the list, but for times, that are asked
    /// for by ranges, and for what few rows have in common.
    #[tokio::test]
    async fn what_leads_has_an_index() {
        let store = Store::open_in_memory().await.unwrap();
        let kinds: [(&'static Entity, &'static EntityType); 4] = [
            (&MACHINE, &MACHINE_TYPE),
            (&ALERT, &ALERT_TYPE),
            (&INCIDENT, &INCIDENT_TYPE),
            (&INDICATOR, &INDICATOR_TYPE),
        ];
        for (entity, of) in kinds {
            for name in entity.indexed {
                let part = equal(of.property(name).unwrap());
                let Probe::Rows(mut rows) = probe(entity, "t", &part, std::iter::empty()).unwrap() else {
                    panic!("{name}")
                };
                let order = entity.field(entity.default_order.0).unwrap().column.unwrap();
                let is_led = !matches!(part, Filter::Compare { value: Value::DateTime(_), .. })
                    && !FEW_IN_COMMON.contains(name);
                if is_led {
                    rows.order_by((entity.table, order), Order::Asc);
                }
                let sql = format!("EXPLAIN QUERY PLAN {}", rows.to_string(SqliteQueryBuilder));
                let plan = crate::database::query(AssertSqlSafe(sql).into_sql_str())
                    .fetch_all(store.db.readers())
                    .await;
                let plan: Vec<String> =
                    plan.unwrap().iter().map(|row| row.try_get("detail").unwrap()).collect();
                let plan = plan.join("; ");
                assert!(plan.contains("tenant=? AND ") && !plan.contains("TEMP B-TREE"), "{name}: {plan}");
            }
        }
    }

    #[tokio::test]
    async fn a_pair_has_an_index() {
        let store = Store::open_in_memory().await.unwrap();
        let text = "status eq 'New' and severity eq 'High' and alertCreationTime ge 2024-01-01T00:00:00Z";
        let query = odata::parse(&ALERT_TYPE, &[("$filter", text)], Limits::new(10)).unwrap();
        let parts = parts(query.filter.as_ref().unwrap());
        assert_eq!(pair(&ALERT, &parts), Some((0, 1)));
        let order = ALERT_TYPE.property("alertCreationTime").unwrap();
        let mut rows = Query::select();
        rows.column("body").from("alerts").and_where(Expr::col(("alerts", "tenant")).eq("t"));
        for at in 0..parts.len() {
            rows.and_where(condition(&ALERT, "t", (&parts, at), (Lead::Pair(0, 1), order)).unwrap());
        }
        rows.order_by(("alerts", "alert_creation_time"), Order::Desc).order_by(("alerts", "id"), Order::Desc);
        let sql = format!("EXPLAIN QUERY PLAN {}", rows.to_string(SqliteQueryBuilder));
        let plan = crate::database::query(AssertSqlSafe(sql).into_sql_str());
        let plan = plan.fetch_all(store.db.readers()).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.try_get("detail").unwrap()).collect();
        assert_eq!(
            plan,
            [
                "SEARCH alerts USING INDEX alerts_status_severity (tenant=? AND status=? AND severity=? AND alert_creation_time>?)"
            ]
        );
    }

    #[tokio::test]
    async fn others_are_passed_over_in_an_index() {
        let store = Store::open_in_memory().await.unwrap();
        let text = "lastSeen ge 2024-01-01T00:00:00Z and riskScore in ('High','Medium') and osPlatform ne 'Linux' \
                    and healthStatus eq 'Active' and rbacGroupId gt 7";
        let query = odata::parse(&MACHINE_TYPE, &[("$filter", text)], Limits::new(10)).unwrap();
        let parts = parts(query.filter.as_ref().unwrap());
        assert!(are_passed(&MACHINE, &parts));
        let order = MACHINE_TYPE.property("id").unwrap();
        let mut rows = Query::select();
        rows.column(("machines", "id")).from("machines");
        rows.and_where(Expr::col(("machines", "tenant")).eq("t"));
        rows.and_where(conditions(&MACHINE, "t", &parts, (Lead::Order, order)).unwrap());
        rows.and_where(Expr::col(("machines", "id")).gt("7"));
        rows.order_by(("machines", "id"), Order::Asc).limit(10);
        let sql = format!("EXPLAIN QUERY PLAN {}", rows.to_string(SqliteQueryBuilder));
        let plan = crate::database::query(AssertSqlSafe(sql).into_sql_str());
        let plan = plan.fetch_all(store.db.readers()).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.try_get("detail").unwrap()).collect();
        assert_eq!(plan, ["SEARCH machines USING COVERING INDEX machines_passed (tenant=? AND id>?)"]);
    }

    #[tokio::test]
    async fn the_rarest_part_leads() {
        let id = TenantId(uuid::Uuid::from_u128(1));
        let tenant = Store::open_in_memory().await.unwrap().tenant(id);
        let make = |at: usize| Machine {
            health_status: if at < 4 { HealthStatus::Inactive } else { HealthStatus::Active },
            version: Some(format!("v{}", at % 2)),
            machine_tags: if at < 2 { vec!["vip".to_owned()] } else { Vec::new() },
            ..Machine::new(DeviceId::from_name(id, &format!("pc{at}")), Ticks(at as i64))
        };
        let machines: Vec<Machine> = (0..40).map(make).collect();
        tenant.commit_machines("test", 1, &machines).await.unwrap();
        for (filter, order, expected) in [
            ("version eq 'v1' and healthStatus eq 'Inactive'", "id", Lead::Equal(1)),
            ("version eq 'v1' and healthStatus eq 'Inactive'", "version", Lead::Sorted(1)),
            ("healthStatus eq 'Active' and machineTags/any(t: t eq 'VIP')", "id", Lead::Sorted(1)),
            ("healthStatus eq 'Active' and version eq 'v1'", "id", Lead::Equal(1)),
            ("healthStatus eq 'Active' and version eq 'v1'", "version", Lead::Order),
            ("lastSeen ge 0001-01-01T00:00:00Z", "id", Lead::Order),
            ("lastSeen lt 0001-01-01T00:00:00.0000002Z", "id", Lead::Sorted(0)),
            (
                "lastSeen ge 0001-01-01T00:00:00.000001Z and lastSeen lt 0001-01-01T00:00:00.0000012Z",
                "id",
                Lead::Sorted(0),
            ),
            ("lastSeen lt 0001-01-01T00:00:00.0000002Z and version eq 'v1'", "lastSeen", Lead::Range(0)),
            ("version eq 'v1' and lastSeen ge 0001-01-01T00:00:00Z", "lastSeen", Lead::Order),
            (
                "healthStatus eq 'Inactive' and lastSeen lt 0001-01-01T00:00:00.0000005Z",
                "lastSeen",
                Lead::Sorted(0),
            ),
            ("startswith(version,'x') and healthStatus eq 'Active'", "id", Lead::Sorted(0)),
            ("osBuild eq 7 or healthStatus eq 'Inactive'", "id", Lead::Open),
            ("version in ('v0','v2') or healthStatus eq 'Inactive'", "id", Lead::Order),
            (
                "lastSeen ge 0001-01-01T00:00:00Z and (version eq 'v2' or healthStatus eq 'Inactive')",
                "id",
                Lead::Sorted(1),
            ),
            ("osBuild eq null", "id", Lead::Open),
            ("healthStatus ne 'Active'", "id", Lead::Sorted(0)),
            ("healthStatus ne 'Inactive'", "id", Lead::Order),
        ] {
            let query = odata::parse(&MACHINE_TYPE, &[("$filter", filter)], Limits::new(10)).unwrap();
            let parts = parts(query.filter.as_ref().unwrap());
            let mut reading = tenant.db.begin_reading().await.unwrap();
            let within = (MACHINE_TYPE.property(order).unwrap(), order == "id", (5, 30));
            let lead = choose_within(&mut reading, &MACHINE, &tenant.key, &parts, within).await.unwrap();
            assert_eq!(lead, expected, "{filter}");
        }
    }
}
