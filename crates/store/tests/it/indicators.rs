//! Indicators: once by kind and value, of their makers, and not for ever.

use model::indicator::{Indicator, IndicatorAction, IndicatorType, SourceType};
use model::{ErrorKind, Ticks};
use odata::Limits;
use store::{
    INDICATOR_TYPE, IndicatorObject, IndicatorOwner, ObjectTaken, PageRequest, Submission, Submitted,
    TenantStore,
};

use crate::{ONE, TWO, hour, on_each_store};

const ANYONE: IndicatorOwner = IndicatorOwner::Anyone;
const DAY: i64 = 24;

pub(crate) fn submission(value: &str) -> Submission {
    let indicator = Indicator {
        id: String::new(),
        indicator_value: value.to_owned(),
        indicator_type: IndicatorType::IpAddress,
        action: IndicatorAction::Block,
        application: None,
        source: "feed".to_owned(),
        source_type: SourceType::AadApp,
        created_by: "app-1".to_owned(),
        created_by_display_name: Some("feed".to_owned()),
        created_by_source: None,
        last_updated_by: None,
        creation_time: Ticks(0),
        expiration_time: None,
        last_update_time: Ticks(0),
        severity: None,
        title: "bad".to_owned(),
        description: "from a feed".to_owned(),
        recommended_actions: None,
        rbac_group_names: Vec::new(),
        rbac_group_ids: Vec::new(),
        generate_alert: false,
        educate_url: None,
        external_id: None,
    };
    Submission { indicator, by: "app-1".to_owned() }
}

pub(crate) async fn submit(tenant: &TenantStore, submission: Submission) -> Indicator {
    match tenant.submit_indicators(&ANYONE, hour(1), &[submission]).await.unwrap().remove(0) {
        Submitted::Stored(indicator) => *indicator,
        Submitted::NotYours => panic!("anyone may"),
    }
}

async fn values(tenant: &TenantStore, owner: &IndicatorOwner, now: i64, filter: &str) -> Vec<String> {
    let options: &[(&str, &str)] = if filter.is_empty() { &[] } else { &[("$filter", filter)] };
    let query = odata::parse(&INDICATOR_TYPE, options, Limits::new(100)).unwrap();
    let request = PageRequest { limit: 100, cursor: None };
    let page = tenant.list_indicators(owner, hour(now), &query, request).await.unwrap();
    let count = tenant.indicator_count(owner, hour(now), query.filter.as_ref()).await.unwrap();
    assert_eq!(count, page.items.len() as u64);
    page.items.into_iter().map(|indicator| indicator.indicator_value).collect()
}

#[tokio::test]
async fn the_same_value_is_changed_and_keeps_its_id_and_maker() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let first = submit(&tenant, submission("AA.example")).await;
        let mut again = submission("aa.EXAMPLE");
        again.by = "app-2".to_owned();
        again.indicator.created_by = "app-2".to_owned();
        again.indicator.application = Some("other".to_owned());
        again.indicator.title = "worse".to_owned();
        let second = submit(&tenant, again).await;
        assert_eq!((&second.id, &second.created_by), (&first.id, &first.created_by));
        assert_eq!((second.title.as_str(), second.application), ("worse", None));
        assert_eq!(second.last_updated_by.as_deref(), Some("app-2"));
        let mut url = submission("http://a/B");
        url.indicator.indicator_type = IndicatorType::Url;
        let mut other = url.clone();
        other.indicator.indicator_value = "http://a/b".to_owned();
        assert_ne!(submit(&tenant, url).await.id, submit(&tenant, other).await.id, "paths have letter case");
        assert!(values(&store.tenant(TWO), &ANYONE, 1, "").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_owns_some_sees_and_changes_only_those() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let mine = submit(&tenant, submission("10.0.0.1")).await;
        let mut foreign = submission("10.0.0.2");
        foreign.indicator.created_by = "app-2".to_owned();
        let foreign = submit(&tenant, foreign).await;
        let me = IndicatorOwner::Only("app-1".to_owned());
        assert_eq!(values(&tenant, &me, 1, "").await, ["10.0.0.1"]);
        assert_eq!(values(&tenant, &ANYONE, 1, "").await, ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(tenant.indicator(&me, &foreign.id).await.unwrap(), None);
        let batch = [submission("10.0.0.2"), submission("10.0.0.3")];
        let answers = tenant.submit_indicators(&me, hour(2), &batch).await.unwrap();
        assert_eq!(answers[0], Submitted::NotYours);
        assert!(matches!(answers[1], Submitted::Stored(_)));
        let both = [mine.id.clone(), foreign.id.clone()];
        let error = tenant.remove_indicators(&me, &both).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(tenant.indicator(&me, &mine.id).await.unwrap().is_some(), "all or none");
        tenant.remove_indicators(&ANYONE, &both).await.unwrap();
        assert_eq!(values(&tenant, &ANYONE, 1, "").await, ["10.0.0.3"]);
    })
    .await;
}

#[tokio::test]
async fn expired_indicators_are_not_listed_and_go_in_the_end() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let mut short = submission("10.0.0.1");
        short.indicator.expiration_time = Some(hour(3));
        let short = submit(&tenant, short).await;
        submit(&tenant, submission("10.0.0.2")).await;
        assert_eq!(values(&tenant, &ANYONE, 2, "").await.len(), 2);
        assert_eq!(values(&tenant, &ANYONE, 3, "").await, ["10.0.0.2"]);
        assert_eq!(values(&tenant, &ANYONE, 2, "indicatorValue in ['10.0.0.1','x']").await, ["10.0.0.1"]);
        assert!(tenant.indicator(&ANYONE, &short.id).await.unwrap().is_some());
        tenant.submit_indicators(&ANYONE, hour(40 * DAY), &[submission("10.0.0.3")]).await.unwrap();
        assert_eq!(tenant.indicator(&ANYONE, &short.id).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_submission_that_comes_later_has_a_later_time() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let mut times = Vec::new();
        // The second one waited while its time went by, and the clock of the last but one was wrong.
        for (at, seconds) in [(2, 0), (2, -1), (2, 0), (2, 1), (40, 0), (3, 0)] {
            let now = hour(at).plus_seconds(seconds);
            let submissions = [submission(&format!("{at}.example")), submission(&format!("x{at}.example"))];
            let stored = tenant.submit_indicators(&ANYONE, now, &submissions).await.unwrap();
            for submitted in stored {
                let Submitted::Stored(indicator) = submitted else { panic!("anyone may") };
                times.push(
                    (indicator.last_update_time.0 - hour(2).0) as f64 / model::time::TICKS_PER_SECOND as f64,
                );
            }
        }
        let expected = [0.0, 0.0, 1e-7, 1e-7, 2e-7, 2e-7, 1.0, 1.0, 136_800.0, 136_800.0, 3_600.0, 3_600.0];
        assert_eq!(times, expected);
    })
    .await;
}

fn object(values: &[&str]) -> IndicatorObject {
    let object_id = "indicator--26ffb872-1dd9-446e-b6f5-d58527e5b5d2".to_owned();
    let submission = |value: &&str| {
        let mut submission = submission(value);
        submission.indicator.external_id = Some(object_id.clone());
        submission
    };
    IndicatorObject { submissions: values.iter().map(submission).collect(), object_id, numbered: None }
}

#[tokio::test]
async fn an_object_is_what_it_says_last_or_what_it_was() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let me = IndicatorOwner::Only("app-1".to_owned());
        let put = async |object: IndicatorObject| {
            tenant.submit_indicator_objects(&me, hour(1), &[object]).await.unwrap().remove(0)
        };
        let mut foreign = submission("10.0.0.9");
        foreign.indicator.created_by = "app-2".to_owned();
        foreign.indicator.external_id = Some(object(&[]).object_id);
        submit(&tenant, foreign).await;
        let plain = submit(&tenant, submission("10.0.0.8")).await;

        let ObjectTaken::Stored(first) = put(object(&["10.0.0.1", "10.0.0.2", "10.0.0.1"])).await else {
            panic!("it is mine")
        };
        assert_eq!(first.len(), 2);
        let ObjectTaken::Stored(second) = put(object(&["10.0.0.2", "10.0.0.3"])).await else {
            panic!("it is mine")
        };
        assert_eq!(second[0], first[1], "what stays keeps its id");
        assert_eq!(values(&tenant, &ANYONE, 1, "").await.len(), 4);
        assert_eq!(put(object(&["10.0.0.4", "10.0.0.9"])).await, ObjectTaken::NotYours);
        assert_eq!(values(&tenant, &me, 1, "").await, ["10.0.0.8", "10.0.0.2", "10.0.0.3"]);
        let ids = [object(&[]).object_id];
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        for (owner, expected) in [(&ANYONE, 3), (&me, 2)] {
            let found = tenant.indicators_of_objects(owner, hour(1), &ids, 10).await.unwrap();
            assert_eq!(found.len(), expected);
        }
        assert_eq!(put(object(&[])).await, ObjectTaken::Stored(second));
        let by_number = IndicatorObject { numbered: Some(plain.id.clone()), ..object(&["10.0.0.5"]) };
        assert!(matches!(put(by_number).await, ObjectTaken::Stored(_)));
        assert_eq!(values(&tenant, &ANYONE, 1, "").await, ["10.0.0.9", "10.0.0.5"]);
    })
    .await;
}
