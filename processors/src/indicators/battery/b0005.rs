//! The discharges of the NASA battery B0005, for tests; the data is beside this repository, not in it.

/// Samples of one discharge, down to the first below 2.7 V.
#[derive(Default)]
pub(super) struct Discharge {
    pub(super) t_s: Vec<f64>,
    pub(super) voltage_v: Vec<f64>,
    pub(super) current_a: Vec<f64>,
}

/// The discharge of a cycle, 1 to 168; none, and a message, without the data.
pub(super) fn discharge(cycle: &str) -> Option<Discharge> {
    let Ok(text) = std::fs::read_to_string("../../shared/data/nasa_b0005_discharge.csv") else {
        println!("skipped: the NASA B0005 data is not beside this repository");
        return None;
    };
    let mut found = Discharge::default();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.trim_end().split(',').collect();
        if cells[6] != cycle {
            continue;
        }
        let number = |cell: usize| cells[cell].parse::<f64>().expect("a number");
        found.t_s.push(number(5));
        found.voltage_v.push(number(0));
        found.current_a.push(number(1));
        if number(0) < 2.7 {
            break;
        }
    }
    Some(found)
}
