//! A simulated battery pack: turns over charge, ages by it, and stays within its cells' voltages.

use rand::RngExt as _;
use rand::rngs::StdRng;
use tacho_schemas::record::Battery;

use super::blueprint::PackPlan;
use super::robot::resolved;

/// A pack with the charge that it has turned over.
#[derive(Debug)]
pub(super) struct SimPack {
    plan: PackPlan,
    soc: f64,
    charging: bool,
    discharged_ah: f64,
    charged_ah: f64,
}

impl SimPack {
    /// A pack with so many hours behind it.
    pub(super) fn with_past(plan: &PackPlan, hours: f64, rng: &mut StdRng) -> Self {
        let discharged_ah = hours * plan.nominal_ah / 6.0;
        Self {
            plan: plan.clone(),
            soc: rng.random_range(0.3..1.0),
            charging: false,
            discharged_ah,
            charged_ah: discharged_ah * 1.02,
        }
    }

    /// The charge that so many hours turn over, Ah.
    pub(super) fn use_up(&mut self, hours: f64) -> f64 {
        let throughput_ah = hours * self.plan.nominal_ah / 6.0;
        self.discharged_ah += throughput_ah;
        self.charged_ah += throughput_ah * 1.02;
        throughput_ah
    }

    /// Works through so many hours, and reports it.
    pub(super) fn work(&mut self, hours: f64, rng: &mut StdRng) -> Battery {
        let soc_start = self.soc;
        // A fast pace would drain the pack many times in one window: the charge turns over, the state moves a little.
        let throughput_ah = self.use_up(hours);
        let step = (throughput_ah / self.plan.nominal_ah).min(0.02);
        self.charging = if self.charging { self.soc < 0.95 } else { self.soc < 0.2 };
        self.soc = (self.soc + if self.charging { step } else { -step }).clamp(0.0, 1.0);
        let cycles = self.discharged_ah / self.plan.nominal_ah;
        // Within a tenth of the nominal voltage, as far as most cells are charged and drained.
        let cell_v = self.plan.cell_v * (0.92 + 0.16 * self.soc);
        let current = self.plan.nominal_ah * if self.charging { 0.5 } else { -0.15 } * rng.random_range(0.9..1.1);
        let temp = 26.0 + rng.random_range(0.0..4.0);
        Battery {
            pack_id: self.plan.pack_id.clone(),
            voltage_v: resolved(cell_v * self.plan.cells, 0.01),
            current_a: resolved(current, 0.01),
            soc_start: Some(resolved(soc_start, 0.01)),
            soc_end: resolved(self.soc, 0.01),
            discharged_ah: resolved(self.discharged_ah, 0.1),
            charged_ah: Some(resolved(self.charged_ah, 0.1)),
            full_charge_ah: Some(resolved(self.plan.nominal_ah * (1.0 - 4.5e-5 * cycles).max(0.5), 0.01)),
            cell_min_v: Some(resolved(cell_v - 0.01, 0.001)),
            cell_max_v: Some(resolved(cell_v + 0.01, 0.001)),
            temp_min_c: resolved(temp, 0.1),
            temp_max_c: resolved(temp + 2.0, 0.1),
            ..Battery::default()
        }
    }
}
