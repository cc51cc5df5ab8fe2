//! Units that a controller may use, and how they become a field's own.

use std::f64::consts::PI;
use std::fmt;

/// What a unit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Time.
    Time,
    /// Energy.
    Energy,
    /// Angle.
    Angle,
    /// Angular speed.
    AngularSpeed,
    /// Torque.
    Torque,
    /// Electric current.
    Current,
    /// Voltage.
    Voltage,
    /// Electric charge.
    Charge,
    /// Temperature.
    Temperature,
    /// Length.
    Length,
    /// Mass.
    Mass,
    /// A ratio.
    Ratio,
}

/// A known unit.
#[derive(Clone, Copy, PartialEq)]
pub struct Unit(&'static Known);

/// Name, dimension, SI = value × factor + offset, UNECE codes and further names.
#[derive(Debug, PartialEq)]
struct Known {
    name: &'static str,
    dimension: Dimension,
    factor: f64,
    offset: f64,
    /// Codes of UNECE Recommendation 20, from which OPC UA makes its `unitId`; then what servers show.
    other_names: &'static [&'static str],
}

const fn known(
    name: &'static str,
    dimension: Dimension,
    factor: f64,
    offset: f64,
    other_names: &'static [&'static str],
) -> Known {
    Known { name, dimension, factor, offset, other_names }
}

static KNOWN: [Known; 33] = [
    known("h", Dimension::Time, 3600.0, 0.0, &["HUR", "hour"]),
    known("min", Dimension::Time, 60.0, 0.0, &["MIN"]),
    known("s", Dimension::Time, 1.0, 0.0, &["SEC"]),
    known("ms", Dimension::Time, 0.001, 0.0, &["C26"]),
    known("kWh", Dimension::Energy, 3_600_000.0, 0.0, &["KWH", "kW·h"]),
    known("Wh", Dimension::Energy, 3600.0, 0.0, &["WHR", "W·h"]),
    known("kJ", Dimension::Energy, 1000.0, 0.0, &["KJO"]),
    known("J", Dimension::Energy, 1.0, 0.0, &["JOU"]),
    known("rad", Dimension::Angle, 1.0, 0.0, &["C81"]),
    known("mrad", Dimension::Angle, 0.001, 0.0, &["C25"]),
    known("deg", Dimension::Angle, PI / 180.0, 0.0, &["DD", "°", "degree"]),
    known("arcmin", Dimension::Angle, PI / 10_800.0, 0.0, &["D61", "'"]),
    known("rad/s", Dimension::AngularSpeed, 1.0, 0.0, &["2A"]),
    known("deg/s", Dimension::AngularSpeed, PI / 180.0, 0.0, &["E96", "°/s"]),
    known("rpm", Dimension::AngularSpeed, PI / 30.0, 0.0, &["RPM", "r/min", "1/min", "U/min"]),
    known("Nm", Dimension::Torque, 1.0, 0.0, &["NU", "N·m", "N m"]),
    known("kNm", Dimension::Torque, 1000.0, 0.0, &["B48", "kN·m"]),
    known("mNm", Dimension::Torque, 0.001, 0.0, &["D83", "mN·m"]),
    known("A", Dimension::Current, 1.0, 0.0, &["AMP"]),
    known("mA", Dimension::Current, 0.001, 0.0, &["4K"]),
    known("V", Dimension::Voltage, 1.0, 0.0, &["VLT"]),
    known("mV", Dimension::Voltage, 0.001, 0.0, &["2Z"]),
    known("Ah", Dimension::Charge, 3600.0, 0.0, &["AMH", "A·h"]),
    known("mAh", Dimension::Charge, 3.6, 0.0, &["E09", "mA·h"]),
    known("degC", Dimension::Temperature, 1.0, 273.15, &["CEL", "°C", "C"]),
    known("degF", Dimension::Temperature, 5.0 / 9.0, 459.67 * 5.0 / 9.0, &["FAH", "°F", "F"]),
    known("K", Dimension::Temperature, 1.0, 0.0, &["KEL"]),
    known("m", Dimension::Length, 1.0, 0.0, &["MTR"]),
    known("mm", Dimension::Length, 0.001, 0.0, &["MMT"]),
    known("km", Dimension::Length, 1000.0, 0.0, &["KMT"]),
    known("kg", Dimension::Mass, 1.0, 0.0, &["KGM"]),
    known("1", Dimension::Ratio, 1.0, 0.0, &["C62"]),
    known("%", Dimension::Ratio, 0.01, 0.0, &["P1"]),
];

impl Unit {
    /// The unit of this name.
    pub fn parse(name: &str) -> Option<Self> {
        KNOWN.iter().find(|known| known.name == name).map(Self)
    }

    /// The unit that a server means by its `EUInformation`: by its UNECE code if it has one, else by what it shows.
    pub fn of_server(unit_id: i32, display_name: &str) -> Option<Self> {
        let code: String =
            unit_id.to_be_bytes().iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect();
        let shown = display_name.trim();
        let by_code = KNOWN.iter().find(|known| unit_id > 0 && known.other_names.first() == Some(&code.as_str()));
        let by_name = || KNOWN.iter().find(|known| known.name == shown || known.other_names.contains(&shown));
        by_code.or_else(by_name).map(Self)
    }

    /// What it measures.
    pub fn dimension(self) -> Dimension {
        self.0.dimension
    }

    /// Factor and offset that turn a value of this unit into one of `to`; `None` if it measures something else.
    pub fn into_unit(self, to: Self) -> Option<(f64, f64)> {
        let same = self.0.dimension == to.0.dimension;
        // Equal units convert by exactly nothing.
        let factor = if self == to { 1.0 } else { self.0.factor / to.0.factor };
        same.then(|| (factor, (self.0.offset - to.0.offset) / to.0.factor))
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unit({})", self.0.name)
    }
}

impl Dimension {
    /// Its units, for people.
    pub fn units(self) -> String {
        let names: Vec<_> = KNOWN.iter().filter(|known| known.dimension == self).map(|known| known.name).collect();
        names.join(", ")
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Time => "time",
            Self::Energy => "energy",
            Self::Angle => "angle",
            Self::AngularSpeed => "angular speed",
            Self::Torque => "torque",
            Self::Current => "current",
            Self::Voltage => "voltage",
            Self::Charge => "charge",
            Self::Temperature => "temperature",
            Self::Length => "length",
            Self::Mass => "mass",
            Self::Ratio => "ratio",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(value: f64, from: &str, to: &str) -> f64 {
        let (factor, offset) = Unit::parse(from).unwrap().into_unit(Unit::parse(to).unwrap()).unwrap();
        value * factor + offset
    }

    #[test]
    fn values_are_converted_into_a_fields_own_unit() {
        for (value, from, to, wanted) in [
            (180.0, "deg/s", "rad/s", PI),
            (60.0, "rpm", "rad/s", 2.0 * PI),
            (300.15, "K", "degC", 27.0),
            (212.0, "degF", "degC", 100.0),
            (7_200_000.0, "ms", "h", 2.0),
            (3_600_000.0, "J", "kWh", 1.0),
            (55.0, "%", "1", 0.55),
            (1.0, "deg", "arcmin", 60.0),
        ] {
            let got = converted(value, from, to);
            assert!((got - wanted).abs() < 1e-9 * wanted.abs(), "{value} {from} = {got} {to}");
        }
        assert_eq!(Unit::parse("degC").unwrap().into_unit(Unit::parse("degC").unwrap()), Some((1.0, 0.0)));
        assert_eq!(Unit::parse("deg").unwrap().into_unit(Unit::parse("s").unwrap()), None);
    }

    #[test]
    fn a_servers_unit_is_known_by_its_code_and_else_by_what_it_shows() {
        let of = |id, name| Unit::of_server(id, name).map(|unit| unit.to_string());
        assert_eq!(of(4_408_652, ""), Some("degC".to_owned()));
        assert_eq!(of(0x0045_3936, "anything"), Some("deg/s".to_owned()));
        assert_eq!(of(-1, "°/s"), Some("deg/s".to_owned()));
        assert_eq!(of(0, " rad "), Some("rad".to_owned()));
        assert_eq!(of(0, "furlong"), None);
    }
}
