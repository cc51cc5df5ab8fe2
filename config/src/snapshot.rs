//! All that changes rows, as one value with a name: rows are a function of the log and this snapshot alone.
//!
//! It is stored as canonical JSON by its SHA-256 under `lake/_config/`, and takes effect by a control record in the log. What
//! does not change rows (ports, folders, intervals) is in [`crate::Settings`] and not here.

mod canonical;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tacho_schemas::Digest;

use crate::ids::IdPolicy;
use crate::limits::Limits;
use crate::models::{Models, RobotModel};
use crate::problem::Problems;
use crate::roster::Roster;
use crate::settings::Settings;

/// The set of formulas of this release.
pub const FORMULAS: &str = "2026.3";

/// The set of formulas of the release before: the same indicators, which took more on trust.
pub const FORMULAS_2026_2: &str = "2026.2";

/// The set of formulas before that one: six indicators a joint, three a pack, and what follows from them.
pub const FORMULAS_2026_1: &str = "2026.1";

/// The sets of formulas that this binary has. A snapshot that names another one halts its partition before any commit.
pub const FORMULAS_SUPPORTED: &[&str] = &[FORMULAS, FORMULAS_2026_2, FORMULAS_2026_1];

/// Version of the JSON that this code writes and reads.
const FORMAT: u32 = 1;

/// All that changes rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    models: Models,
    limits: Limits,
    ids: IdPolicy,
    formulas: String,
    schema_ids: BTreeMap<String, Digest>,
    roster: Option<Digest>,
    /// What the roster says; a snapshot that was read back has only its digest until it is given.
    roster_content: Option<Arc<Roster>>,
}

/// Why bytes are no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Not JSON, or not of the shape of this version.
    #[error("not a configuration snapshot")]
    Malformed(#[source] serde_json::Error),
    /// Written by another version.
    #[error("configuration snapshot of format {0}, this binary reads format {FORMAT}")]
    Format(u32),
    /// What it says contradicts itself.
    #[error("configuration snapshot that contradicts itself:\n{0}")]
    Unsound(Problems),
    /// Not byte for byte what this code would write: changed by hand, or by a version that knew other fields.
    #[error("configuration snapshot that is not in canonical form")]
    NotCanonical,
}

/// The JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    format: u32,
    formulas: Cow<'a, str>,
    ids: Cow<'a, IdPolicy>,
    limits: Cow<'a, Limits>,
    models: Cow<'a, [RobotModel]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roster: Option<Digest>,
    schema_ids: Cow<'a, BTreeMap<String, Digest>>,
}

impl Snapshot {
    /// Puts a snapshot together; the models' ranges are laid over `limits`. `schema_ids` names each table's schema.
    ///
    /// # Errors
    /// [`Problems`] if a model's bounds are out of order with those of `limits`.
    pub fn build(
        models: Models,
        limits: Limits,
        ids: IdPolicy,
        formulas: &str,
        schema_ids: BTreeMap<String, Digest>,
    ) -> Result<Self, Problems> {
        Ok(Self {
            models: models.resolved(&limits)?,
            limits,
            ids,
            formulas: formulas.to_owned(),
            schema_ids,
            roster: None,
            roster_content: None,
        })
    }

    /// The snapshot that `settings` ask for: the built-in models with those of `models_dir`, the limits, and the ID policy and
    /// formulas of this release. Reads the folder of models.
    ///
    /// # Errors
    /// All [`Problems`] of the models' files.
    pub fn of_settings(settings: &Settings, schema_ids: BTreeMap<String, Digest>) -> Result<Self, Problems> {
        let models = match &settings.processing.models_dir {
            Some(folder) => Models::with_dir(folder)?,
            None => Models::builtin(),
        };
        let limits = settings.processing.limits.clone();
        let ids = settings.processing.id_policy();
        Self::build(models, limits, ids, FORMULAS, schema_ids)
    }

    /// Robot models, each with the ranges in force for it.
    pub fn models(&self) -> &Models {
        &self.models
    }

    /// Ranges for all robots; a found model's `limits` are the ones to use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What is held against robot IDs.
    pub fn ids(&self) -> &IdPolicy {
        &self.ids
    }

    /// Name of the set of formulas; whether this binary has it is [`Snapshot::is_supported`].
    pub fn formulas(&self) -> &str {
        &self.formulas
    }

    /// Whether this binary has the set of formulas.
    pub fn is_supported(&self) -> bool {
        FORMULAS_SUPPORTED.contains(&self.formulas.as_str())
    }

    /// Digest of each table's schema, by table.
    pub fn schema_ids(&self) -> &BTreeMap<String, Digest> {
        &self.schema_ids
    }

    /// Digest of the roster in force, if there is one.
    pub fn roster(&self) -> Option<Digest> {
        self.roster
    }

    /// What that roster says; none before [`Snapshot::with_roster`].
    pub fn roster_content(&self) -> Option<&Roster> {
        self.roster_content.as_deref()
    }

    /// The same snapshot with this roster in force.
    #[must_use]
    pub fn with_roster(self, roster: Arc<Roster>) -> Self {
        Self { roster: Some(roster.digest()), roster_content: Some(roster), ..self }
    }

    /// The snapshot as canonical JSON: keys sorted by bytes, no blanks, numbers in their shortest form.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let written = Written {
            format: FORMAT,
            formulas: Cow::Borrowed(&self.formulas),
            ids: Cow::Borrowed(&self.ids),
            limits: Cow::Borrowed(&self.limits),
            models: Cow::Borrowed(self.models.all()),
            roster: self.roster,
            schema_ids: Cow::Borrowed(&self.schema_ids),
        };
        let value = serde_json::to_value(&written).expect("names are texts and numbers finite");
        canonical::bytes(&value)
    }

    /// SHA-256 of the canonical bytes: the name of the snapshot.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.canonical_bytes())
    }

    /// Reads what [`Snapshot::canonical_bytes`] wrote. A set of formulas that this binary lacks is no error here.
    ///
    /// # Errors
    /// [`SnapshotError`]: not JSON, another format, not canonical, or numbers that are out of order.
    pub fn parse(bytes: &[u8]) -> Result<Self, SnapshotError> {
        #[derive(Deserialize)]
        struct FormatOnly {
            format: u32,
        }
        let FormatOnly { format } = serde_json::from_slice(bytes).map_err(SnapshotError::Malformed)?;
        if format != FORMAT {
            return Err(SnapshotError::Format(format));
        }
        let written: Written<'_> = serde_json::from_slice(bytes).map_err(SnapshotError::Malformed)?;
        let limits = written.limits.into_owned();
        let disorders = limits.disorders("limits");
        Problems::unless_none(disorders, ()).map_err(SnapshotError::Unsound)?;
        let models = Models::of(written.models.into_owned()).map_err(SnapshotError::Unsound)?;
        let snapshot = Self {
            models: models.resolved(&limits).map_err(SnapshotError::Unsound)?,
            limits,
            ids: written.ids.into_owned(),
            formulas: written.formulas.into_owned(),
            schema_ids: written.schema_ids.into_owned(),
            roster: written.roster,
            roster_content: None,
        };
        if !snapshot.ids.is_sorted() || snapshot.canonical_bytes() != bytes {
            return Err(SnapshotError::NotCanonical);
        }
        Ok(snapshot)
    }
}

#[cfg(test)]
mod tests;
