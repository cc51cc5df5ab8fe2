//! Which roster of robots a window states: the one that the configurations of its rows name. What else a configuration says
//! is not looked at here.

use std::collections::BTreeSet;

use serde::Deserialize;
use tacho_lake::Faults;
use tacho_lake::Lake;
use tacho_lake::config_store::ConfigStore;
use tacho_schemas::Digest;

use crate::anchorer::AnchorError;

/// The roster that a configuration names.
pub(crate) fn named_by(config: &[u8]) -> Option<Digest> {
    #[derive(Deserialize)]
    struct RosterOnly {
        roster: Option<Digest>,
    }
    serde_json::from_slice::<RosterOnly>(config).ok()?.roster
}

/// The roster of a window, of those that its configurations name: if it is one. Where there were several, one after the
/// other, the configurations tell which.
pub(crate) fn of_window(named: impl IntoIterator<Item = Option<Digest>>) -> Option<Digest> {
    let mut named = named.into_iter();
    let first = named.next()??;
    named.all(|other| other == Some(first)).then_some(first)
}

/// The roster of a window with these configurations.
pub(crate) async fn in_lake(lake: &Lake, configs: &BTreeSet<Digest>) -> Result<Option<Digest>, AnchorError> {
    let store = ConfigStore::new(lake.object_store(), Faults::none());
    let mut named = Vec::with_capacity(configs.len());
    for config in configs {
        let text = store.get(*config).await?.ok_or(AnchorError::NoConfig(*config))?;
        named.push(named_by(&text));
    }
    Ok(of_window(named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_names_a_roster_or_none() {
        let digest = Digest::of(b"a roster");
        assert_eq!(named_by(format!(r#"{{"format":1,"roster":"{digest}","ids":{{}}}}"#).as_bytes()), Some(digest));
        for without in [r#"{"format":1}"#, r#"{"roster":null}"#, r#"{"roster":"x"}"#, "configuration", ""] {
            assert_eq!(named_by(without.as_bytes()), None, "{without}");
        }
    }

    #[test]
    fn a_window_states_the_roster_that_all_of_its_configurations_name() {
        let [one, other] = [Some(Digest::of(b"1")), Some(Digest::of(b"2"))];
        assert_eq!(of_window([one, one]), one);
        for not_one in [vec![], vec![None], vec![one, other], vec![one, None], vec![None, one]] {
            assert_eq!(of_window(not_one.clone()), None, "{not_one:?}");
        }
    }
}
