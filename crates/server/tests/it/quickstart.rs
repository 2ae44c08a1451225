use server::{Quickstart, QuickstartOptions, SandboxOptions};

use crate::{count, eventually, process, send, start, start_with};

const DEVICE: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[tokio::test(flavor = "multi_thread")]
async fn answers_over_tls_and_finds_everything_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (first, client) = start(&data).await;
    let credentials = first.credentials().clone();
    assert!(credentials.ca_file.is_absolute() && credentials.ca_file.is_file());
    assert!(first.text().contains(&credentials.client_id));
    let rows: Vec<_> = (0..50).map(|second| process(DEVICE, "pc1.corp.example", second, "a")).collect();
    send(&client, "DeviceProcessEvents", &rows).await;
    assert_eq!(count(&client, "DeviceProcessEvents").await, 50);
    let second = Quickstart::start(QuickstartOptions { port: 0, ..QuickstartOptions::new(&data) }).await;
    assert!(second.err().unwrap().to_string().contains("in use"));
    first.shutdown().await.unwrap();

    assert_eq!(std::fs::read_dir(data.join("log")).unwrap().filter(is_full).count(), 0, "flushed");
    let (again, client) = start(&data).await;
    let now = again.credentials();
    assert_eq!((now.tenant_id, &now.client_id), (credentials.tenant_id, &credentials.client_id));
    assert_eq!((&now.client_secret, &now.password), (&credentials.client_secret, &credentials.password));
    assert_eq!(count(&client, "DeviceProcessEvents").await, 50);
    again.shutdown().await.unwrap();

    let fresh = QuickstartOptions { port: 0, sandbox: None, fresh: true, ..QuickstartOptions::new(&data) };
    let (fresh, client) = start_with(fresh).await;
    assert_ne!(fresh.credentials().tenant_id, credentials.tenant_id);
    assert_eq!(count(&client, "DeviceProcessEvents").await, 0);
    fresh.shutdown().await.unwrap();
}

/// Whether a log segment holds more than its head.
fn is_full(file: &std::io::Result<std::fs::DirEntry>) -> bool {
    file.as_ref().unwrap().metadata().unwrap().len() > 64
}

#[tokio::test(flavor = "multi_thread")]
async fn simulated_devices_report_as_clients_do() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Some(SandboxOptions { devices: 4, ..SandboxOptions::default() });
    let options =
        QuickstartOptions { port: 0, sandbox, ..QuickstartOptions::new(folder.path().join("data")) };
    let (quickstart, client) = start_with(options).await;
    let machines = eventually(&client, "/api/machines", |answer| {
        answer["value"].as_array().is_some_and(|machines| {
            machines.len() == 4 && machines.iter().all(|machine| machine["lastIpAddress"].is_string())
        })
    });
    let machines = machines.await;
    assert!(machines["value"][0]["osPlatform"].as_str().is_some_and(|platform| platform != "Unknown"));
    assert_eq!(machines["value"][0]["machineTags"][0], "Simulated");
    quickstart.shutdown().await.unwrap();
}
