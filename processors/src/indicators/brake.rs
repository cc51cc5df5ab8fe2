//! Wear of a robot's brakes: the energy that they took up over what they bear in their life.
//!
//! Holding tests are a measured ratio and no law; whether one is due is a rule of `maintenance_due`.

use tacho_config::models::BrakeModel;
use tacho_schemas::reason::Absent;
use tacho_schemas::record::Counters;

use super::{Method, Traced, of_count};

/// Spent life of the brakes, dimensionless: `Σ W/W_total`; where only stops are counted, each with its usual energy.
///
/// # Errors
/// [`Absent`] says what is missing.
///
/// Source: `W = ½·J·ω²` per dynamic engagement, over the data sheet's energy of a life.
pub fn brake_damage(brakes: Result<&BrakeModel, Absent>, counters: &Counters) -> Traced {
    if let Some(energy_j) = counters.brake_energy_j {
        return Ok((energy_j / brakes?.life_energy_j, Method::Sent));
    }
    let stops = of_count(counters.brake_dynamic_count.ok_or(Absent::CounterMissing)?);
    let brakes = brakes?;
    let stop_energy_j = brakes.stop_energy_j.ok_or(Absent::RatingMissing)?;
    Ok((stops * stop_energy_j / brakes.life_energy_j, Method::StopCount))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hundred_stops_of_5_4_joules_are_half_a_thousandth_of_2_megajoules() {
        let stop_energy_j = 0.5 * 1.2 * 3.0 * 3.0;
        let brakes = BrakeModel { life_energy_j: 2e6, stop_energy_j: Some(stop_energy_j), source: "test".into() };
        let counted = Counters { brake_dynamic_count: Some(200), ..Counters::default() };
        let (damage, method) = brake_damage(Ok(&brakes), &counted).unwrap();
        assert!((damage / 5.4e-4 - 1.0).abs() < 1e-12 && method == Method::StopCount, "{damage}");
        let measured = Counters { brake_energy_j: Some(1e6), ..counted.clone() };
        assert_eq!(brake_damage(Ok(&brakes), &measured), Ok((0.5, Method::Sent)));
        let no_energy = BrakeModel { stop_energy_j: None, ..brakes };
        assert_eq!(brake_damage(Ok(&no_energy), &counted), Err(Absent::RatingMissing));
        assert_eq!(brake_damage(Ok(&no_energy), &Counters::default()), Err(Absent::CounterMissing));
    }
}
