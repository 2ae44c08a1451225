//! Indicators: values to match, each once by its kind and value.

use model::Ticks;
use model::indicator::{Indicator, IndicatorType};
use model::time::TICKS_PER_SECOND;
use odata::{CompareOp, Filter, Query};
use sea_query::{Expr, ExprTrait};

use crate::database::{self, Connection, Row, commit};
use crate::entities::{INDICATOR, INDICATOR_TYPE};
use crate::entity_rows::{add, parse, read, remove, replace};
use crate::error::failed;
use crate::filter::{self, Indexes};
use crate::page::{self, Page, PageRequest, Scope};
use crate::{StoreError, TenantStore, fold};

/// Indicators of one tenant, expired ones included.
const INDICATORS_MAX: i64 = 2_000_000;
/// Expired indicators that one submission takes away.
const EXPIRED_MAX: i64 = 100;
/// How long an indicator stays after it expired, so that a new submission finds it again.
const EXPIRED_KEPT_SECONDS: i64 = 30 * 86_400;

/// A clock that was so far ahead was wrong, and times go on from the right one.
const CLOCK_BACK_MAX: i64 = 3_600 * TICKS_PER_SECOND;

/// Whose indicators a caller sees and changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndicatorOwner {
    Anyone,
    /// Those that this app or user made.
    Only(String),
}

/// An indicator that somebody submits. Its id and its times are for the store to fill in, and so is who made it when it
/// is there already.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    pub indicator: Indicator,
    /// Who submits it, as [`Indicator::created_by`] has it.
    pub by: String,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq)]
pub enum Submitted {
    Stored(Box<Indicator>),
    /// It is there, and of somebody else.
    NotYours,
}

impl TenantStore {
    /// The indicator of that id, expired or not.
    pub async fn indicator(&self, owner: &IndicatorOwner, id: &str) -> Result<Option<Indicator>, StoreError> {
        let found: Option<Indicator> = read(self.db.readers(), &INDICATOR, &self.key, id).await?;
        Ok(found.filter(|indicator| owner.owns(indicator)))
    }

    /// The active indicators that pass the query, by id unless it says otherwise.
    pub async fn list_indicators(
        &self,
        owner: &IndicatorOwner,
        now: Ticks,
        query: &Query,
        page: PageRequest<'_>,
    ) -> Result<Page<Indicator>, StoreError> {
        let query = Query { filter: owner.narrowed(query.filter.as_ref())?, ..query.clone() };
        page::list(&self.db, &INDICATOR, &self.key, all_but_expired(now), &query, page).await
    }

    /// How many active indicators pass the filter.
    pub async fn indicator_count(
        &self,
        owner: &IndicatorOwner,
        now: Ticks,
        filter: Option<&Filter>,
    ) -> Result<u64, StoreError> {
        let filter = owner.narrowed(filter)?;
        page::count(&self.db, &INDICATOR, &self.key, all_but_expired(now), filter.as_ref()).await
    }

    /// Adds indicators, or changes those that are there by kind and value. All that can be are stored, in one
    /// transaction; the answers are in the order of the submissions. They carry a time that is later than that of every
    /// submission committed before, so that whoever asks for what is later than the last he saw misses none.
    pub async fn submit_indicators(
        &self,
        owner: &IndicatorOwner,
        now: Ticks,
        submissions: &[Submission],
    ) -> Result<Vec<Submitted>, StoreError> {
        let mut transaction = self.db.begin().await?;
        self.remove_expired(&mut transaction, now).await?;
        let now = self.time_after_others(&mut transaction, now).await?;
        let mut answers = Vec::new();
        for submission in submissions {
            answers.push(self.submit(&mut transaction, owner, now, submission).await?);
        }
        commit(transaction, "write indicators").await?;
        Ok(answers)
    }

    pub(crate) async fn submit(
        &self,
        connection: &mut Connection,
        owner: &IndicatorOwner,
        now: Ticks,
        Submission { indicator, by }: &Submission,
    ) -> Result<Submitted, StoreError> {
        let key = value_key(indicator.indicator_type, &indicator.indicator_value);
        let Some(known) = self.indicator_of_value(connection, &key).await? else {
            let id = self.count_indicators(connection, 1).await?.to_string();
            let (creation_time, last_update_time) = (now, now);
            let indicator = Indicator { id, creation_time, last_update_time, ..indicator.clone() };
            add(connection, &INDICATOR, &self.key, &indicator, &[("value_key", &key)]).await?;
            return Ok(Submitted::Stored(Box::new(indicator)));
        };
        if !owner.owns(&known) {
            return Ok(Submitted::NotYours);
        }
        let indicator = Indicator {
            id: known.id,
            application: known.application,
            source: known.source,
            source_type: known.source_type,
            created_by: known.created_by,
            created_by_display_name: known.created_by_display_name,
            created_by_source: known.created_by_source,
            creation_time: known.creation_time,
            last_update_time: now,
            last_updated_by: Some(by.clone()),
            ..indicator.clone()
        };
        replace(connection, &INDICATOR, &self.key, &indicator).await?;
        Ok(Submitted::Stored(Box::new(indicator)))
    }

    /// The indicator of that kind and value, whoever made it.
    pub(crate) async fn indicator_of_value(
        &self,
        connection: &mut Connection,
        key: &str,
    ) -> Result<Option<Indicator>, StoreError> {
        const SQL: &str = "SELECT body FROM indicators WHERE tenant = $1 AND value_key = $2";
        let known = database::query(SQL).bind(&self.key).bind(key).fetch_optional(connection).await;
        let known = known.map_err(failed("find an indicator"))?;
        known.map(|row| parse::<Indicator>(&INDICATOR, &row)).transpose()
    }

    /// Takes indicators away, all of them or none; refused when one of them is not there.
    pub async fn remove_indicators(&self, owner: &IndicatorOwner, ids: &[String]) -> Result<(), StoreError> {
        let mut transaction = self.db.begin().await?;
        for id in ids {
            let found: Option<Indicator> = read(&mut *transaction, &INDICATOR, &self.key, id).await?;
            if found.is_none_or(|indicator| !owner.owns(&indicator)) {
                return Err(StoreError::not_found("indicator", id));
            }
            remove(&mut transaction, &INDICATOR, &self.key, id).await?;
            self.count_indicators(&mut transaction, -1).await?;
        }
        commit(transaction, "remove indicators").await
    }

    /// This time, or the first one behind those of the submissions that are there: others may have come first while this
    /// one waited.
    pub(crate) async fn time_after_others(
        &self,
        connection: &mut Connection,
        now: Ticks,
    ) -> Result<Ticks, StoreError> {
        const SQL: &str = "INSERT INTO counters (tenant, name, value) VALUES ($1, 'indicator_time', $2) \
                           ON CONFLICT (tenant, name) DO UPDATE SET value = CASE \
                           WHEN counters.value BETWEEN excluded.value AND excluded.value + $3 \
                           THEN counters.value + 1 ELSE excluded.value END RETURNING value";
        let query = database::query(SQL).bind(&self.key).bind(now.0).bind(CLOCK_BACK_MAX);
        let time = query.try_map(|row: Row| row.try_get(0)).fetch_one(connection).await;
        time.map(Ticks).map_err(failed("take the time of a submission"))
    }

    pub(crate) async fn remove_expired(
        &self,
        connection: &mut Connection,
        now: Ticks,
    ) -> Result<(), StoreError> {
        const SQL: &str = "SELECT id FROM indicators WHERE tenant = $1 AND expiration_time < $2 \
                           ORDER BY expiration_time, id LIMIT $3";
        let before = now.plus_seconds(-EXPIRED_KEPT_SECONDS);
        let query = database::query(SQL).bind(&self.key).bind(before.0).bind(EXPIRED_MAX);
        let ids = query.try_map(|row: Row| row.try_get::<String, _>(0)).fetch_all(&mut *connection).await;
        for id in ids.map_err(failed("find expired indicators"))? {
            if remove(connection, &INDICATOR, &self.key, &id).await? {
                self.count_indicators(connection, -1).await?;
            }
        }
        Ok(())
    }

    /// Counts indicators that come or go. For one that comes, answers with its number.
    pub(crate) async fn count_indicators(
        &self,
        connection: &mut Connection,
        by: i64,
    ) -> Result<i64, StoreError> {
        const SQL: &str = "INSERT INTO counters (tenant, name, value) VALUES ($1, $2, $3) \
                           ON CONFLICT (tenant, name) DO UPDATE SET value = counters.value + excluded.value \
                           RETURNING value";
        let doing = "count indicators";
        let count = database::query(SQL).bind(&self.key).bind("indicators").bind(by);
        let count = count.try_map(|row: Row| row.try_get::<i64, _>(0)).fetch_one(&mut *connection).await;
        if count.map_err(failed(doing))? > INDICATORS_MAX {
            let reason = format!("there are {INDICATORS_MAX}, and no more are taken");
            return Err(StoreError::invalid("indicator", reason));
        }
        if by < 0 {
            return Ok(0);
        }
        let next = database::query(SQL).bind(&self.key).bind("indicator_id").bind(1i64);
        let next = next.try_map(|row: Row| row.try_get(0)).fetch_one(connection).await;
        next.map_err(failed(doing))
    }
}

/// What makes two indicators the same. Paths of URLs have letter case; nothing else has.
pub(crate) fn value_key(kind: IndicatorType, value: &str) -> String {
    let value = if kind == IndicatorType::Url { value.to_owned() } else { fold(value) };
    format!("{}:{value}", kind.name())
}

impl IndicatorOwner {
    pub(crate) fn owns(&self, indicator: &Indicator) -> bool {
        match self {
            IndicatorOwner::Anyone => true,
            IndicatorOwner::Only(creator) => *creator == indicator.created_by,
        }
    }

    /// The filter that only those pass which are seen.
    fn narrowed(&self, filter: Option<&Filter>) -> Result<Option<Filter>, StoreError> {
        let IndicatorOwner::Only(creator) = self else { return Ok(filter.cloned()) };
        let property = INDICATOR_TYPE.property("createdBy");
        let property = property.ok_or_else(|| StoreError::invalid("filter", "'createdBy' is not there"))?;
        let own =
            Filter::Compare { property, op: CompareOp::Eq, value: odata::Value::String(creator.clone()) };
        Ok(Some(match filter {
            None => own,
            Some(filter) => Filter::And(vec![own, filter.clone()]),
        }))
    }

    /// Of the active ones, those that are seen, where something else leads to the rows.
    pub(crate) fn seen(&self, now: Ticks) -> Expr {
        match self {
            IndicatorOwner::Anyone => active(now),
            IndicatorOwner::Only(creator) => {
                let created_by = filter::column(&INDICATOR, "created_by", Indexes::Passed);
                active(now).and(created_by.eq(fold(creator)))
            }
        }
    }
}

fn active(now: Ticks) -> Expr {
    expires().is_null().or(expires().gt(now.0))
}

fn all_but_expired(now: Ticks) -> Scope {
    Scope::Most { rows: active(now), others: expires().lte(now.0) }
}

fn expires() -> Expr {
    Expr::col((INDICATOR.table, "expiration_time"))
}
