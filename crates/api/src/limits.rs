//! How often a method may be called: by an app, by a user through an app, and by a whole tenant.
//!
//! Calls are counted in windows of a minute and of an hour that begin with the clock's. What is counted is each route
//! by itself. A call over the limit is not made and not counted; the answer says when the window ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::http::{HeaderName, HeaderValue, Response};
use foldhash::fast::RandomState;
use identity::{Caller, CallerKind, OutsideIdentity};
use model::{AppId, TenantId, Ticks};
use uuid::Uuid;

use crate::error::{ApiError, code};

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
/// Counters that are kept before those of past hours are dropped.
const COUNTERS_MAX: usize = 100_000;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Calls of one method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub per_minute: u32,
    pub per_hour: u32,
    pub by: CountedBy,
}

/// Whose calls are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountedBy {
    /// Those of an app, or of a user through an app.
    Caller,
    Tenant,
}

impl Limit {
    /// Of methods that the documentation says nothing else of.
    pub const USUAL: Limit = Limit::of_caller(100, 1_500);
    /// Of hunting, for a tenant as a whole.
    pub const HUNTING: Limit = Limit { per_minute: 45, per_hour: 1_500, by: CountedBy::Tenant };
    /// Of routes that take events; what they take is bounded by memory first.
    pub const INGEST: Limit = Limit::of_caller(60_000, 3_600_000);

    pub const fn of_caller(per_minute: u32, per_hour: u32) -> Limit {
        Limit { per_minute, per_hour, by: CountedBy::Caller }
    }
}

/// How much of the documented limits holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimits {
    /// The documented numbers times this.
    pub factor: f64,
    /// How many times the limit of a caller a tenant has for all its callers.
    pub tenant_factor: u32,
}

impl Default for RateLimits {
    fn default() -> RateLimits {
        RateLimits { factor: 1.0, tenant_factor: 10 }
    }
}

/// Whose counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    route: usize,
    tenant: TenantId,
    caller: Option<CallerKey>,
}

/// A caller as it is told apart from others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallerKey {
    app: Option<AppId>,
    user: Option<Uuid>,
    outside: Option<Arc<OutsideIdentity>>,
}

impl CallerKey {
    pub fn of(caller: &Caller) -> CallerKey {
        let user = match &caller.kind {
            CallerKind::Application => None,
            CallerKind::User(signed_in) => Some(signed_in.user),
        };
        CallerKey { app: caller.app, user, outside: caller.outside.clone() }
    }
}

/// Calls in the present minute and hour, by the second at which each began.
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    minute: (i64, u32),
    hour: (i64, u32),
}

/// What an answer says of the limit that is nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    limit: u32,
    remaining: u32,
    reset_seconds: i64,
    per_minute: u32,
    per_hour: u32,
    is_allowed: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Limiter {
    counters: Mutex<HashMap<Key, Counter, RandomState>>,
    /// How answers say what limits there are, by the calls of a minute and of an hour. There are as many as routes have.
    policies: RwLock<HashMap<(u32, u32), HeaderValue, RandomState>>,
}

impl Limiter {
    /// Counts a call, unless it is one too many.
    pub fn count(
        &self,
        route: usize,
        limit: Limit,
        limits: &RateLimits,
        caller: &Caller,
        now: Ticks,
    ) -> Spent {
        let of = |number: u32, times: f64| (f64::from(number) * limits.factor * times).max(1.0) as u32;
        let whole = Key { route, tenant: caller.tenant, caller: None };
        let (own, times) = match limit.by {
            CountedBy::Tenant => (None, 1.0),
            CountedBy::Caller => {
                let own = Key { caller: Some(CallerKey::of(caller)), ..whole.clone() };
                (Some(own), f64::from(limits.tenant_factor.max(1)))
            }
        };
        let second = now.unix_seconds();
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        if counters.len() >= COUNTERS_MAX {
            counters.retain(|_, counter| counter.hour.0 + HOUR > second);
        }
        let count = |key: Key, times: f64| {
            let counter = counters.get(&key).copied().unwrap_or_default().at(second);
            let (per_minute, per_hour) = (of(limit.per_minute, times), of(limit.per_hour, times));
            let left = |window: (i64, u32), most: u32, seconds: i64| Spent {
                limit: most,
                remaining: most.saturating_sub(window.1),
                reset_seconds: window.0 + seconds - second,
                per_minute,
                per_hour,
                is_allowed: window.1 < most,
            };
            let (minute, hour) =
                (left(counter.minute, per_minute, MINUTE), left(counter.hour, per_hour, HOUR));
            // Of windows that are used up, the one that lasts longest says when to come again.
            let spent = minute.or_before(hour, |spent| (i64::from(spent.remaining), -spent.reset_seconds));
            (key, counter, spent)
        };
        let whole = count(whole, times);
        let own = own.map(|own| count(own, 1.0));
        let of_all = whole.2;
        let mut nearest = own.as_ref().map_or(of_all, |(.., own)| {
            own.or_before(of_all, |spent| (spent.is_allowed, i64::from(spent.remaining)))
        });
        // The call is made when neither refuses it.
        if nearest.is_allowed {
            nearest.remaining = nearest.remaining.saturating_sub(1);
            for (key, mut counter, _) in own.into_iter().chain([whole]) {
                counter.minute.1 += 1;
                counter.hour.1 += 1;
                counters.insert(key, counter);
            }
        }
        nearest
    }

    /// Says in an answer what is left.
    pub fn tell<B>(&self, spent: &Spent, response: &mut Response<B>) {
        let Spent { limit, remaining, reset_seconds, per_minute, per_hour, .. } = *spent;
        let headers = response.headers_mut();
        headers.insert(LIMIT, limit.into());
        headers.insert(REMAINING, remaining.into());
        headers.insert(RESET, reset_seconds.max(0).into());
        if let Some(policy) = self.policy(per_minute, per_hour) {
            headers.insert(POLICY, policy);
        }
    }

    fn policy(&self, per_minute: u32, per_hour: u32) -> Option<HeaderValue> {
        let policies = self.policies.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = policies.get(&(per_minute, per_hour)) {
            return Some(policy.clone());
        }
        drop(policies);
        let policy = format!("{per_minute};w={MINUTE}, {per_hour};w={HOUR}");
        let policy = HeaderValue::try_from(policy).ok()?;
        let mut policies = self.policies.write().unwrap_or_else(PoisonError::into_inner);
        Some(policies.entry((per_minute, per_hour)).or_insert(policy).clone())
    }
}

impl Counter {
    /// The counter at that second: windows that are over begin anew.
    fn at(self, second: i64) -> Counter {
        let begin = |window: (i64, u32), seconds: i64| {
            let start = second.div_euclid(seconds) * seconds;
            if window.0 == start { window } else { (start, 0) }
        };
        Counter { minute: begin(self.minute, MINUTE), hour: begin(self.hour, HOUR) }
    }
}

impl Spent {
    /// The one of two that comes first by what is said of it; this one where they are alike.
    fn or_before<K: Ord>(self, other: Spent, by: impl Fn(&Spent) -> K) -> Spent {
        if by(&other) < by(&self) { other } else { self }
    }

    /// The refusal of a call that is one too many.
    pub fn check(&self) -> Result<(), ApiError> {
        if self.is_allowed {
            return Ok(());
        }
        let Spent { limit, reset_seconds, per_hour, .. } = *self;
        let window = if limit == per_hour { "an hour" } else { "a minute" };
        let message = format!(
            "The quota of {limit} calls {window} for this method is used up. Try again in {reset_seconds} seconds."
        );
        let seconds = u32::try_from(reset_seconds).unwrap_or(1).max(1);
        Err(ApiError::new(code::TOO_MANY_REQUESTS, message).retry_after(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(app: u128, kind: CallerKind) -> Caller {
        Caller {
            tenant: TenantId(Uuid::from_u128(1)),
            app: Some(AppId(Uuid::from_u128(app))),
            name: String::new(),
            permissions: Vec::new(),
            scope: Arc::default(),
            kind,
            outside: None,
            token: None,
        }
    }

    fn user(app: u128, user: u128) -> Caller {
        let rights = Arc::default();
        caller(
            app,
            CallerKind::User(identity::SignedIn { user: Uuid::from_u128(user), sign_in: None, rights }),
        )
    }

    #[test]
    fn each_caller_has_its_own_count_and_the_tenant_one_for_all() {
        let (limiter, limits) = (Limiter::default(), RateLimits { factor: 1.0, tenant_factor: 2 });
        let now = Ticks::parse("2024-05-06T08:00:30Z").unwrap();
        let limit = Limit::of_caller(3, 5);
        let count = |caller: &Caller, now| limiter.count(0, limit, &limits, caller, now);
        let app = || caller(1, CallerKind::Application);
        for remaining in [2, 1, 0] {
            let spent = count(&app(), now);
            assert_eq!((spent.is_allowed, spent.limit, spent.remaining), (true, 3, remaining));
            assert_eq!(spent.reset_seconds, 30);
        }
        let refused = count(&app(), now);
        assert!(!refused.is_allowed && refused.check().is_err());
        assert_eq!((refused.remaining, refused.reset_seconds), (0, 30));
        assert!(limiter.count(1, limit, &limits, &app(), now).is_allowed, "another method");
        // Users of one app are told apart; the tenant has six for all.
        assert!(count(&user(1, 7), now).is_allowed);
        assert!(count(&user(1, 8), now).is_allowed);
        assert!(count(&user(2, 7), now).is_allowed);
        assert!(!count(&user(3, 7), now).is_allowed);
        // Those of other issuers have no app: each counts for itself.
        let outside = |subject: &str| {
            let (issuer, subject) = ("https://idp.example".to_owned(), subject.to_owned());
            let outside = Some(Arc::new(OutsideIdentity { issuer, subject }));
            let tenant = TenantId(Uuid::from_u128(2));
            Caller { tenant, app: None, outside, ..caller(1, CallerKind::Application) }
        };
        for subject in ["a", "a", "a", "b", "b", "b"] {
            assert!(count(&outside(subject), now).is_allowed, "{subject}");
        }
        assert!(!count(&outside("a"), now).is_allowed);
        // The next minute begins anew, until the hour is used up.
        let later = now.plus_seconds(30);
        assert!(count(&app(), later).is_allowed);
        assert!(count(&app(), later).is_allowed);
        let refused = count(&app(), later);
        assert_eq!((refused.is_allowed, refused.limit, refused.reset_seconds), (false, 5, 3_540));
        assert!(count(&app(), now.plus_seconds(3_570)).is_allowed);
    }

    #[test]
    fn hunting_is_counted_for_the_tenant() {
        let (limiter, limits) = (Limiter::default(), RateLimits::default());
        let now = Ticks::parse("2024-05-06T08:00:00Z").unwrap();
        let allowed = (0..60).filter(|at| {
            let caller = caller(*at, CallerKind::Application);
            limiter.count(0, Limit::HUNTING, &limits, &caller, now).is_allowed
        });
        assert_eq!(allowed.count(), 45);
    }
}
