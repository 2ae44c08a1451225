//! Calls that are made once.

use store::{Begun, IdempotentCall, KeptAnswer, fingerprint};

use crate::{ONE, TWO, hour, on_each_store};

fn call(key: &str, body: &str) -> IdempotentCall {
    let fingerprint = fingerprint(&[b"POST", body.as_bytes()]);
    IdempotentCall { caller: "app".to_owned(), key: key.to_owned(), fingerprint }
}

#[tokio::test]
async fn a_call_is_made_once_and_answered_again() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let begin = async |call: &IdempotentCall, at| tenant.begin_idempotent(call, hour(at)).await.unwrap();
        let first = call("k", "a");
        assert_eq!(begin(&first, 1).await, Begun::New);
        assert_eq!(begin(&first, 1).await, Begun::Running);
        assert_eq!(begin(&call("k", "b"), 1).await, Begun::Differs);
        assert_eq!(begin(&first, 2).await, Begun::New, "it was cut off");
        let answer = KeptAnswer { status: 201, headers: "{}".to_owned(), body: b"x".to_vec() };
        tenant.finish_idempotent(&first, &answer).await.unwrap();
        assert_eq!(begin(&first, 3).await, Begun::Answered(answer.clone()));
        let other = IdempotentCall { caller: "other".to_owned(), ..first.clone() };
        assert_eq!(begin(&other, 3).await, Begun::New, "keys are of their callers");
        assert_eq!(store.tenant(TWO).begin_idempotent(&first, hour(3)).await.unwrap(), Begun::New);
        tenant.forget_idempotent(&other).await.unwrap();
        assert_eq!(begin(&other, 3).await, Begun::New);
        assert_eq!(begin(&first, 48).await, Begun::New, "answers are kept for a day");
    })
    .await;
}

#[test]
fn fingerprints_tell_parts_apart() {
    assert_ne!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"a", b"bc"]));
    assert_eq!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"ab", b"c"]));
}
