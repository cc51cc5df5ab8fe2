//! A file that comes in parts: parts may be written in any order, and nothing is visible before it is complete.

use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};

use super::durable::{self, Durable, Temp};
use super::{NAME, SyncedStore};

/// An upload on its way.
#[derive(Debug)]
pub(super) struct Upload {
    durable: Arc<Durable>,
    target: PathBuf,
    temp: Option<Arc<Temp>>,
    offset: u64,
}

impl Upload {
    pub(super) fn begin(durable: Arc<Durable>, target: PathBuf) -> Result<Self> {
        let temp = Some(Arc::new(durable.begin()?));
        Ok(Self { durable, target, temp, offset: 0 })
    }
}

fn ended() -> object_store::Error {
    object_store::Error::Generic { store: NAME, source: "the upload has ended or a part is still being written".into() }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let offset = self.offset;
        self.offset += data.content_length() as u64;
        let (temp, target) = (self.temp.clone(), self.target.clone());
        Box::pin(async move {
            let temp = temp.ok_or_else(ended)?;
            SyncedStore::blocking(move || {
                let mut offset = offset;
                for part in &data {
                    temp.file.write_all_at(part, offset).map_err(|source| durable::error(&target, source))?;
                    offset += part.len() as u64;
                }
                Ok(())
            })
            .await
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let temp = self.temp.take().and_then(Arc::into_inner).ok_or_else(ended)?;
        let (durable, target) = (Arc::clone(&self.durable), self.target.clone());
        SyncedStore::blocking(move || durable.publish(temp, &target, false)).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        self.temp = None;
        Ok(())
    }
}
