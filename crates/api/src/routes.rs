//! The list of routes: what there is, what it demands, and which one a path means.

mod account;
mod action_bulk;
mod action_policy;
pub(crate) mod actions;
mod alerts;
mod antivirus;
mod bulk;
pub(crate) mod changes;
mod device_channel;
pub(crate) mod domains;
mod downloads;
mod enrolment;
mod events;
mod export_settings;
mod federation;
pub(crate) mod files;
mod graph;
mod hec;
pub(crate) mod hunting;
mod incidents;
mod index;
mod indicator_lists;
mod indicators;
mod investigations;
pub(crate) mod ips;
mod lake;
mod library;
pub(crate) mod live_response;
mod machine_groups;
mod machines;
mod management;
mod metadata;
mod openapi;
mod otlp;
mod pages;
mod security_states;
mod siem;
mod sign_in;
mod status;
mod taxii;
pub(crate) mod users;
mod visit;
mod webhooks;

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;
use axum::response::Response;
use futures::FutureExt;
use futures::future::BoxFuture;
use model::Permission;
use model::role::RolePermission;
use odata::EntityType;
use percent_encoding::percent_decode_str;

use self::index::Index;
use crate::limits::Limit;

/// What a route demands of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing: what clients read before they have a token.
    Open,
    /// A token of any tenant, whatever it permits.
    SignedIn,
    /// A token that permits this.
    Needs(Permission),
    /// A token that permits one of these; the handler demands the one that it takes.
    NeedsOneOf(&'static [Permission]),
    /// The signature of an enrolled device.
    Device,
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
    /// A body that it takes, as an example in JSON.
    pub takes: Option<&'static str>,
    pub gives: Gives,
    /// The media type of what it gives, where that is JSON.
    pub(crate) media: &'static str,
    pub(crate) bounds: Bounds,
    pub limit: Limit,
    /// Its answer has a secret that is told once: it is not kept for repeats.
    pub(crate) tells_secrets: bool,
    /// The name of the response action that it asks for, if it does: grants can be bounded to some.
    pub action: Option<&'static str>,
    /// What the role of a user has to hold beside what the permission takes: one of these, where there are any.
    pub roles: &'static [RolePermission],
    /// It is written into the audit log although it changes nothing.
    pub(crate) is_audited: bool,
}

/// What a route answers with when all is well.
#[derive(Clone, Copy, Debug)]
pub enum Gives {
    /// What its summary says.
    Other,
    /// One entity.
    One(&'static EntityType),
    /// A list of entities, with the options of OData.
    List(&'static EntityType),
    /// How many of them pass a filter.
    Count(&'static EntityType),
    /// Something that is made of a list of entities, with the options of OData: an example in JSON.
    ListAs(&'static EntityType, &'static str),
    /// An example in JSON.
    Example(&'static str),
}

/// Whose bounds of body and time hold for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bounds {
    Usual,
    /// The engine ends queries by itself.
    Hunting,
    /// Bodies of events have bounds of their own.
    Ingest,
    /// A file is uploaded.
    Upload,
}

/// Every route. Nothing is registered without saying what it demands.
#[derive(Default)]
pub struct Routes {
    declared: Vec<RouteDeclaration>,
    handlers: Vec<HandlerOf>,
    index: Index,
}

/// What answers the requests of a route.
pub(crate) type HandlerOf = Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>;

/// What a path means.
#[derive(Debug, Default)]
pub(crate) struct Found<'r> {
    /// The routes of the path, one for each method.
    pub routes: Cow<'r, [usize]>,
    /// The first segment that varies, decoded.
    pub param: Option<String>,
    /// What stands in the parentheses of a function's segment.
    pub arguments: Vec<(String, String)>,
    /// Whether it is a path of the API: only those with a token may ask whether it means anything.
    pub is_api: bool,
}

impl Routes {
    /// The routes of the main port.
    pub fn all() -> Routes {
        let mut routes = Routes::default();
        account::routes(&mut routes);
        action_bulk::routes(&mut routes);
        action_policy::routes(&mut routes);
        actions::routes(&mut routes);
        alerts::routes(&mut routes);
        antivirus::routes(&mut routes);
        bulk::routes(&mut routes);
        changes::routes(&mut routes);
        domains::routes(&mut routes);
        device_channel::routes(&mut routes);
        downloads::routes(&mut routes);
        enrolment::routes(&mut routes);
        events::routes(&mut routes);
        export_settings::routes(&mut routes);
        federation::routes(&mut routes);
        files::routes(&mut routes);
        graph::routes(&mut routes);
        hec::routes(&mut routes);
        hunting::routes(&mut routes);
        incidents::routes(&mut routes);
        indicator_lists::routes(&mut routes);
        indicators::routes(&mut routes);
        ips::routes(&mut routes);
        investigations::routes(&mut routes);
        lake::routes(&mut routes);
        library::routes(&mut routes);
        live_response::routes(&mut routes);
        machine_groups::routes(&mut routes);
        machines::routes(&mut routes);
        management::routes(&mut routes);
        metadata::routes(&mut routes);
        openapi::routes(&mut routes);
        otlp::routes(&mut routes);
        pages::routes(&mut routes);
        security_states::routes(&mut routes);
        siem::routes(&mut routes);
        sign_in::routes(&mut routes);
        status::routes(&mut routes);
        taxii::routes(&mut routes);
        users::routes(&mut routes);
        webhooks::routes(&mut routes);
        routes
    }

    /// What is declared of every route.
    pub fn declared(&self) -> &[RouteDeclaration] {
        &self.declared
    }

    /// Whether what a path means may be asked by anybody: every route of it is open, or there is none and it is
    /// not of the API.
    pub(crate) fn is_open(&self, found: &Found) -> bool {
        match &*found.routes {
            [] => !found.is_api,
            routes => routes.iter().all(|at| self.declared[*at].access == Access::Open),
        }
    }

    /// Whether a path is for devices alone.
    pub(crate) fn is_for_devices(&self, found: &Found) -> bool {
        found.routes.first().is_some_and(|at| self.declared[*at].access == Access::Device)
    }

    /// How the routes of a path talk.
    pub(crate) fn dialect(&self, found: &Found) -> Dialect {
        found.routes.first().map_or(Dialect::Own, |at| self.declared[*at].dialect)
    }

    pub(crate) fn handler(&self, at: usize) -> HandlerOf {
        self.handlers[at].clone()
    }

    pub(crate) fn get<T: 'static>(
        &mut self,
        path: &'static str,
        access: Access,
        handler: impl Handler<T, ()>,
    ) -> &mut RouteDeclaration {
        self.add(Method::GET, path, access, handler)
    }

    pub(crate) fn post<T: 'static>(
        &mut self,
        path: &'static str,
        access: Access,
        handler: impl Handler<T, ()>,
    ) -> &mut RouteDeclaration {
        self.add(Method::POST, path, access, handler)
    }

    pub(crate) fn patch<T: 'static>(
        &mut self,
        path: &'static str,
        access: Access,
        handler: impl Handler<T, ()>,
    ) -> &mut RouteDeclaration {
        self.add(Method::PATCH, path, access, handler)
    }

    pub(crate) fn put<T: 'static>(
        &mut self,
        path: &'static str,
        access: Access,
        handler: impl Handler<T, ()>,
    ) -> &mut RouteDeclaration {
        self.add(Method::PUT, path, access, handler)
    }

    pub(crate) fn delete<T: 'static>(
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
        self.index.add(path, at);
        let (dialect, bounds) = (Dialect::Own, Bounds::Usual);
        let limit = Limit::USUAL;
        self.declared.push(RouteDeclaration {
            method,
            path,
            access,
            dialect,
            summary: "",
            takes: None,
            gives: Gives::Other,
            media: "application/json",
            bounds,
            limit,
            tells_secrets: false,
            action: None,
            roles: &[],
            is_audited: false,
        });
        self.handlers.push(Arc::new(move |request| handler.clone().call(request, ()).boxed()));
        &mut self.declared[at]
    }

    /// The routes that a path means: without regard to the letter case of its words, to a slash at its end
    /// and to the version after `/api`. A route with a word in a place wins over one that takes anything.
    /// A word with `()` behind it is a function, which is called with arguments.
    pub(crate) fn find(&self, path: &str) -> Found<'_> {
        let Some(segments) = segments(path) else { return Found::default() };
        let is_api = segments.first().is_some_and(|word| GUARDED.contains(&&**word));
        let Some(matched) = self.index.find(&segments) else { return Found { is_api, ..Found::default() } };
        Found {
            routes: matched.routes,
            param: matched.param.map(str::to_owned),
            arguments: matched.call.map(arguments).unwrap_or_default(),
            is_api,
        }
    }
}

impl RouteDeclaration {
    /// An example of the body that it takes.
    pub(crate) fn takes(&mut self, example: &'static str) -> &mut RouteDeclaration {
        self.takes = Some(example);
        self
    }

    /// It answers with one entity.
    pub(crate) fn gives(&mut self, entity: &'static EntityType) -> &mut RouteDeclaration {
        self.gives = Gives::One(entity);
        self
    }

    /// It answers with a list of entities.
    pub(crate) fn lists(&mut self, entity: &'static EntityType) -> &mut RouteDeclaration {
        self.gives = Gives::List(entity);
        self
    }

    /// It answers with something like this that is made of a list of entities, and takes the options of OData.
    pub(crate) fn lists_as(
        &mut self,
        entity: &'static EntityType,
        example: &'static str,
    ) -> &mut RouteDeclaration {
        self.gives = Gives::ListAs(entity, example);
        self
    }

    /// It answers with how many entities there are.
    pub(crate) fn counts(&mut self, entity: &'static EntityType) -> &mut RouteDeclaration {
        self.gives = Gives::Count(entity);
        self
    }

    /// It answers with something like this, in JSON.
    pub(crate) fn answers(&mut self, example: &'static str) -> &mut RouteDeclaration {
        self.gives = Gives::Example(example);
        self
    }

    /// The form of JSON that it answers in.
    pub(crate) fn media(&mut self, media: &'static str) -> &mut RouteDeclaration {
        self.media = media;
        self
    }

    pub(crate) fn summary(&mut self, summary: &'static str) -> &mut RouteDeclaration {
        self.summary = summary;
        self
    }

    fn dialect(&mut self, dialect: Dialect) -> &mut RouteDeclaration {
        self.dialect = dialect;
        self
    }

    /// Its answer has a secret that is told once.
    fn tells_secrets(&mut self) -> &mut RouteDeclaration {
        self.tells_secrets = true;
        self
    }

    /// How often it may be called.
    fn limit(&mut self, limit: Limit) -> &mut RouteDeclaration {
        self.limit = limit;
        self
    }

    /// Names the response action that the route asks for.
    pub fn action(&mut self, name: &'static str) -> &mut RouteDeclaration {
        self.action = Some(name);
        self
    }

    /// Its calls are written into the audit log as those that change something are.
    fn audited(&mut self) -> &mut RouteDeclaration {
        self.is_audited = true;
        self
    }

    /// Names what the role of a user has to hold, too.
    fn roles(&mut self, roles: &'static [RolePermission]) -> &mut RouteDeclaration {
        self.roles = roles;
        self
    }

    fn bounds(&mut self, bounds: Bounds) -> &mut RouteDeclaration {
        self.bounds = bounds;
        self.limit = match bounds {
            Bounds::Usual | Bounds::Upload => self.limit,
            Bounds::Hunting => Limit::HUNTING,
            Bounds::Ingest => Limit::INGEST,
        };
        self
    }
}

/// First words of paths that only those with a token may ask about.
const GUARDED: [&str; 4] = ["api", "exporter", "taxii2", "v1.0"];

/// The decoded segments, with the first word in lower case and no version after `api`. The key of an entity may
/// stand in parentheses behind the name of its set.
fn segments(path: &str) -> Option<Vec<Cow<'_, str>>> {
    let path = path.strip_prefix('/')?;
    let decoded = path.split('/').map(|part| percent_decode_str(part).decode_utf8());
    let mut segments: Vec<Cow<str>> = decoded.collect::<Result<_, _>>().ok()?;
    if segments.last().is_some_and(|last| last.is_empty()) {
        segments.pop();
    }
    let Some(first) = segments.first_mut() else { return Some(segments) };
    let Some(word) = GUARDED.iter().find(|word| word.eq_ignore_ascii_case(first)) else {
        return Some(segments);
    };
    *first = Cow::Borrowed(word);
    let is_api = *word == "api";
    if is_api && segments.get(1).is_some_and(|version| version.eq_ignore_ascii_case("v1.0")) {
        segments.remove(1);
    }
    let keyed = segments.iter().position(|segment| key(segment).is_some());
    if let Some((at, (set, key))) = keyed.and_then(|at| Some((at, key(&segments[at])?))) {
        segments.splice(at..=at, [set.into(), key.into()]);
    }
    Some(segments)
}

/// A word of a path as it is declared.
fn lower_case(word: &str) -> Cow<'_, str> {
    match word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => word.to_ascii_lowercase().into(),
        false => word.into(),
    }
}

/// The name and the key of `Alerts('da1_1')`.
fn key(segment: &str) -> Option<(String, String)> {
    let (set, rest) = segment.strip_suffix(')')?.split_once('(')?;
    let key = match rest.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(quoted) => quoted.replace("''", "'"),
        None => rest.to_owned(),
    };
    let is_key =
        rest.starts_with('\'') || key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let is_set = !set.is_empty() && set.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_set && is_key && !key.is_empty()).then(|| (set.to_owned(), key))
}

/// The names and values of `ip='10.0.0.5',timestamp=2024-01-01T00:00:00Z`.
fn arguments(call: &str) -> Vec<(String, String)> {
    let mut arguments = Vec::new();
    let mut rest = call;
    while let Some((name, value)) = rest.split_once('=') {
        let value = value.trim_start();
        let (value, after) = match value.strip_prefix('\'') {
            Some(quoted) => {
                let (text, after) = until_quote(quoted);
                (text, after.split_once(',').map_or("", |(_, after)| after))
            }
            None => {
                let (text, after) = value.split_once(',').unwrap_or((value, ""));
                (text.trim().to_owned(), after)
            }
        };
        arguments.push((name.trim().to_owned(), value));
        rest = after;
    }
    arguments
}

/// The text before the quote that ends it, where two quotes are one, and what is behind.
fn until_quote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        if char == '\'' && chars.next_if(|(_, next)| *next == '\'').is_none() {
            return (value, &text[at + 1..]);
        }
        value.push(char);
    }
    (value, "")
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
            "/account",
            "/account",
            "/device/v1/enrol",
            "/downloads/{token}",
            "/federated/{provider}",
            "/federated/{provider}/callback",
            "/services/collector/health",
            "/services/collector/health/1.0",
            "/lists/{token}",
            "/openapi.json",
            "/explorer",
            "/explorer/explorer.js",
            "/explorer/explorer.css",
            "/device",
            "/device",
            "/common/discovery/instance",
            "/common/userrealm/{user}",
            "/healthz",
            "/readyz",
        ];
        assert_eq!(open, expected);
    }

    #[test]
    fn functions_and_keys_are_taken_out_of_segments() {
        let mut routes = Routes::default();
        routes.get("/api/machines/findbyip()", Access::SignedIn, async || ());
        routes.get("/api/machines/{id}", Access::SignedIn, async || ());
        routes.get("/api/alerts/{id}/parts/{part}", Access::SignedIn, async || ());
        for (path, at, param, arguments) in [
            (
                "/api/v1.0/Machines/FindByIp(ip=%27a''b,c''%27,timestamp=2024-01-01T00:00:00Z)",
                0,
                None,
                &[("ip", "a'b,c'"), ("timestamp", "2024-01-01T00:00:00Z")][..],
            ),
            ("/api/machines/findbyip(IP='10.0.0.5' , x=1)", 0, None, &[("IP", "10.0.0.5"), ("x", "1")]),
            ("/api/machines/findbyip()", 0, None, &[]),
            ("/api/machines/findbyip", 1, Some("findbyip"), &[]),
            ("/api/Machines('pc1.example')", 1, Some("pc1.example"), &[]),
            ("/api/machines(00aa)/", 1, Some("00aa"), &[]),
            ("/api/alerts(%27da1_-2%27)/parts/3", 2, Some("da1_-2"), &[]),
        ] {
            let found = routes.find(path);
            assert_eq!((&*found.routes, found.param.as_deref()), (&[at][..], param), "{path}");
            let expected: Vec<_> =
                arguments.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert_eq!(found.arguments, expected, "{path}");
        }
        assert!(routes.find("/v1.0/security/nothing").is_api);
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
        let mut routes = Routes::default();
        routes.get("/both", Access::Open, async || ());
        routes.post("/both", Access::SignedIn, async || ());
        assert!(!routes.is_open(&routes.find("/both")));
    }
}
