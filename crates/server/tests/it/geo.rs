//! Places of addresses, by a database that the configuration names.

use std::path::Path;

use client::{Client, Connection};
use serde_json::json;
use server::{Config, Server};

use crate::mmdb;

/// A configuration file beside what it names, with free ports.
fn config(folder: &Path) -> Config {
    let file = folder.join("bartizan.toml");
    let text = "data = 'data'\nlisten = '127.0.0.1:0'\noperator_listen = '127.0.0.1:0'\n\
                [hunting]\ngeo_database = 'places.mmdb'\n\
                [first_tenant]\ndisplay_name = 'Contoso'\ndomain = 'contoso.example'\n";
    std::fs::write(&file, text).unwrap();
    Config::load(&file).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn hunting_knows_the_places_of_the_operators_database() {
    let folder = tempfile::tempdir().unwrap();
    let places = [("203.0.113.0/24", json!({ "country": { "names": { "en": "Australia" } } }))];
    std::fs::write(folder.path().join("places.mmdb"), mmdb::database(6, &places)).unwrap();
    let running = Server::start(config(folder.path())).await.unwrap();
    let connection = Connection::from_file(&folder.path().join("data/credentials.json")).unwrap();
    let client = Client::connect(connection).unwrap();
    let query =
        r#"print place = geo_info_from_ip_address("203.0.113.9"), geo_info_from_ip_address("10.0.0.1")"#;
    let answer = client.hunt(query).await.unwrap();
    assert_eq!(answer.results[0]["place"]["country"], "Australia");
    assert!(answer.results[0]["print_1"].is_null());
    running.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_read_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let path = folder.path().join("places.mmdb");
    let refused = |error: anyhow::Error| {
        let said = format!("{error:#}");
        assert!(said.contains(&format!("hunting.geo_database is {}", path.display())), "{said}");
        said
    };
    let said = refused(Server::start(config.clone()).await.err().unwrap());
    assert!(said.contains("cannot be opened"), "{said}");
    std::fs::write(&path, [0; 1000]).unwrap();
    let said = refused(Server::start(config).await.err().unwrap());
    assert!(said.contains("not usable"), "{said}");
}
