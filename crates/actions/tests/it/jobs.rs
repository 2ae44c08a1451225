//! Jobs beside each other: none waits for another one's quota, and none outlives the right to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actions::{ActionError, JobCaller, Policy, Requestors};
use futures::FutureExt;
use futures::future::BoxFuture;
use model::machine_action::ActionStatus;
use model::{DeviceId, Reach, TenantId};
use sensor_proto::{Order, ScanMode};

use crate::world::{ONE, TWO, isolate, request, world};

/// Lets the app of tenant two go on for as long as it may.
struct Asked(AtomicBool);

impl Requestors for Asked {
    fn reach<'a>(
        &'a self,
        _: TenantId,
        _: &'a JobCaller,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Option<Reach>, ActionError>> {
        assert_eq!(order.topic(), isolate().topic());
        async { Ok(self.0.load(Ordering::SeqCst).then_some(Reach::All)) }.boxed()
    }
}

#[tokio::test]
async fn waiting_jobs_keep_no_other_tenant_from_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _device) = world(folder.path()).await;
    let none = Policy { actions_per_hour: 0, ..Policy::default() };
    let (one, two) = (world.actions.tenant(ONE), world.actions.tenant(TWO));
    one.set_policy(&none).await.unwrap();
    two.set_policy(&none).await.unwrap();
    let caller = JobCaller::default;
    for _ in 0..30 {
        one.start_job(&request(isolate()), caller(), None, std::slice::from_ref(&world.machine.id))
            .await
            .unwrap();
    }
    // It has no such machine, which is known once the job has its turn.
    let unknown = [DeviceId::from_name(TWO, "unknown")];
    two.start_job(&request(isolate()), caller(), None, &unknown).await.unwrap();
    let other = two.start_job(&request(isolate()), caller(), None, &unknown).await.unwrap();
    world.actions.tick().await.unwrap();
    assert!(two.job(&other.id).await.unwrap().is_submitted);

    // Nor a job from its turn behind those of its tenant that wait for something else.
    let no_live = Policy { live_responses: 0, ..Policy::default() };
    one.set_policy(&no_live).await.unwrap();
    for _ in 0..4 {
        world.actions.tick().await.unwrap();
    }
    let live = Order::LiveResponse { commands: Vec::new(), result_bytes_max: 1 };
    for _ in 0..30 {
        one.start_job(&request(live.clone()), caller(), None, std::slice::from_ref(&world.machine.id))
            .await
            .unwrap();
    }
    one.set_policy(&none).await.unwrap();
    let scan = request(Order::Scan { mode: ScanMode::Quick });
    let scan = one.start_job(&scan, caller(), None, std::slice::from_ref(&world.machine.id)).await.unwrap();
    assert!(!scan.is_submitted);
    one.set_policy(&no_live).await.unwrap();
    for _ in 0..4 {
        world.actions.tick().await.unwrap();
    }
    assert_eq!(one.job(&scan.id).await.unwrap().devices[0].status, Some(ActionStatus::Pending));
}

#[tokio::test]
async fn a_job_ends_when_who_asked_for_it_may_not_do_so_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _device) = world(folder.path()).await;
    let asked = Arc::new(Asked(AtomicBool::new(true)));
    world.actions.ask_about_requestors(asked.clone());
    let actions = world.actions.tenant(ONE);
    actions.set_policy(&Policy { actions_per_hour: 0, ..Policy::default() }).await.unwrap();
    let devices = [world.machine.id.clone()];
    let job = actions.start_job(&request(isolate()), JobCaller::default(), None, &devices).await.unwrap();
    world.actions.tick().await.unwrap();
    assert!(!actions.job(&job.id).await.unwrap().is_submitted, "it waits");
    asked.0.store(false, Ordering::SeqCst);
    actions.set_policy(&Policy::default()).await.unwrap();
    world.actions.tick().await.unwrap();
    let job = actions.job(&job.id).await.unwrap();
    assert!(job.is_submitted);
    assert_eq!(job.devices[0].action, None);
    assert!(job.devices[0].refusal.as_deref().is_some_and(|refusal| refusal.contains("who asked")));
}
