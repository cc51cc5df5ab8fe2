//! The fields of a joint.

use crate::json::kinds::{Count, Epoch, Float};
use crate::json::lists::{Bins, Floats};
use crate::json::object::fields;
use crate::json::texts::Text;
use crate::record::{Joint, JointSamples, LOAD_BINS, RAINFLOW_BINS, TEMP_BINS};

fields! {
    Joint [64] = Joint::default();
    must "name" => name: Text,
    may "component_id" => component_id: Text,
    zero "component_epoch" => component_epoch: Epoch,
    may "input_rev" => input_rev: Float,
    may "input_rev_load" => input_rev_load: Float,
    may "load_hist_rev" => load_hist_rev: Bins<LOAD_BINS>,
    may "grease_temp_hist_rev" => grease_temp_hist_rev: Bins<TEMP_BINS>,
    may "temp_hist_h" => temp_hist_h: Bins<TEMP_BINS>,
    may "rainflow_hist_cycles" => rainflow_hist_cycles: Bins<RAINFLOW_BINS>,
    may "peak_torque_count" => peak_torque_count: Count,
    may "momentary_peak_count" => momentary_peak_count: Count,
    may "torque_rms_nm" => torque_rms_nm: Float,
    may "torque_absmax_nm" => torque_absmax_nm: Float,
    may "torque_mean_nm" => torque_mean_nm: Float,
    may "current_rms_a" => current_rms_a: Float,
    may "current_absmax_a" => current_absmax_a: Float,
    may "speed_rms_rad_s" => speed_rms_rad_s: Float,
    may "speed_absmax_rad_s" => speed_absmax_rad_s: Float,
    may "temp_motor_c" => temp_motor_c: Float,
    may "temp_reducer_c" => temp_reducer_c: Float,
    may "temp_drive_c" => temp_drive_c: Float,
    may "following_error_rms_rad" => following_error_rms_rad: Float,
    may "following_error_max_rad" => following_error_max_rad: Float,
    may "torque_residual_rms_nm" => torque_residual_rms_nm: Float,
    may "friction_residual_nm" => friction_residual_nm: Float,
    may "friction_test_speed_rad_s" => friction_test_speed_rad_s: Float,
    may "friction_test_torque_nm" => friction_test_torque_nm: Float,
    may "lost_motion_arcmin" => lost_motion_arcmin: Float,
    may "brake_hold_ratio" => brake_hold_ratio: Float,
    part "samples" => samples: JointSamples,
}

fields! {
    JointSamples = JointSamples::default();
    may "dt_s" => dt_s: Float,
    may "position_rad" => position_rad: Floats<512>,
    may "velocity_rad_s" => velocity_rad_s: Floats<512>,
    may "torque_nm" => torque_nm: Floats<512>,
    may "torque_model_nm" => torque_model_nm: Floats<512>,
    may "current_a" => current_a: Floats<512>,
}
