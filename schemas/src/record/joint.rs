//! A joint of a record: cumulative counters of its reducer and motor, and the window's detail.

use super::{LOAD_BINS, RAINFLOW_BINS, TEMP_BINS};

/// One joint. Counters are cumulative over the life of the component in place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Joint {
    /// Position in the array as sent, from 0.
    pub index: u32,
    /// `J1`…, or the maker's name; unique in the record.
    pub name: Box<str>,
    /// The reducer or motor in place.
    pub component_id: Option<Box<str>>,
    /// Grows when the component is replaced and its counters restart; 0 to 2^32 − 1, default 0.
    pub component_epoch: i64,
    /// Σ |n_in|·dt at the reducer's input, in revolutions.
    pub input_rev: Option<f64>,
    /// Σ rev·(|T|/T_N)^p, in revolutions; p is 3 for strain wave and 10/3 for RV reducers.
    pub input_rev_load: Option<f64>,
    /// Input revolutions per |T|/T_N bin.
    pub load_hist_rev: Option<Box<[f64; LOAD_BINS]>>,
    /// Input revolutions per bin of grease temperature.
    pub grease_temp_hist_rev: Option<Box<[f64; TEMP_BINS]>>,
    /// Hours per bin of motor temperature.
    pub temp_hist_h: Option<Box<[f64; TEMP_BINS]>>,
    /// Cycles per bin of torque range.
    pub rainflow_hist_cycles: Option<Box<[f64; RAINFLOW_BINS]>>,
    /// Times that |T| was above T_R.
    pub peak_torque_count: Option<i64>,
    /// Times that |T| was above T_M.
    pub momentary_peak_count: Option<i64>,
    /// Root mean square of the output torque in the window, in Nm.
    pub torque_rms_nm: Option<f64>,
    /// Greatest output torque in the window, in Nm.
    pub torque_absmax_nm: Option<f64>,
    /// Mean output torque in the window, in Nm.
    pub torque_mean_nm: Option<f64>,
    /// Root mean square of the current in the window, in A.
    pub current_rms_a: Option<f64>,
    /// Greatest current in the window, in A.
    pub current_absmax_a: Option<f64>,
    /// Root mean square of the output speed, in rad/s.
    pub speed_rms_rad_s: Option<f64>,
    /// Greatest output speed, in rad/s.
    pub speed_absmax_rad_s: Option<f64>,
    /// Highest motor temperature in the window, in °C.
    pub temp_motor_c: Option<f64>,
    /// Highest reducer temperature in the window, in °C.
    pub temp_reducer_c: Option<f64>,
    /// Highest drive temperature in the window, in °C.
    pub temp_drive_c: Option<f64>,
    /// Root mean square of target − actual, in rad.
    pub following_error_rms_rad: Option<f64>,
    /// Greatest target − actual, in rad.
    pub following_error_max_rad: Option<f64>,
    /// Root mean square of measured − modelled torque, in Nm.
    pub torque_residual_rms_nm: Option<f64>,
    /// Measured − modelled friction, in Nm.
    pub friction_residual_nm: Option<f64>,
    /// Speed of the reference motion test, in rad/s.
    pub friction_test_speed_rad_s: Option<f64>,
    /// Torque of the reference motion test, in Nm.
    pub friction_test_torque_nm: Option<f64>,
    /// Lost motion by test, in arcmin.
    pub lost_motion_arcmin: Option<f64>,
    /// Holding torque of the brake by test, as a share of the rated one.
    pub brake_hold_ratio: Option<f64>,
    /// Samples of the window.
    pub samples: Option<Box<JointSamples>>,
}

/// Samples of a joint at even steps: arrays of one length, at most 512.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JointSamples {
    /// Time between samples, in s.
    pub dt_s: Option<f64>,
    /// Output position, in rad.
    pub position_rad: Option<Box<[f64]>>,
    /// Output speed, in rad/s.
    pub velocity_rad_s: Option<Box<[f64]>>,
    /// Output torque, in Nm.
    pub torque_nm: Option<Box<[f64]>>,
    /// Output torque by the controller's model, in Nm.
    pub torque_model_nm: Option<Box<[f64]>>,
    /// Current, in A.
    pub current_a: Option<Box<[f64]>>,
}
