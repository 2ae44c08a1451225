//! Writing a file to an object store: at once when it is small, in parts when it is not.

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload, Result};

/// Files of more than this go in parts.
const WHOLE_BYTES_MAX: usize = 16 << 20;
/// Providers ask for at least 5 MiB.
const PART_BYTES: usize = 8 << 20;
const PARTS_AT_ONCE: usize = 4;

/// Writes a file. It is there as a whole when this returns, and not at all when it fails.
pub(super) async fn upload(store: &dyn ObjectStore, path: &Path, bytes: Bytes) -> Result<()> {
    if bytes.len() <= WHOLE_BYTES_MAX {
        store.put(path, PutPayload::from_bytes(bytes)).await?;
        return Ok(());
    }
    let mut upload = store.put_multipart(path).await?;
    let uploaded = upload_parts(&mut *upload, bytes).await;
    if uploaded.is_err() {
        // What is left of parts costs space and can be read by nobody.
        let _ = upload.abort().await;
    }
    uploaded
}

async fn upload_parts(upload: &mut dyn MultipartUpload, bytes: Bytes) -> Result<()> {
    let starts = (0..bytes.len()).step_by(PART_BYTES);
    let parts = starts.map(|start| bytes.slice(start..(start + PART_BYTES).min(bytes.len())));
    let parts = parts.map(|part| upload.put_part(PutPayload::from_bytes(part)));
    stream::iter(parts).buffer_unordered(PARTS_AT_ONCE).try_collect::<()>().await?;
    upload.complete().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;
    use object_store::{PutResult, UploadPart};

    use super::*;

    #[tokio::test]
    async fn files_of_every_size_are_what_was_written() {
        let store = InMemory::new();
        for size in [0, 1, WHOLE_BYTES_MAX, WHOLE_BYTES_MAX + 1, 3 * PART_BYTES] {
            let bytes: Bytes = (0..size).map(|at| (at / 1000) as u8).collect::<Vec<_>>().into();
            let path = Path::from(format!("file{size}"));
            upload(&store, &path, bytes.clone()).await.unwrap();
            assert!(store.get(&path).await.unwrap().bytes().await.unwrap() == bytes, "{size}");
        }
    }

    /// Parts by number; the second fails.
    #[derive(Debug, Default)]
    struct Failing {
        parts: usize,
    }

    #[async_trait::async_trait]
    impl MultipartUpload for Failing {
        fn put_part(&mut self, part: PutPayload) -> UploadPart {
            self.parts += 1;
            assert!(part.content_length() <= PART_BYTES);
            let is_second = self.parts == 2;
            Box::pin(async move {
                match is_second {
                    true => Err(object_store::Error::NotImplemented {
                        operation: "the second part".to_owned(),
                        implementer: "this test".to_owned(),
                    }),
                    false => Ok(()),
                }
            })
        }

        async fn complete(&mut self) -> Result<PutResult> {
            panic!("completed without its second part")
        }

        async fn abort(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn an_upload_without_one_of_its_parts_is_not_completed() {
        let error = upload_parts(&mut Failing::default(), vec![0; 4 * PART_BYTES].into()).await.unwrap_err();
        assert!(error.to_string().contains("the second part"), "{error}");
    }
}
