//! What leads to the rows of a list: the index of its order, or that of one part of its filter.
//!
//! The database would choose by how many rows a value has on the average. The values that matter are not average: few
//! alerts are new, and few machines are at risk. So it is counted, up to a bound, how many rows each part of the filter
//! has; the columns of all other parts are kept away from indexes. PostgreSQL knows how frequent values are and is left
//! to choose.

use odata::{CompareOp, Filter, Kind, Property, TextFn, Value};
use sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement};

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

/// How the rows of a list are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lead {
    /// As the database sees fit.
    Open,
    /// In the order of the list, each looked at.
    Order,
    /// By the part of the filter of that place, in the order of the list.
    Equal(usize),
    /// By the part of the filter of that place, then sorted.
    Sorted(usize),
}

impl Lead {
    /// Whether indexes may lead to the part of that place: to what leads, with the other bounds of the same property, and
    /// to bounds of the property that the list is in the order of.
    fn of_part(self, parts: &[&Filter], at: usize, order: &Property) -> Indexes {
        let is_led = match self {
            Lead::Open => true,
            Lead::Sorted(lead) => lead == at || is_same_range(parts[lead], parts[at]),
            Lead::Equal(lead) => lead == at || is_bound_of(parts[at], order),
            Lead::Order => is_bound_of(parts[at], order),
        };
        if is_led { Indexes::Used } else { Indexes::Passed }
    }

    /// Whether an index may give the order.
    pub fn of_order(self) -> Indexes {
        match self {
            Lead::Sorted(_) => Indexes::Passed,
            Lead::Open | Lead::Order | Lead::Equal(_) => Indexes::Used,
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

/// The condition of the part of that place, of a list in the order of a property.
pub(crate) fn condition(
    entity: &'static Entity,
    tenant: &str,
    (parts, at): (&[&Filter], usize),
    (lead, order): (Lead, &Property),
) -> Result<Expr, StoreError> {
    match texts_of(parts[at]) {
        Some((property, value)) if lead == Lead::Sorted(at) => {
            Ok(filter::has_text(entity, tenant, property, value))
        }
        _ => filter::condition(entity, parts[at], lead.of_part(parts, at, order)),
    }
}

/// What leads to the rows of a list with that filter. `is_default_order` when the order is one that indexes have behind
/// their first column.
pub(crate) async fn choose(
    connection: &mut Connection,
    entity: &'static Entity,
    tenant: &str,
    parts: &[&Filter],
    is_default_order: bool,
) -> Result<Lead, StoreError> {
    if connection.plans_by_values() {
        return Ok(Lead::Open);
    }
    let most = (SORTED_MAX, COUNTED_MAX);
    choose_within(connection, entity, tenant, parts, (is_default_order, most)).await
}

async fn choose_within(
    connection: &mut Connection,
    entity: &'static Entity,
    tenant: &str,
    parts: &[&Filter],
    (is_default_order, (sorted_max, counted_max)): (bool, (i64, i64)),
) -> Result<Lead, StoreError> {
    let mut candidates = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        if candidates.len() < PARTS_MAX && is_indexed(entity, part) {
            let range = parts.iter().filter(|other| is_same_range(part, other)).copied();
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
    if let (_, 1..) = rarest {
        return Ok(Lead::Sorted(rarest.1 - 1));
    }
    if !is_default_order {
        return Ok(Lead::Order);
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
        Filter::Compare { op: CompareOp::Ne, .. } | Filter::Compare { value: Value::Null, .. } => {
            return false;
        }
        Filter::Compare { property, .. } | Filter::In { property, .. } => property,
        Filter::Text { function: TextFn::StartsWith, property, .. } if property.kind == Kind::String => {
            property
        }
        part => return texts_of(part).is_some(),
    };
    entity.indexed.contains(&property.name)
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

/// The rows of a tenant that one part is about, with the other bounds of its range.
fn probe<'f>(
    entity: &'static Entity,
    tenant: &str,
    part: &Filter,
    range: impl Iterator<Item = &'f Filter>,
) -> Result<SelectStatement, StoreError> {
    if let Some((property, value)) = texts_of(part) {
        return Ok(filter::elements_with(entity, tenant, property, value));
    }
    let mut rows = Query::select();
    rows.expr(Expr::cust("1"))
        .from(entity.table)
        .and_where(Expr::col((entity.table, "tenant")).eq(tenant))
        .and_where(filter::condition(entity, part, Indexes::Used)?);
    for bound in range {
        rows.and_where(filter::condition(entity, bound, Indexes::Used)?);
    }
    Ok(rows)
}

/// How many rows there are, up to a bound.
async fn count(connection: &mut Connection, rows: &SelectStatement, most: i64) -> Result<i64, StoreError> {
    let mut some = rows.clone();
    some.limit(most.unsigned_abs());
    let mut counting = Query::select();
    counting.expr(Expr::cust("COUNT(*)")).from_subquery(some, Alias::new("some"));
    let doing = "count what leads to a list";
    let row = select(&counting).fetch_one(connection).await.map_err(failed(doing))?;
    row.try_get(0).map_err(failed(doing))
}

#[cfg(test)]
mod tests {
    use model::machine::{HealthStatus, Machine};
    use model::{DeviceId, TenantId, Ticks};
    use odata::{EntityType, Limits};
    use sea_query::{Order, SqliteQueryBuilder};
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
                let mut rows = probe(entity, "t", &part, std::iter::empty()).unwrap();
                let order = entity.field(entity.default_order.0).unwrap().column.unwrap();
                let is_led = !matches!(part, Filter::Compare { value: Value::DateTime(_), .. })
                    && !["incidentId"].contains(name);
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
        for (filter, is_default_order, expected) in [
            ("version eq 'v1' and healthStatus eq 'Inactive'", true, Lead::Sorted(1)),
            ("healthStatus eq 'Active' and machineTags/any(t: t eq 'VIP')", true, Lead::Sorted(1)),
            ("healthStatus eq 'Active' and version eq 'v1'", true, Lead::Equal(1)),
            ("healthStatus eq 'Active' and version eq 'v1'", false, Lead::Order),
            ("lastSeen ge 0001-01-01T00:00:00Z", true, Lead::Order),
            ("lastSeen lt 0001-01-01T00:00:00.0000002Z", true, Lead::Sorted(0)),
            (
                "lastSeen ge 0001-01-01T00:00:00.000001Z and lastSeen lt 0001-01-01T00:00:00.0000012Z",
                true,
                Lead::Sorted(1),
            ),
            ("startswith(version,'x') and healthStatus eq 'Active'", true, Lead::Sorted(0)),
            ("osBuild eq 7 or healthStatus eq 'Inactive'", true, Lead::Open),
            ("osBuild eq null", true, Lead::Open),
        ] {
            let query = odata::parse(&MACHINE_TYPE, &[("$filter", filter)], Limits::new(10)).unwrap();
            let parts = parts(query.filter.as_ref().unwrap());
            let mut reading = tenant.db.begin_reading().await.unwrap();
            let within = (is_default_order, (5, 30));
            let lead = choose_within(&mut reading, &MACHINE, &tenant.key, &parts, within).await.unwrap();
            assert_eq!(lead, expected, "{filter}");
        }
    }
}
