//! Whose files they are.
//!
//! A data folder that is opened over the files of another lake would show none of its own and could take the other's
//! for garbage. So an object store carries the name of its lake, and the data folder carries it too.

use serde::{Deserialize, Serialize};

use super::{Existing, Files};
use crate::LakeError;

/// The object that names the lake.
const MARKER: &str = "bartizan-lake.json";
const LAYOUT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Marker {
    lake: String,
    layout: u32,
}

impl Files {
    /// Makes sure that the files are those of the catalog, which lists some or none yet.
    pub(crate) async fn claim(&self, catalog_is_empty: bool) -> Result<(), LakeError> {
        let Some(lake) = &self.lake else { return Ok(()) };
        match self.marker().await? {
            Some(marker) if marker.lake != *lake => Err(self.foreign(format!(
                "its files are those of the lake {}, and the data folder has the lake {lake}",
                marker.lake
            ))),
            Some(marker) if marker.layout != LAYOUT => {
                Err(self.foreign(format!("its layout {} is not known to this version", marker.layout)))
            }
            Some(_) => Ok(()),
            None if !catalog_is_empty => Err(self.foreign(format!(
                "it does not hold the files that the data folder lists: there is no {MARKER}"
            ))),
            None => self.mark(lake).await,
        }
    }

    async fn marker(&self) -> Result<Option<Marker>, LakeError> {
        let bytes = match self.read(MARKER).await {
            Ok(bytes) => bytes,
            Err(LakeError::File { source: object_store::Error::NotFound { .. }, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let marker = serde_json::from_slice(&bytes);
        marker.map(Some).map_err(|error| self.foreign(format!("{MARKER} cannot be read: {error}")))
    }

    async fn mark(&self, lake: &str) -> Result<(), LakeError> {
        let marker = Marker { lake: lake.to_owned(), layout: LAYOUT };
        let text = serde_json::to_vec(&marker).map_err(|error| self.foreign(error.to_string()))?;
        if self.put_whole(MARKER, text.into(), Existing::Keep).await? {
            return Ok(());
        }
        // Another was quicker, or it was ourselves and the answer was lost.
        match self.marker().await? {
            Some(marker) if marker.lake == lake => Ok(()),
            _ => Err(self.foreign("another lake takes it at this moment".to_owned())),
        }
    }

    fn foreign(&self, reason: String) -> LakeError {
        LakeError::ObjectStore { store: self.shown.clone(), reason }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn a_store_has_one_lake() {
        let store = Arc::new(InMemory::new());
        let files = |lake: &str| Files::remote(store.clone(), 0).of_lake(lake.to_owned());
        let refused = files("a").claim(false).await.unwrap_err().to_string();
        assert!(refused.contains("does not hold the files"), "{refused}");
        files("a").claim(true).await.unwrap();
        files("a").claim(false).await.unwrap();
        let refused = files("b").claim(true).await.unwrap_err().to_string();
        assert!(refused.contains("the lake a, and the data folder has the lake b"), "{refused}");
        Files::remote(store.clone(), 0).claim(false).await.unwrap();
    }
}
