use client::{Client, ClientError, Connection, Overrides};

const FILE: &str = r#"{"base_url":"https://localhost:8443/","authority":"https://localhost:8443/t",
    "tenant_id":"t","client_id":"c","client_secret":"s3cret","username":"admin","password":"p",
    "ca_file":"ca.pem"}"#;

fn written(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quickstart.json");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn reads_the_quickstart_file() {
    let (folder, path) = written(FILE);
    let connection = Connection::from_file(&path).unwrap();
    assert_eq!(connection.base_url, "https://localhost:8443");
    assert_eq!(connection.authority, "https://localhost:8443/t");
    assert_eq!(connection.ca_file, Some(folder.path().join("ca.pem")));
}

#[test]
fn overrides_win_and_can_stand_alone() {
    let (_folder, path) = written(FILE);
    let overrides = Overrides { client_id: Some("other".into()), ..Overrides::default() };
    assert_eq!(Connection::resolve(Some(&path), overrides).unwrap().client_id, "other");

    let alone = Overrides {
        base_url: Some("https://siem.example".into()),
        tenant_id: Some("t2".into()),
        client_id: Some("c".into()),
        client_secret: Some("s".into()),
        ..Overrides::default()
    };
    let connection = Connection::resolve(None, alone.clone()).unwrap();
    assert_eq!(connection.authority, "https://siem.example/t2");
    let error = Connection::resolve(None, Overrides { client_secret: None, ..alone }).unwrap_err();
    assert!(matches!(error, ClientError::MissingSetting("client_secret")));
}

#[test]
fn a_broken_file_is_named_without_its_text() {
    let (_folder, path) = written(r#"{"client_secret":"s3cret","base_url":7}"#);
    let error = Connection::from_file(&path).unwrap_err().to_string();
    assert!(error.contains("quickstart.json") && !error.contains("s3cret"), "{error}");
}

#[test]
fn unusable_settings_are_refused_when_connecting() {
    let (folder, path) = written(FILE);
    let connection = Connection::from_file(&path).unwrap();
    assert!(matches!(Client::connect(connection.clone()), Err(ClientError::File { .. })));
    std::fs::write(folder.path().join("ca.pem"), "no certificate").unwrap();
    assert!(matches!(Client::connect(connection.clone()), Err(ClientError::Tls(_))));
    let connection = Connection { base_url: "localhost:8443".into(), ca_file: None, ..connection };
    assert!(matches!(Client::connect(connection), Err(ClientError::BadSetting { .. })));
}
