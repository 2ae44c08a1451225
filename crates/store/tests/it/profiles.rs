//! Profiles: states that are looked up, replaced and counted, and generations of them.

use model::machine::{Machine, RiskScore};
use model::{DeviceId, ErrorKind};
use store::{Generation, ProfileKind, ProfileRow, Store, TenantStore};

use crate::{
    ONE, TWO, add_alerts, alert, device, hour, machine, machine_query, on_each_database, on_each_store,
};

const FOLLOWER: &str = "profiles";

fn profile(kind: ProfileKind, id: &str, alias: Option<&str>) -> ProfileRow {
    ProfileRow {
        kind,
        id: id.to_owned(),
        alias: alias.map(str::to_owned),
        first_seen: hour(1),
        last_seen: hour(2),
        state: id.as_bytes().to_vec(),
    }
}

fn file(number: u32) -> ProfileRow {
    profile(
        ProfileKind::File,
        &format!("{number:08}"),
        Some(if number.is_multiple_of(2) { "even" } else { "odd" }),
    )
}

async fn files(store: &TenantStore, generation: Generation) -> Vec<ProfileRow> {
    store.profiles_between(generation, ProfileKind::File, "", None, 100_000).await.unwrap()
}

#[tokio::test]
async fn profiles_are_committed_with_their_machines_and_the_position() {
    on_each_database(async |database| {
        let tenant = database.open().await.tenant(ONE);
        let of_machine = profile(ProfileKind::Machine, device("pc1").as_str(), None);
        let rows = [of_machine.clone(), file(1)];
        tenant.commit_profiles(0, &rows, &[machine("pc1")], Some((FOLLOWER, 7))).await.unwrap();

        let tenant = database.open().await.tenant(ONE);
        assert_eq!(tenant.follower_position(FOLLOWER).await.unwrap(), 7);
        assert_eq!(tenant.machine(&device("pc1")).await.unwrap(), Some(machine("pc1")));
        let id = [of_machine.id.as_str()];
        let found = tenant.profiles_with_ids(Generation::InUse, ProfileKind::Machine, &id).await.unwrap();
        assert_eq!(found, [of_machine]);
        let changed = ProfileRow { last_seen: hour(9), alias: None, state: vec![0, 255], ..file(1) };
        tenant.commit_profiles(0, std::slice::from_ref(&changed), &[], Some((FOLLOWER, 8))).await.unwrap();
        assert_eq!(files(&tenant, Generation::InUse).await, [changed]);
        tenant.commit_profiles(0, &[file(2)], &[], None).await.unwrap();
        assert_eq!(tenant.follower_position(FOLLOWER).await.unwrap(), 8, "a part of a step does not move it");

        let error =
            tenant.commit_profiles(1, &[file(3)], &[machine("pc2")], Some((FOLLOWER, 9))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(tenant.follower_position(FOLLOWER).await.unwrap(), 8, "nothing of it is done");
        assert_eq!(tenant.machine(&device("pc2")).await.unwrap(), None);
        assert_eq!(files(&tenant, Generation::InUse).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn profiles_are_looked_up_by_id_alias_and_range() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let rows: Vec<ProfileRow> = (0..1_250).map(file).collect();
        tenant.commit_profiles(0, &rows, &[], Some((FOLLOWER, 1))).await.unwrap();
        let other = profile(ProfileKind::Domain, "00000001", Some("odd"));
        tenant.commit_profiles(0, std::slice::from_ref(&other), &[], Some((FOLLOWER, 1))).await.unwrap();

        let mut ids: Vec<&str> = rows.iter().rev().map(|row| row.id.as_str()).collect();
        ids.extend(["unknown", ids[0]]);
        let kind = ProfileKind::File;
        assert_eq!(tenant.profiles_with_ids(Generation::InUse, kind, &ids).await.unwrap(), rows);
        assert_eq!(tenant.profiles_with_ids(Generation::InUse, kind, &[]).await.unwrap(), []);
        let odd = tenant.profiles_with_alias(Generation::InUse, kind, "odd", 2).await.unwrap();
        assert_eq!(odd, [file(1), file(3)]);
        assert_eq!(tenant.profile_count_with_alias(kind, "odd").await.unwrap(), 625);
        assert_eq!(tenant.profile_count_with_alias(kind, "none").await.unwrap(), 0);
        for (after, before, limit, expected) in [
            ("00000007", Some("00000010"), 9, vec![file(8), file(9)]),
            ("00000007", None, 2, vec![file(8), file(9)]),
            ("00001248", None, 9, vec![file(1_249)]),
            ("9", None, 9, vec![]),
        ] {
            let found = tenant.profiles_between(Generation::InUse, kind, after, before, limit).await.unwrap();
            assert_eq!(found, expected, "{after}");
        }
        let counts = tenant.profile_counts().await.unwrap();
        assert_eq!(counts, [(ProfileKind::File, 1_250), (ProfileKind::Domain, 1)]);
    })
    .await;
}

#[tokio::test]
async fn a_generation_takes_the_place_of_another_with_its_machines() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let of = |name: &str| profile(ProfileKind::Machine, device(name).as_str(), None);
        let old = [of("stays"), of("goes"), file(1)];
        let tagged = Machine { machine_tags: vec!["tag".to_owned()], ..machine("goes") };
        tenant.commit_profiles(0, &old, &[machine("stays"), tagged], Some((FOLLOWER, 9))).await.unwrap();
        let severe = alert("a", "stays", model::alert::Severity::High, 1);
        add_alerts(&store, [severe]).await;

        let generation = tenant.new_profile_generation().await.unwrap();
        assert!(generation > tenant.profile_generation().await.unwrap());
        let new: Vec<ProfileRow> = (0..600).map(|at| of(&format!("new{at}"))).chain([of("stays")]).collect();
        tenant.add_profiles(generation, &new).await.unwrap();
        tenant.add_profiles(generation, &[file(2)]).await.unwrap();
        assert_eq!(files(&tenant, Generation::InUse).await, [file(1)], "not in use yet");
        assert_eq!(tenant.machine_count(None).await.unwrap(), 2);

        let machine_of = |row: &ProfileRow| {
            let id = DeviceId::parse(&row.id)?;
            Some(Machine { id, os_build: Some(5), ..machine("any") })
        };
        tenant.use_profile_generation(generation, (FOLLOWER, 4), machine_of).await.unwrap();
        assert_eq!(tenant.profile_generation().await.unwrap(), generation);
        assert_eq!(tenant.follower_position(FOLLOWER).await.unwrap(), 4);
        assert_eq!(files(&tenant, Generation::InUse).await, [file(2)]);
        assert_eq!(tenant.machine_count(None).await.unwrap(), 601);
        let stays = tenant.machine(&device("stays")).await.unwrap().unwrap();
        assert_eq!(
            (stays.os_build, stays.risk_score),
            (Some(5), RiskScore::High),
            "the risk is of the alerts"
        );
        assert_eq!(tenant.machine(&device("goes")).await.unwrap(), None);
        let tags = machine_query(&[("$filter", "machineTags/any()")]);
        assert_eq!(tenant.machine_count(tags.filter.as_ref()).await.unwrap(), 0);

        assert_eq!(files(&tenant, Generation::Of(0)).await, [file(1)]);
        tenant.remove_profiles_except(&[generation]).await.unwrap();
        assert_eq!(files(&tenant, Generation::Of(0)).await, []);
        assert_eq!(files(&tenant, Generation::InUse).await, [file(2)]);
    })
    .await;
}

#[tokio::test]
async fn profiles_of_other_generations_are_removed_however_many_there_are() {
    on_each_store(async |store| {
        let (tenant, other) = (store.tenant(ONE), store.tenant(TWO));
        let many: Vec<ProfileRow> = (0..5_100).map(file).collect();
        for generation in [1, 2, 3, 4] {
            tenant.add_profiles(generation, &many[..if generation == 3 { 5_100 } else { 3 }]).await.unwrap();
            other.add_profiles(generation, &many[..3]).await.unwrap();
        }
        tenant.remove_profiles_except(&[2, 4]).await.unwrap();
        for (generation, left) in [(1, 0), (2, 3), (3, 0), (4, 3)] {
            assert_eq!(files(&tenant, Generation::Of(generation)).await.len(), left, "{generation}");
            assert_eq!(files(&other, Generation::Of(generation)).await.len(), 3, "{generation}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_database_from_before_profiles_has_its_events_folded_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Store::open(&path).await.unwrap();
    store.tenant(ONE).commit_machines(FOLLOWER, 7, &[machine("pc1")]).await.unwrap();
    store.tenant(ONE).commit_alerts("rules", 7, &[], 0).await.unwrap();
    store.close().await;
    // As it was when profiles did not exist.
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    for sql in [
        "DELETE FROM _sqlx_migrations WHERE version = 3",
        "DROP TABLE profiles",
        "DROP TABLE profile_generations",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    pool.close().await;

    let tenant = Store::open(&path).await.unwrap().tenant(ONE);
    assert_eq!(tenant.follower_position(FOLLOWER).await.unwrap(), 0);
    assert_eq!(tenant.follower_position("rules").await.unwrap(), 7, "alerts are not raised again");
    assert_eq!(tenant.machine(&device("pc1")).await.unwrap(), Some(machine("pc1")), "until then it stays");
}
