//! Writing files and committing them: all of them are listed, or none is and none stays.

use futures::stream::{self, StreamExt, TryStreamExt};
use model::lake::CatalogChange;

use crate::flush::Encoded;
use crate::unfinished::Announced;
use crate::{Lake, LakeError};

impl Lake {
    /// Writes files and makes the change that lists them.
    pub(crate) async fn commit_files(
        &self,
        encoded: &[Encoded],
        change: CatalogChange,
    ) -> Result<(), LakeError> {
        let paths = encoded.iter().flat_map(|Encoded { file, index, .. }| {
            [Some(file.path.clone()), index.as_ref().map(|_| file.index_path())].into_iter().flatten()
        });
        let announced = self.0.unfinished.announce(paths.collect()).await?;
        if let Err(error) = self.write_files(encoded).await {
            self.give_up(announced).await;
            return Err(error);
        }
        match self.0.catalog.commit(change).await {
            Ok(()) => {
                self.0.unfinished.settle(announced).await;
                Ok(())
            }
            Err(error) => {
                self.give_up(announced).await;
                Err(error)
            }
        }
    }

    async fn give_up(&self, announced: Announced) {
        self.0.unfinished.abandon(announced, &*self.0.catalog).await;
    }

    async fn write_files(&self, encoded: &[Encoded]) -> Result<(), LakeError> {
        let writes: Vec<_> = encoded.iter().map(|encoded| self.write_file(encoded)).collect();
        stream::iter(writes).buffer_unordered(self.0.files.written_at_once()).try_collect().await
    }

    async fn write_file(&self, Encoded { file, bytes, index }: &Encoded) -> Result<(), LakeError> {
        self.0.files.put(&file.path, bytes.clone()).await?;
        match index {
            Some(index) => self.0.files.put(&file.index_path(), index.clone()).await,
            None => Ok(()),
        }
    }
}
