//! Functions of the queries of a tenant.

use model::ErrorKind;
use model::hunting::HuntingFunction;

use crate::{ONE, TWO, hour, on_each_store};

fn function(name: &str, body: &str, at: i64) -> HuntingFunction {
    HuntingFunction {
        name: name.to_owned(),
        description: format!("What {name} does."),
        parameters: "a: string".to_owned(),
        body: body.to_owned(),
        created: hour(at),
        created_by: format!("by{at}"),
        last_updated: hour(at),
        last_updated_by: format!("by{at}"),
    }
}

#[tokio::test]
async fn a_function_is_added_replaced_and_deleted() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        let first = function("Recent", "DeviceInfo", 1);
        assert_eq!(tenant.put_hunting_function(&first, 2).await.unwrap(), Some(first.clone()));
        assert_eq!(
            tenant.put_hunting_function(&function("recent", "1", 2), 2).await.unwrap().map(|f| f.name),
            Some("recent".to_owned())
        );
        assert_eq!(tenant.put_hunting_function(&function("Third", "1", 2), 2).await.unwrap(), None);
        let changed =
            tenant.put_hunting_function(&function("Recent", "DeviceEvents", 3), 2).await.unwrap().unwrap();
        let expected = HuntingFunction {
            body: "DeviceEvents".to_owned(),
            last_updated: hour(3),
            last_updated_by: "by3".to_owned(),
            ..first
        };
        assert_eq!(changed, expected);
        assert_eq!(tenant.hunting_function("Recent").await.unwrap(), Some(expected));
        assert_eq!(tenant.hunting_function_names().await.unwrap(), ["Recent", "recent"]);
        assert_eq!(tenant.hunting_functions().await.unwrap().len(), 2);

        let other = store.tenant(TWO);
        assert_eq!(other.hunting_function("Recent").await.unwrap(), None);
        assert!(other.hunting_functions().await.unwrap().is_empty());
        let missing = other.delete_hunting_function("Recent").await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        tenant.delete_hunting_function("Recent").await.unwrap();
        assert_eq!(tenant.hunting_function_names().await.unwrap(), ["recent"]);
    })
    .await;
}
