//! Questions to a server in calls that it bears, and whole answers, however many parts they take.

use opcua::client::Session;
use opcua::types::{
    BrowseDescription, BrowseDirection, BrowseResult, DataValue, Error, NodeId, ReadValueId, ReferenceDescription,
    ReferenceTypeId, StatusCode, TimestampsToReturn,
};

/// Questions of one call at first.
const PER_CALL: usize = 200;
/// References of one node that are read.
const REFERENCES_MAX: usize = 200_000;
/// All that a reference may tell.
const EVERYTHING: u32 = 0x3f;

/// What is asked of one session.
pub(super) struct Calls<'a> {
    session: &'a Session,
    per_call: usize,
}

impl<'a> Calls<'a> {
    pub(super) fn new(session: &'a Session) -> Self {
        Self { session, per_call: PER_CALL }
    }

    /// The references of each question, none where a node is not there or not to be seen.
    pub(super) async fn browse(
        &mut self,
        asked: &[BrowseDescription],
    ) -> Result<Vec<Vec<ReferenceDescription>>, Error> {
        let (mut rest, mut found) = (asked, Vec::with_capacity(asked.len()));
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(self.per_call));
            match self.session.browse(now, 0, None).await {
                Ok(results) => {
                    complete(results.len(), now.len())?;
                    found.extend(self.all(now, results).await?);
                    rest = later;
                }
                Err(error) => self.lower(error)?,
            }
        }
        Ok(found)
    }

    /// The values of nodes, in their order.
    pub(super) async fn read(&mut self, asked: &[NodeId]) -> Result<Vec<DataValue>, Error> {
        let reads: Vec<_> = asked.iter().cloned().map(ReadValueId::from).collect();
        let (mut rest, mut values) = (reads.as_slice(), Vec::with_capacity(reads.len()));
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(self.per_call));
            match self.session.read(now, TimestampsToReturn::Neither, 0.0).await {
                Ok(read) => {
                    complete(read.len(), now.len())?;
                    values.extend(read);
                    rest = later;
                }
                Err(error) => self.lower(error)?,
            }
        }
        Ok(values)
    }

    /// Asks less at a time, where that was too much.
    fn lower(&mut self, error: Error) -> Result<(), Error> {
        let status = error.status();
        let too_much = [StatusCode::BadTooManyOperations, StatusCode::BadResponseTooLarge].contains(&status);
        if !too_much || self.per_call == 1 {
            return Err(error);
        }
        self.per_call = (self.per_call / 2).max(1);
        Ok(())
    }

    async fn all(
        &self,
        asked: &[BrowseDescription],
        results: Vec<BrowseResult>,
    ) -> Result<Vec<Vec<ReferenceDescription>>, Error> {
        let (mut found, mut alone) = (vec![Vec::new(); asked.len()], Vec::new());
        for (place, result) in results.into_iter().enumerate() {
            // The server keeps no more answers in parts at a time.
            if result.status_code == StatusCode::BadNoContinuationPoints {
                alone.push(place);
            } else {
                found[place] = self.whole(result).await?;
            }
        }
        for place in alone {
            let result = self.session.browse(&asked[place..=place], 0, None).await?;
            found[place] = self.whole(result.into_iter().next().unwrap_or_default()).await?;
        }
        Ok(found)
    }

    async fn whole(&self, mut result: BrowseResult) -> Result<Vec<ReferenceDescription>, Error> {
        let mut references = result.references.take().unwrap_or_default();
        while !result.continuation_point.is_null_or_empty() && references.len() < REFERENCES_MAX {
            let next = self.session.browse_next(false, &[result.continuation_point.clone()]).await?;
            let Some(more) = next.into_iter().next() else { break };
            result = more;
            references.extend(result.references.take().unwrap_or_default());
        }
        Ok(references)
    }
}

/// A question for the references of a node, of a type and those below it, to nodes of these classes.
pub(super) fn question(
    node: NodeId,
    direction: BrowseDirection,
    kind: ReferenceTypeId,
    classes: u32,
) -> BrowseDescription {
    BrowseDescription {
        node_id: node,
        browse_direction: direction,
        reference_type_id: kind.into(),
        include_subtypes: true,
        node_class_mask: classes,
        result_mask: EVERYTHING,
    }
}

fn complete(answered: usize, asked: usize) -> Result<(), Error> {
    if answered == asked {
        return Ok(());
    }
    Err(Error::new(StatusCode::BadUnexpectedError, format!("the server answers {answered} of {asked} questions")))
}
