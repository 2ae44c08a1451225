//! An issuer over an empty store.

use std::sync::Arc;

use identity::{Issuer, IssuerConfig, SealingKey};
use model::{Clock, Ticks};
use store::Store;
use tokio::runtime::Runtime;

pub struct World {
    pub runtime: Runtime,
    pub issuer: Issuer,
    #[allow(dead_code)]
    pub tenant: String,
    #[allow(dead_code)]
    pub kid: String,
    _folder: tempfile::TempDir,
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Ticks {
        Ticks::from_unix_seconds(1_700_000_000)
    }
}

impl World {
    fn new() -> World {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (issuer, tenant) = runtime.block_on(async {
            let store = Store::open(&folder.path().join("state.db")).await.unwrap();
            let config = IssuerConfig::new("https://bartizan.example");
            let issuer = Issuer::open(store, SealingKey::new([7; 32]), config, Arc::new(Still)).await.unwrap();
            let tenant = issuer.create_tenant("Contoso", "contoso.example").await.unwrap();
            (issuer, tenant.id.to_string())
        });
        let kid = issuer.jwks()["keys"][0]["kid"].as_str().unwrap().to_owned();
        World { runtime, issuer, tenant, kid, _folder: folder }
    }
}

pub fn with(run: impl FnOnce(&World)) {
    thread_local!(static WORLD: World = World::new());
    WORLD.with(run);
}
