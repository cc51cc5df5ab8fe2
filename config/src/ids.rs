//! What is held against a robot ID beyond its shape: the alphabet, the segments, the list of countries, a check character.
//!
//! An unknown country is a flag and never a refusal: the scheme's own code lists are not public yet.

mod check;
mod serial;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tacho_schemas::RobotId;

pub use check::CheckScheme;
pub use serial::SerialPattern;

/// ISO 3166-1 alpha-2 codes that are assigned, as of the version named in [`IdPolicy::builtin`].
const ASSIGNED: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR \
GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP \
KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ \
NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW \
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ \
UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// What is known of a country code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountryStatus {
    /// Assigned to a country.
    Assigned,
    /// Left to users by ISO 3166-1: AA, QM–QZ, XA–XZ, ZZ.
    Reserved,
    /// Neither.
    Unknown,
}

/// The rules for robot IDs that change flags of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdPolicy {
    /// Characters that an ID may have.
    pub alphabet: String,
    /// Lengths of country, manufacturer, model and serial.
    pub segments: [u32; 4],
    /// Name and version of the list of countries.
    pub countries_version: String,
    /// Assigned codes, sorted.
    pub countries_assigned: Vec<String>,
    /// Codes left to users, sorted.
    pub countries_reserved: Vec<String>,
    /// Scheme of the last character; none by default, as none is public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_character: Option<CheckScheme>,
    /// What serials look like, by manufacturer segment; none by default.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub serials: BTreeMap<String, SerialPattern>,
}

/// A list of countries that is used in place of ISO 3166-1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Countries {
    /// Name and version of the list.
    pub version: String,
    /// Codes that are assigned, two characters each.
    pub assigned: Vec<String>,
    /// Codes that are left to users.
    pub reserved: Vec<String>,
}

impl IdPolicy {
    /// The policy of this release.
    pub fn builtin() -> Self {
        let assigned = ASSIGNED.split_whitespace().map(str::to_owned).collect();
        let mut reserved = vec!["AA".to_owned()];
        reserved.extend(('M'..='Z').map(|letter| format!("Q{letter}")));
        reserved.extend(('A'..='Z').map(|letter| format!("X{letter}")));
        reserved.push("ZZ".to_owned());
        Self {
            alphabet: "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".to_owned(),
            segments: [2, 4, 6, 17],
            countries_version: "ISO 3166-1:2020 alpha-2, 249 codes".to_owned(),
            countries_assigned: assigned,
            countries_reserved: reserved,
            check_character: None,
            serials: BTreeMap::new(),
        }
    }

    /// The same policy with another list of countries.
    #[must_use]
    pub fn with_countries(self, countries: &Countries) -> Self {
        let sorted = |codes: &[String]| {
            let mut codes = codes.to_vec();
            codes.sort();
            codes.dedup();
            codes
        };
        Self {
            countries_version: countries.version.clone(),
            countries_assigned: sorted(&countries.assigned),
            countries_reserved: sorted(&countries.reserved),
            ..self
        }
    }

    /// Whether the serial is what its manufacturer's look like; yes where nothing is known of them.
    pub fn serial_holds(&self, id: &RobotId) -> bool {
        self.serials.get(id.manufacturer()).is_none_or(|pattern| pattern.holds(id.serial()))
    }

    /// What is known of the country `code`, the first two characters of an ID.
    pub fn country(&self, code: &str) -> CountryStatus {
        let listed = |codes: &[String]| codes.binary_search_by(|known| known.as_str().cmp(code)).is_ok();
        if listed(&self.countries_assigned) {
            CountryStatus::Assigned
        } else if listed(&self.countries_reserved) {
            CountryStatus::Reserved
        } else {
            CountryStatus::Unknown
        }
    }

    /// Whether the lists are sorted without repetition, as looking up needs them.
    pub(crate) fn is_sorted(&self) -> bool {
        let strictly = |codes: &[String]| codes.windows(2).all(|pair| pair[0] < pair[1]);
        strictly(&self.countries_assigned) && strictly(&self.countries_reserved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_the_249_codes_of_its_version_in_order() {
        let policy = IdPolicy::builtin();
        assert_eq!(policy.countries_assigned.len(), 249);
        assert_eq!(policy.countries_reserved.len(), 1 + 14 + 26 + 1);
        assert!(policy.is_sorted());
    }

    #[test]
    fn codes_are_assigned_reserved_or_unknown() {
        let policy = IdPolicy::builtin();
        for (code, status) in [
            ("CN", CountryStatus::Assigned),
            ("ZW", CountryStatus::Assigned),
            ("QA", CountryStatus::Assigned),
            ("AA", CountryStatus::Reserved),
            ("QM", CountryStatus::Reserved),
            ("QZ", CountryStatus::Reserved),
            ("XK", CountryStatus::Reserved),
            ("ZZ", CountryStatus::Reserved),
            ("QL", CountryStatus::Unknown),
            ("AB", CountryStatus::Unknown),
            ("00", CountryStatus::Unknown),
            ("cn", CountryStatus::Unknown),
        ] {
            assert_eq!(policy.country(code), status, "{code}");
        }
    }

    #[test]
    fn another_list_of_countries_takes_the_place_of_the_standards() {
        let codes = |codes: &[&str]| codes.iter().map(|&code| code.to_owned()).collect();
        let own =
            Countries { version: "ours 3".to_owned(), assigned: codes(&["EU", "CN", "CN"]), reserved: codes(&["XX"]) };
        let policy = IdPolicy::builtin().with_countries(&own);
        assert!(policy.is_sorted());
        assert_eq!(policy.country("EU"), CountryStatus::Assigned);
        assert_eq!(policy.country("XX"), CountryStatus::Reserved);
        assert_eq!(policy.country("DE"), CountryStatus::Unknown);
    }

    #[test]
    fn serials_are_judged_by_their_manufacturer_alone() {
        let mut policy = IdPolicy::builtin();
        let id: RobotId = "CNAB12HX00010000000000000042A".parse().unwrap();
        assert!(policy.serial_holds(&id));
        policy.serials.insert("AB13".to_owned(), "[0-9]+".to_owned().try_into().unwrap());
        assert!(policy.serial_holds(&id), "of another manufacturer");
        policy.serials.insert("AB12".to_owned(), "[0-9]+".to_owned().try_into().unwrap());
        assert!(!policy.serial_holds(&id));
    }

    #[test]
    fn every_character_that_a_robot_id_may_have_is_in_the_alphabet_and_the_segments_add_up() {
        let policy = IdPolicy::builtin();
        let total: u32 = policy.segments.iter().sum();
        assert_eq!(total as usize, tacho_schemas::robot_id::ROBOT_ID_LEN);
        for byte in 0..=u8::MAX {
            let id = [byte; tacho_schemas::robot_id::ROBOT_ID_LEN];
            let allowed = RobotId::parse(&id).is_ok();
            assert_eq!(allowed, byte.is_ascii() && policy.alphabet.contains(char::from(byte)), "{byte:#x}");
        }
    }
}
