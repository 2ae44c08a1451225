//! The device directory.

use crate::{ONE, TWO, device, on_each_store};

#[tokio::test]
async fn a_name_keeps_the_device_it_first_meant() {
    on_each_store(async |store| {
        let tenant = store.tenant(ONE);
        tenant.add_device_names(&[("PC1".to_owned(), device("pc1"))]).await.unwrap();
        let more = [("pc1".to_owned(), device("other")), ("Pc2.Corp".to_owned(), device("pc2.corp"))];
        tenant.add_device_names(&more).await.unwrap();
        tenant.add_device_names(&more).await.unwrap();
        tenant.add_device_names(&[]).await.unwrap();

        let expected = [("pc1".to_owned(), device("pc1")), ("pc2.corp".to_owned(), device("pc2.corp"))];
        assert_eq!(tenant.device_names().await.unwrap(), expected);
        assert_eq!(store.tenant(TWO).device_names().await.unwrap(), []);
    })
    .await;
}
