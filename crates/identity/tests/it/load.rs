//! Consents, sign-ins and keys that change while many callers are judged: nobody is allowed what was taken back, and
//! nobody is refused who may, outside the time that a change is given.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use identity::TokenVersion::V2;
use identity::{AuthError, Issuer, IssuerConfig};
use model::Permission;
use store::Store;

use crate::fixture::{BASE, Fixture, TestClock, run, sealing};

const CALLERS: usize = 6;
const ROUNDS: usize = 12;

/// What callers may count on. While it is being changed either answer is right.
const CHANGING: u64 = 1 << 63;

struct Expected(AtomicU64);

impl Expected {
    /// What is expected now, by a number that no other moment has.
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// From now on neither answer is wrong.
    fn change(&self) {
        self.0.fetch_or(CHANGING, Ordering::SeqCst);
    }

    /// From now on this one is.
    fn settle(&self, is_allowed: bool) {
        let before = self.now() & !CHANGING;
        self.0.store(((before >> 1) + 1) << 1 | u64::from(is_allowed), Ordering::SeqCst);
    }
}

/// Asks until it is told to end, and answers with how many verdicts were judged.
async fn ask(issuer: Arc<Issuer>, token: String, expected: Arc<Expected>, ends: Arc<AtomicU64>) -> usize {
    let mut judged = 0;
    while ends.load(Ordering::SeqCst) == 0 {
        let before = expected.now();
        let verdict = issuer.verify(&token).await;
        if before == expected.now() && before & CHANGING == 0 {
            let is_allowed = match &verdict {
                Ok(caller) => caller.permissions.contains(&Permission::MachineRead),
                Err(AuthError::UnknownKey) => false,
                Err(error) => panic!("{error}"),
            };
            assert_eq!(is_allowed, before & 1 == 1, "{verdict:?}");
            judged += 1;
        }
        tokio::task::yield_now().await;
    }
    judged
}

#[test]
fn under_load_a_change_holds_when_it_has_to_and_nothing_else_changes() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("state.db")).await.unwrap();
        let clock = TestClock::at("2024-05-06T07:08:09Z");
        let fixture = Fixture::on(store.clone(), clock.clone()).await;
        let Fixture { issuer, tenant, app, .. } = &fixture;
        let token = fixture.token(V2).await;
        // One issuer makes the changes; the other stands for another process over the same store.
        let open = async || {
            let issuer = Issuer::open(store.clone(), sealing(), IssuerConfig::new(BASE), clock.clone()).await;
            Arc::new(issuer.unwrap())
        };
        let (near, far) = (open().await, open().await);
        let (of_near, of_far) =
            (Arc::new(Expected(AtomicU64::new(1))), Arc::new(Expected(AtomicU64::new(1))));
        let ends = Arc::new(AtomicU64::new(0));
        let callers: Vec<_> = (0..CALLERS)
            .map(|at| {
                let (issuer, expected) = if at % 2 == 0 { (&near, &of_near) } else { (&far, &of_far) };
                tokio::spawn(ask(Arc::clone(issuer), token.clone(), Arc::clone(expected), Arc::clone(&ends)))
            })
            .collect();
        let pause = async || {
            for _ in 0..50 {
                tokio::time::sleep(std::time::Duration::from_micros(200)).await;
            }
        };
        for round in 0..ROUNDS {
            let is_allowed = round % 2 == 1;
            of_near.change();
            of_far.change();
            match is_allowed {
                true => drop(issuer.consent(*tenant, *app, "admin").await.unwrap()),
                false => store.tenant(*tenant).remove_grant(*app).await.unwrap(),
            }
            near.forget(*tenant);
            of_near.settle(is_allowed);
            pause().await;
            // Elsewhere it has to be noticed within a minute.
            clock.advance(60);
            of_far.settle(is_allowed);
            pause().await;
            // A key that is added changes nothing for tokens of the one before.
            if round % 4 == 3 {
                near.rotate_signing_key().await.unwrap();
                far.refresh().await.unwrap();
                pause().await;
            }
        }
        let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
        of_near.change();
        of_far.change();
        near.retire_signing_key(&kid).await.unwrap();
        of_near.settle(false);
        far.refresh().await.unwrap();
        of_far.settle(false);
        pause().await;
        ends.store(1, Ordering::SeqCst);
        for caller in callers {
            assert!(caller.await.unwrap() > ROUNDS, "too few verdicts were judged");
        }
    });
}
