//! Takes objects of STIX in.

use std::collections::HashMap;

use serde_json::{Value, json};
use store::{IndicatorObject, ObjectTaken};

use crate::body::JsonObject;
use crate::ctx::Ctx;
use crate::error::{ApiError, code};
use crate::routes::indicators::{NOT_YOURS, owner, submission};
use crate::stix::{self, Given, Object};

const OBJECTS_MAX: usize = 500;
/// Values of all objects of one call.
const VALUES_MAX: usize = 2_000;
const TOO_MANY: &str = "More indicators carry the id of the object than one object may have.";

/// What became of an object.
pub(super) struct Taken {
    pub id: String,
    /// Those that it is here.
    indicators: Vec<String>,
    pub failure: Option<String>,
}

impl Taken {
    pub fn told(&self) -> Value {
        json!({
            "id": self.id,
            "indicators": self.indicators,
            "isFailed": self.failure.is_some(),
            "failureReason": self.failure,
        })
    }
}

/// Stores the indicators of a body's `objects`, each object wholly or not at all. Objects that are no indicators are said
/// to have failed, and so are those of which one value is another app's. Of versions of one object the last one counts.
pub(super) async fn take_in(ctx: &Ctx, body: &mut JsonObject) -> Result<Vec<Taken>, ApiError> {
    let objects = match body.take("objects")? {
        Some(Value::Array(objects)) => objects,
        Some(_) => return Err(ApiError::invalid("'objects' has to be a list.")),
        None => Vec::new(),
    };
    if objects.len() > OBJECTS_MAX {
        let message = format!("'objects' has more than {OBJECTS_MAX} items.");
        return Err(ApiError::new(code::BATCH_TOO_LARGE, message));
    }
    let mut taken: Vec<Taken> = Vec::with_capacity(objects.len());
    let mut good: Vec<(usize, Object)> = Vec::new();
    for (at, value) in objects.into_iter().enumerate() {
        let id = value.get("id").and_then(Value::as_str).unwrap_or_default().chars().take(100).collect();
        let object = JsonObject::from_value(value)
            .ok_or_else(|| ApiError::invalid("An object has to be one of JSON."))
            .and_then(|object| stix::read(object, ctx.now()));
        let failure = object.as_ref().err().map(|error| error.message().to_owned());
        taken.push(Taken { id, indicators: Vec::new(), failure });
        good.extend(object.ok().map(|object| (at, object)));
    }
    let (mut places, mut stored) = (Vec::new(), Vec::new());
    let mut values = 0;
    for (at, object) in last_versions(good) {
        match indicators(ctx, object) {
            Ok(object) => {
                values += object.submissions.len();
                places.push(at);
                stored.push(object);
            }
            Err(error) => taken[at].failure = Some(error.message().to_owned()),
        }
    }
    if values > VALUES_MAX {
        let message = format!("The objects have more than {VALUES_MAX} values in all.");
        return Err(ApiError::new(code::BATCH_TOO_LARGE, message));
    }
    let answers = ctx.store().submit_indicator_objects(&owner(ctx), ctx.now(), &stored).await?;
    for (at, answer) in places.into_iter().zip(answers) {
        match answer {
            ObjectTaken::Stored(ids) => taken[at].indicators = ids,
            ObjectTaken::NotYours => taken[at].failure = Some(NOT_YOURS.to_owned()),
            ObjectTaken::TooMany => taken[at].failure = Some(TOO_MANY.to_owned()),
        }
    }
    Ok(taken)
}

/// Of several versions of an object the one that was modified last, and of those the last one that was given.
fn last_versions(objects: Vec<(usize, Object)>) -> Vec<(usize, Object)> {
    let mut last: HashMap<&str, usize> = HashMap::new();
    for (index, (_, object)) in objects.iter().enumerate() {
        let known = last.entry(&object.id).or_insert(index);
        if objects[*known].1.modified <= object.modified {
            *known = index;
        }
    }
    let kept: Vec<bool> =
        objects.iter().enumerate().map(|(index, (_, object))| last[object.id.as_str()] == index).collect();
    objects.into_iter().zip(kept).filter(|(_, is_kept)| *is_kept).map(|(object, _)| object).collect()
}

fn indicators(ctx: &Ctx, object: Object) -> Result<IndicatorObject, ApiError> {
    let numbered = stix::number(ctx.tenant(), &object.id).map(|number| number.to_string());
    let bodies = match object.given {
        Given::Indicators(bodies) => bodies,
        Given::Revoked => Vec::new(),
    };
    let submissions = bodies.into_iter().map(|body| submission(ctx, JsonObject::of(body)));
    let submissions = submissions.collect::<Result<Vec<_>, _>>()?;
    Ok(IndicatorObject { object_id: object.id, numbered, submissions })
}

/// Takes away what an object of that id is; refused when it is nothing.
pub(super) async fn remove(ctx: &Ctx, id: &str) -> Result<(), ApiError> {
    let id = id.to_ascii_lowercase();
    let missing = || ApiError::resource_not_found("Indicator", &id);
    if !model::indicator::is_object_id(&id) {
        return Err(missing());
    }
    let numbered = stix::number(ctx.tenant(), &id).map(|number| number.to_string());
    let object = IndicatorObject { object_id: id.clone(), numbered, submissions: Vec::new() };
    match ctx.store().submit_indicator_objects(&owner(ctx), ctx.now(), &[object]).await?.pop() {
        Some(ObjectTaken::Stored(ids)) if !ids.is_empty() => Ok(()),
        Some(ObjectTaken::TooMany) => Err(ApiError::invalid(TOO_MANY)),
        _ => Err(missing()),
    }
}
