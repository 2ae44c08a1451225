//! The list of routes: what there is, what it demands, and which one a path means.

mod alerts;
mod bulk;
mod events;
mod hec;
mod hunting;
mod lake;
mod machines;
mod otlp;
mod sign_in;
mod status;

use std::convert::Infallible;

use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;
use axum::response::Response;
use model::Permission;
use percent_encoding::percent_decode_str;
use tower::util::BoxCloneSyncService;

/// What a route demands of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: what clients read before they have a token.
    Open,
    /// A token of any tenant, whatever it permits.
    SignedIn,
    /// A token that permits this.
    Needs(Permission),
}

/// Whose clients a route is for: decides how they say who they are, and how errors are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Bearer tokens, and errors of our own form.
    Own,
    /// The HTTP Event Collector: also the id and secret of an app, and errors by its numbers.
    Hec,
    /// OpenTelemetry: the same callers, and errors in the encoding of the request.
    Otlp,
    /// The bulk protocol of Elasticsearch: the same callers, and errors in its form.
    Bulk,
}

/// What is declared of one route.
#[derive(Clone, Debug)]
pub struct RouteDeclaration {
    pub method: Method,
    /// With `{name}` for the segment that varies.
    pub path: &'static str,
    pub access: Access,
    pub dialect: Dialect,
    pub summary: &'static str,
    pub(crate) bounds: Bounds,
}

/// Whose bounds of body and time hold for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bounds {
    Usual,
    /// The engine ends queries by itself.
    Hunting,
    /// Bodies of events have bounds of their own.
    Ingest,
}

/// Every route. Nothing is registered without saying what it demands.
pub struct Routes {
    declared: Vec<RouteDeclaration>,
    handlers: Vec<HandlerOf>,
}

type HandlerOf = BoxCloneSyncService<Request, Response, Infallible>;

/// What a path means.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The routes of the path, one for each method.
    pub routes: Vec<usize>,
    /// The segment that varies, decoded.
    pub param: Option<String>,
    /// Whether it is a path of the API: only those with a token may ask whether it means anything.
    pub is_api: bool,
}

impl Routes {
    /// The routes of the main port.
    pub fn all() -> Routes {
        let mut routes = Routes { declared: Vec::new(), handlers: Vec::new() };
        alerts::routes(&mut routes);
        bulk::routes(&mut routes);
        events::routes(&mut routes);
        hec::routes(&mut routes);
        hunting::routes(&mut routes);
        lake::routes(&mut routes);
        machines::routes(&mut routes);
        otlp::routes(&mut routes);
        sign_in::routes(&mut routes);
        status::routes(&mut routes);
        routes
    }

    /// What is declared of every route.
    pub fn declared(&self) -> &[RouteDeclaration] {
        &self.declared
    }

    /// Whether what a path means may be asked by anybody: every route of it is open, or there is none and it is
    /// not of the API.
    pub(crate) fn is_open(&self, found: &Found) -> bool {
        match found.routes.as_slice() {
            [] => !found.is_api,
            routes => routes.iter().all(|at| self.declared[*at].access == Access::Open),
        }
    }

    /// How the routes of a path talk.
    pub(crate) fn dialect(&self, found: &Found) -> Dialect {
        found.routes.first().map_or(Dialect::Own, |at| self.declared[*at].dialect)
    }

    pub(crate) fn handler(&self, at: usize) -> HandlerOf {
        self.handlers[at].clone()
    }

    fn get<T: 'static>(
        &mut self,
        path: &'static str,
        access: Access,
        handler: impl Handler<T, ()>,
    ) -> &mut RouteDeclaration {
        self.add(Method::GET, path, access, handler)
    }

    fn post<T: 'static>(
        &mut self,
        path: &'static str,
        access: Access,
        handler: impl Handler<T, ()>,
    ) -> &mut RouteDeclaration {
        self.add(Method::POST, path, access, handler)
    }

    fn patch<T: 'static>(
        &mut self,
        path: &'static str,
        access: Access,
        handler: impl Handler<T, ()>,
    ) -> &mut RouteDeclaration {
        self.add(Method::PATCH, path, access, handler)
    }

    fn put<T: 'static>(
        &mut self,
        path: &'static str,
        access: Access,
        handler: impl Handler<T, ()>,
    ) -> &mut RouteDeclaration {
        self.add(Method::PUT, path, access, handler)
    }

    fn delete<T: 'static>(
        &mut self,
        path: &'static str,
        access: Access,
        handler: impl Handler<T, ()>,
    ) -> &mut RouteDeclaration {
        self.add(Method::DELETE, path, access, handler)
    }

    fn add<T: 'static>(
        &mut self,
        method: Method,
        path: &'static str,
        access: Access,
        handler: impl Handler<T, ()>,
    ) -> &mut RouteDeclaration {
        let at = self.declared.len();
        let (dialect, bounds) = (Dialect::Own, Bounds::Usual);
        self.declared.push(RouteDeclaration { method, path, access, dialect, summary: "", bounds });
        self.handlers.push(BoxCloneSyncService::new(handler.with_state(())));
        &mut self.declared[at]
    }

    /// The routes that a path means: without regard to the letter case of its words, to a slash at its end
    /// and to the version after `/api`. A route with a word in a place wins over one that takes anything.
    pub(crate) fn find(&self, path: &str) -> Found {
        let Some(segments) = segments(path) else { return Found::default() };
        let is_api = segments.first().is_some_and(|word| word == "api");
        let mut found = Found { is_api, ..Found::default() };
        let mut words_best = 0;
        for (at, declared) in self.declared.iter().enumerate() {
            let Some((words, param)) = matched(declared.path, &segments) else { continue };
            if found.routes.is_empty() || words > words_best {
                words_best = words;
                found.param = param;
                found.routes = vec![at];
            } else if words == words_best {
                found.routes.push(at);
            }
        }
        found
    }
}

impl RouteDeclaration {
    fn summary(&mut self, summary: &'static str) -> &mut RouteDeclaration {
        self.summary = summary;
        self
    }

    fn dialect(&mut self, dialect: Dialect) -> &mut RouteDeclaration {
        self.dialect = dialect;
        self
    }

    fn bounds(&mut self, bounds: Bounds) -> &mut RouteDeclaration {
        self.bounds = bounds;
        self
    }
}

/// The decoded segments, with `api` in lower case and no version after it.
fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/')?;
    let decoded =
        path.split('/').map(|part| percent_decode_str(part).decode_utf8().map(|part| part.into_owned()));
    let mut segments: Vec<String> = decoded.collect::<Result<_, _>>().ok()?;
    if segments.last().is_some_and(String::is_empty) {
        segments.pop();
    }
    if segments.first().is_some_and(|first| first.eq_ignore_ascii_case("api")) {
        segments[0].make_ascii_lowercase();
        if segments.get(1).is_some_and(|version| version.eq_ignore_ascii_case("v1.0")) {
            segments.remove(1);
        }
    }
    Some(segments)
}

/// How many words of a declared path the segments have, and the segment that varies; none when they differ.
fn matched(declared: &str, segments: &[String]) -> Option<(usize, Option<String>)> {
    let mut words = 0;
    let mut param = None;
    let mut given = segments.iter();
    for expected in declared.split('/').filter(|word| !word.is_empty()) {
        let segment = given.next().filter(|segment| !segment.is_empty())?;
        if expected.starts_with('{') {
            param = Some(segment.clone());
        } else if expected.eq_ignore_ascii_case(segment) {
            words += 1;
        } else {
            return None;
        }
    }
    given.next().is_none().then_some((words, param))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<(&str, Option<&str>)>) {
        let routes = Routes::all();
        let found = routes.find(path);
        let declared = found.routes.first().map(|at| (routes.declared[*at].path, found.param.as_deref()));
        assert_eq!(declared, expected, "{path}");
    }

    #[test]
    fn a_path_means_one_route_whatever_its_case_version_and_end() {
        check("/api/alerts", Some(("/api/alerts", None)));
        check("/API/Alerts/", Some(("/api/alerts", None)));
        check("/api/V1.0/alerts", Some(("/api/alerts", None)));
        check("/api/v1.0", Some(("/api", None)));
        check("/api/", Some(("/api", None)));
        check("/api/Machines/PC-1.corp/", Some(("/api/machines/{id}", Some("PC-1.corp"))));
        check("/api/machines/a/Alerts/%24Count", Some(("/api/machines/{id}/alerts/$count", Some("a"))));
        check("/api/alerts/$count", Some(("/api/alerts/$count", None)));
        check("/api/ingest/SYSMON", Some(("/api/ingest/sysmon", None)));
        check("/common/discovery/instance", Some(("/common/discovery/instance", None)));
        check("/common/discovery/keys", Some(("/{tenant}/discovery/keys", Some("common"))));
        check("/api/machines/a%2Fb", Some(("/api/machines/{id}", Some("a/b"))));
        check("/", Some(("/", None)));
        check("/_bulk/", Some(("/_bulk", None)));
        check("/logs-2026.11/_bulk", Some(("/{index}/_bulk", Some("logs-2026.11"))));
    }

    #[test]
    fn other_paths_mean_nothing() {
        for path in
            ["//", "", "/api/alerts/a/b", "/api//alerts", "/api/v2.0/alerts", "/api/alerts//", "/api/%ff"]
        {
            check(path, None);
        }
    }

    #[test]
    fn every_route_is_declared_once_and_says_what_it_does() {
        let routes = Routes::all();
        let mut seen = std::collections::BTreeSet::new();
        for route in routes.declared() {
            assert!(seen.insert((route.method.to_string(), route.path)), "{} {}", route.method, route.path);
            assert!(!route.summary.is_empty(), "{}", route.path);
            assert!(route.path.matches('{').count() <= 1, "{}", route.path);
        }
    }

    #[test]
    fn the_open_routes_are_these() {
        let routes = Routes::all();
        let open = routes.declared().iter().filter(|route| route.access == Access::Open);
        let open: Vec<&str> =
            open.map(|route| route.path).filter(|path| !path.starts_with("/{tenant}/")).collect();
        let expected = [
            "/services/collector/health",
            "/services/collector/health/1.0",
            "/common/discovery/instance",
            "/healthz",
            "/readyz",
        ];
        assert_eq!(open, expected);
    }

    #[test]
    fn a_path_is_open_only_where_all_of_it_is_declared_so() {
        let routes = Routes::all();
        for (path, is_open) in [
            ("/healthz", true),
            ("/unicorns", true),
            ("/common/oauth2/token", true),
            ("/services/collector/health", true),
            ("/services/collector", false),
            ("/services/Collector/event/1.0/", false),
            ("/v1/logs", false),
            ("/", false),
            ("/_bulk", false),
            ("/api", false),
            ("/api/unicorns", false),
        ] {
            assert_eq!(routes.is_open(&routes.find(path)), is_open, "{path}");
        }
        let mut routes = Routes { declared: Vec::new(), handlers: Vec::new() };
        routes.get("/both", Access::Open, async || ());
        routes.post("/both", Access::SignedIn, async || ());
        assert!(!routes.is_open(&routes.find("/both")));
    }
}
