//! Names that are unique in a record: of elements with one name the first stays, and the others are dropped.

use tacho_schemas::reason::RejectReason;
use tacho_schemas::record::{Battery, Joint, Vibration};

use super::place::Place;
use super::sieve::Sieve;

/// Drops joints whose name stood before.
pub(super) fn joints(joints: &mut Vec<Joint>, sieve: &mut Sieve<'_>) {
    first_of_each(joints, |joint| &joint.name, |joint| ("joints", joint.index, "name"), sieve);
}

/// Drops packs whose identity stood before.
pub(super) fn batteries(packs: &mut Vec<Battery>, sieve: &mut Sieve<'_>) {
    first_of_each(packs, |pack| &pack.pack_id, |pack| ("batteries", pack.index, "pack_id"), sieve);
}

/// Drops sensors whose location stood before.
pub(super) fn vibration(sensors: &mut Vec<Vibration>, sieve: &mut Sieve<'_>) {
    first_of_each(sensors, |sensor| &sensor.location, |sensor| ("vibration", sensor.index, "location"), sieve);
}

/// At most 64 elements: comparing each with those before it is cheaper than a set.
fn first_of_each<T>(
    elements: &mut Vec<T>,
    name: impl Fn(&T) -> &str,
    place: impl Fn(&T) -> (&'static str, u32, &'static str),
    sieve: &mut Sieve<'_>,
) {
    let mut position = 1;
    while position < elements.len() {
        let (before, rest) = elements.split_at(position);
        let element = &rest[0];
        if before.iter().any(|earlier| name(earlier) == name(element)) {
            let (section, index, field) = place(element);
            let at = Place::Element(section, index);
            sieve.part(at, |sieve| sieve.wrong(at, field, RejectReason::Consistency, ", stands twice"));
            elements.remove(position);
        } else {
            position += 1;
        }
    }
}
