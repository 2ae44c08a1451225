//! Where addresses are, by databases made here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use expect_test::{Expect, expect};
use proptest::prelude::*;
use query::{Engine, EngineConfig, GeoDatabase};
use serde_json::{Value, json};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::harness::{self, Fixtures};
use crate::mmdb;

/// The database of the other tests.
pub fn places() -> GeoDatabase {
    GeoDatabase::new(mmdb::database(6, &networks())).unwrap()
}

fn networks() -> Vec<(&'static str, Value)> {
    vec![
        (
            "203.0.113.0/24",
            json!({
                "continent": { "code": "OC", "geoname_id": 6255151 },
                "country": { "iso_code": "AU", "names": { "de": "Australien", "en": "Australia" } },
                "subdivisions": [{ "iso_code": "NSW", "names": { "en": "New South Wales" } }],
                "city": { "geoname_id": 2147714, "names": { "en": "Sydney" } },
                "location": { "accuracy_radius": 20, "latitude": -33.8715, "longitude": 151.2006 },
            }),
        ),
        (
            "2001:db8::/32",
            json!({
                "country": { "names": { "en": "Netherlands" } },
                "subdivisions": [{ "names": { "en": "Randstad" } }, { "names": { "en": "Utrecht Province" } }],
                "city": { "names": { "en": "Utrecht" } },
                // Whole numbers are written as another type.
                "location": { "latitude": 52, "longitude": 5 },
            }),
        ),
        ("198.51.100.0/29", json!({ "country": { "names": { "en": "Canada" } } })),
        ("198.51.100.8/32", json!({ "registered_country": { "names": { "en": "Canada" } } })),
    ]
}

/// An engine over a database, or over none.
struct World(Engine);

impl World {
    fn new(geo: Option<GeoDatabase>) -> World {
        let config = EngineConfig { geo: geo.map(Arc::new), ..EngineConfig::default() };
        World(Engine::new(config, None).unwrap())
    }

    fn shown(&self, query: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let result = runtime.block_on(self.0.run(query, Arc::new(Fixtures), harness::now()));
        harness::show(query, result)
    }

    #[track_caller]
    fn check(&self, query: &str, expected: Expect) {
        expected.assert_eq(&self.shown(query));
    }
}

#[test]
fn what_is_known_of_addresses_and_what_is_not() {
    World::new(Some(places())).check(
        r#"datatable(address: string) [
            "203.0.113.255", " 203.0.113.0", "::ffff:203.0.113.1", "2001:DB8::1",
            "198.51.100.7", "198.51.100.8", "203.0.114.0", "2001:db9::", "10.0.0.1", "::1",
            "", "203.0.113", "203.0.113.1/24", "fe80::1%eth0", "no address"]
        | project place = geo_info_from_ip_address(address), address"#,
        expect![[r#"
            place:dynamic | address:string
            {"country":"Australia","state":"New South Wales","city":"Sydney","latitude":-33.8715,"longitude":151.2006} | 203.0.113.255
            {"country":"Australia","state":"New South Wales","city":"Sydney","latitude":-33.8715,"longitude":151.2006} |  203.0.113.0
            {"country":"Australia","state":"New South Wales","city":"Sydney","latitude":-33.8715,"longitude":151.2006} | ::ffff:203.0.113.1
            {"country":"Netherlands","state":"Utrecht Province","city":"Utrecht","latitude":52.0,"longitude":5.0} | 2001:DB8::1
            {"country":"Canada","state":"","city":"","latitude":null,"longitude":null} | 198.51.100.7
             | 198.51.100.8
             | 203.0.114.0
             | 2001:db9::
             | 10.0.0.1
             | ::1
             | 
             | 203.0.113
             | 203.0.113.1/24
             | fe80::1%eth0
             | no address"#]],
    );
}

#[test]
fn the_result_is_a_bag_like_any_other() {
    let world = World::new(Some(places()));
    world.check(
        r#"print geo_info_from_ip_address("203.0.113.1"), geo_info_from_ip_address(dynamic("203.0.113.1")).state"#,
        expect![[r#"
            print_0:dynamic | print_1:dynamic
            {"country":"Australia","state":"New South Wales","city":"Sydney","latitude":-33.8715,"longitude":151.2006} | New South Wales"#]],
    );
    world.check(
        "DeviceNetworkEvents | extend geo_info_from_ip_address(RemoteIP)
         | project country = tostring(Column1.country), parse_json(Column1).city, is_placed = isnotnull(Column1.latitude)",
        expect![[r#"
            country:string | Column1_city:dynamic | is_placed:bool
            Canada |  | false
             |  | false
             |  | false"#]],
    );
    world.check(
        "DeviceNetworkEvents | summarize count() by country = tostring(geo_info_from_ip_address(RemoteIP).country)
         | sort by country asc",
        expect![[r#"
            country:string | count_:long
             | 2
            Canada | 1"#]],
    );
    world.check("print geo_info_from_ip_address(1)", expect!["error at 1:7: geo_info_from_ip_address(): argument 'address' takes string, not long; usage: geo_info_from_ip_address(address: string)"]);
    world.check("print geo_info_from_ip_address()", expect!["error at 1:7: geo_info_from_ip_address(): 0 arguments were given, 1 are taken; usage: geo_info_from_ip_address(address: string)"]);
}

#[test]
fn a_database_of_ipv4_knows_no_other_addresses() {
    let networks = &networks()[..1];
    World::new(Some(GeoDatabase::new(mmdb::database(4, networks)).unwrap())).check(
        r#"print a = geo_info_from_ip_address("203.0.113.1").city,
                 b = geo_info_from_ip_address("::ffff:203.0.113.1").city,
                 c = isnull(geo_info_from_ip_address("2001:db8::1"))"#,
        expect![[r#"
            a:dynamic | b:dynamic | c:bool
            Sydney | Sydney | true"#]],
    );
}

#[test]
fn without_a_database_nothing_is_known_and_the_operator_is_told_once_a_query() {
    let world = World::new(None);
    let query = r#"let country = toscalar(DeviceNetworkEvents
            | summarize take_any(tostring(geo_info_from_ip_address(RemoteIP).country)));
        DeviceNetworkEvents
        | project place = geo_info_from_ip_address(RemoteIP), country, geo_info_from_ip_address("203.0.113.1").city
        | take 1"#;
    let warnings = Warnings::default();
    let counted = warnings.0.clone();
    tracing::subscriber::with_default(warnings, || {
        world.check(
            query,
            expect![[r#"
            place:dynamic | country:string | Column1:dynamic
             |  | "#]],
        );
        assert_eq!(counted.load(Ordering::Relaxed), 1);
        world.shown(query);
        assert_eq!(counted.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn what_is_no_database_of_places_is_refused_with_a_reason() {
    let whole = mmdb::database(6, &networks());
    let numbers = mmdb::database(4, &[("203.0.113.0/24", json!({ "autonomous_system_number": 64500 }))]);
    let other = mmdb::database(4, &[("203.0.113.0/24", json!({ "country": "AU" }))]);
    let mut looped = mmdb::database(4, &networks()[..1]);
    // Both children of the root are the root.
    looped[..6].fill(0);
    let mut shared = mmdb::database(4, &[("203.0.113.1/32", json!({}))]);
    // Both children of each node but the last are the next one: as many leaves as there are addresses.
    for (next, node) in (1..32).zip(shared.chunks_exact_mut(6)) {
        node.copy_from_slice(&[0, 0, next, 0, 0, next]);
    }
    let mut beyond = mmdb::database(4, &networks()[..1]);
    beyond[..3].fill(0xff);
    for (what, bytes, said) in [
        ("nothing", Vec::new(), "could not find MaxMind DB metadata"),
        ("cut off", whole[..whole.len() / 2].to_vec(), "could not find MaxMind DB metadata"),
        ("cut off behind the marker", whole[..whole.len() - 60].to_vec(), "exceeds buffer"),
        ("without its tree", whole[whole.len() - 300..].to_vec(), "search tree extends beyond"),
        ("of network operators", numbers, "'Fixture-City' names no country, city or coordinates"),
        ("of other records", other, "expected map"),
        ("with a loop", looped, "cycle"),
        ("with shared branches", shared, "leaves more than its nodes account for"),
        ("pointing beyond its end", beyond, "resolves to an invalid location"),
    ] {
        let error = GeoDatabase::new(bytes).map(|_| ()).expect_err(what).to_string();
        assert!(error.starts_with("the database of places is not usable: "), "{what}: {error}");
        assert!(error.contains(said), "{what}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// A database that was taken answers, whatever is in it.
    #[test]
    fn damaged_databases_are_refused_or_answer(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)
    ) {
        let mut bytes = mmdb::database(6, &networks());
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(database) = GeoDatabase::new(bytes) {
            let shown = World::new(Some(database)).shown(
                r#"datatable(a: string) ["203.0.113.1", "198.51.100.1", "2001:db8::1", "::", "ffff::"]
                | project geo_info_from_ip_address(a)"#,
            );
            prop_assert_eq!(shown.split('\n').count(), 6, "{}", shown);
        }
    }
}

/// Counts warnings.
#[derive(Default)]
struct Warnings(Arc<AtomicUsize>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
