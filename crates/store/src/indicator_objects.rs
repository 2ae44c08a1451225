//! Indicators that came as one object of another system, under the id that it has there.
//!
//! Such an object may have several values, and what it says is replaced as a whole: values that it does not have any more
//! are no indicators any more.

use std::collections::{BTreeMap, BTreeSet};

use model::Ticks;
use model::indicator::Indicator;
use sea_query::{Expr, ExprTrait, Order, Query};

use crate::database::{self, Connection, commit, select};
use crate::entities::INDICATOR;
use crate::entity_rows::{parse, read, remove};
use crate::error::failed;
use crate::indicators::value_key;
use crate::{IndicatorOwner, StoreError, Submission, Submitted, TenantStore, fold};

/// Indicators of one object.
const OBJECT_MAX: usize = 1_000;
/// Ids of objects that one statement asks for: databases bound how many values a statement has.
const IDS_MAX: usize = 500;

/// What an object says now.
#[derive(Clone, Debug)]
pub struct IndicatorObject {
    /// The id of the object, which its indicators have as [`Indicator::external_id`].
    pub object_id: String,
    /// The indicator that has the id of the object by its own id, if it was given none.
    pub numbered: Option<String>,
    /// Its values; none when it holds no more.
    pub submissions: Vec<Submission>,
}

/// What became of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectTaken {
    /// The ids of the indicators that it is, or was if it has no values any more.
    Stored(Vec<String>),
    /// One of its values is there, and of somebody else: nothing of it was stored.
    NotYours,
    /// More indicators than one object may have carry its id: nothing of it was stored.
    TooMany,
}

impl TenantStore {
    /// Makes the indicators of objects what they say, each object wholly or not at all, in one transaction. Indicators of
    /// others that have the same id of an object stay what they are.
    pub async fn submit_indicator_objects(
        &self,
        owner: &IndicatorOwner,
        now: Ticks,
        objects: &[IndicatorObject],
    ) -> Result<Vec<ObjectTaken>, StoreError> {
        let mut transaction = self.db.begin().await?;
        self.remove_expired(&mut transaction, now).await?;
        let now = self.time_after_others(&mut transaction, now).await?;
        let mut answers = Vec::with_capacity(objects.len());
        for object in objects {
            answers.push(self.submit_object(&mut transaction, owner, now, object).await?);
        }
        commit(transaction, "write indicators").await?;
        Ok(answers)
    }

    /// The active indicators of objects of those ids, the first ones by their ids, up to so many.
    pub async fn indicators_of_objects(
        &self,
        owner: &IndicatorOwner,
        now: Ticks,
        object_ids: &[&str],
        most: usize,
    ) -> Result<Vec<Indicator>, StoreError> {
        let doing = "find the indicators of objects";
        let mut transaction = self.db.begin_reading().await?;
        let mut found = Vec::new();
        for ids in object_ids.chunks(IDS_MAX) {
            let table = INDICATOR.table;
            let mut rows = Query::select();
            rows.column("body").from(table).and_where(Expr::col((table, "tenant")).eq(&self.key));
            rows.and_where(Expr::col((table, "external_id")).is_in(ids.iter().map(|id| fold(id))));
            rows.and_where(owner.seen(now)).order_by((table, "id"), Order::Asc);
            rows.limit((most - found.len()) as u64);
            for row in select(&rows).fetch_all(&mut *transaction).await.map_err(failed(doing))? {
                found.push(parse(&INDICATOR, &row)?);
            }
        }
        Ok(found)
    }

    async fn submit_object(
        &self,
        connection: &mut Connection,
        owner: &IndicatorOwner,
        now: Ticks,
        object: &IndicatorObject,
    ) -> Result<ObjectTaken, StoreError> {
        let key = |indicator: &Indicator| value_key(indicator.indicator_type, &indicator.indicator_value);
        // A value that is there twice is one.
        let values: BTreeMap<String, &Submission> =
            object.submissions.iter().map(|submission| (key(&submission.indicator), submission)).collect();
        for value in values.keys() {
            if self.indicator_of_value(connection, value).await?.is_some_and(|known| !owner.owns(&known)) {
                return Ok(ObjectTaken::NotYours);
            }
        }
        let mut former = self.of_object(connection, object).await?;
        if former.len() > OBJECT_MAX {
            return Ok(ObjectTaken::TooMany);
        }
        former.retain(|indicator| owner.owns(indicator) && !values.contains_key(&key(indicator)));
        for indicator in &former {
            remove(connection, &INDICATOR, &self.key, &indicator.id).await?;
            self.count_indicators(connection, -1).await?;
        }
        if values.is_empty() {
            return Ok(ObjectTaken::Stored(former.into_iter().map(|indicator| indicator.id).collect()));
        }
        let mut ids = Vec::with_capacity(values.len());
        let mut stored = BTreeSet::new();
        for submission in &object.submissions {
            let value = key(&submission.indicator);
            if !stored.insert(value.clone()) {
                continue;
            }
            let last = values.get(&value).copied().unwrap_or(submission);
            match self.submit(connection, owner, now, last).await? {
                Submitted::Stored(indicator) => ids.push(indicator.id),
                Submitted::NotYours => {
                    return Err(StoreError::invalid("indicator", "it was another's a moment later"));
                }
            }
        }
        Ok(ObjectTaken::Stored(ids))
    }

    /// The indicators that carry the id of an object, expired ones and those of others included, up to one more than
    /// there may be.
    async fn of_object(
        &self,
        connection: &mut Connection,
        object: &IndicatorObject,
    ) -> Result<Vec<Indicator>, StoreError> {
        const SQL: &str =
            "SELECT body FROM indicators WHERE tenant = $1 AND external_id = $2 ORDER BY id LIMIT $3";
        let query = database::query(SQL).bind(&self.key).bind(fold(&object.object_id));
        let query = query.bind((OBJECT_MAX + 1) as i64);
        let rows =
            query.fetch_all(&mut *connection).await.map_err(failed("find the indicators of an object"))?;
        let mut found: Vec<Indicator> =
            rows.iter().map(|row| parse(&INDICATOR, row)).collect::<Result<_, _>>()?;
        if let Some(id) = &object.numbered {
            let numbered: Option<Indicator> = read(connection, &INDICATOR, &self.key, id).await?;
            found.extend(numbered.filter(|indicator| indicator.object_id().is_none()));
        }
        Ok(found)
    }
}
