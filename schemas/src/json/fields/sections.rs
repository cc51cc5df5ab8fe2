//! The fields of the smaller sections.

use crate::json::kinds::{Epoch, Float, Time};
use crate::json::lists::{Bins, Floats, Rows};
use crate::json::object::fields;
use crate::json::texts::{Code, Text, Truth, Word};
use crate::record::{Event, Gap, Maintenance, MaintenanceKind, Motion, PoseTest, Quality, Severity, Vibration};

fields! {
    Vibration [32] = Vibration::default();
    must "location" => location: Text,
    may "machine_class" => machine_class: Text,
    may "velocity_rms_mm_s" => velocity_rms_mm_s: Float,
    may "acceleration_rms_m_s2" => acceleration_rms_m_s2: Float,
    may "peak_m_s2" => peak_m_s2: Float,
    may "crest" => crest: Float,
    may "kurtosis" => kurtosis: Float,
    may "fs_hz" => fs_hz: Float,
    may "samples_m_s2" => samples_m_s2: Floats<2048>,
}

fields! {
    Motion = Motion::default();
    may "map_id" => map_id: Text,
    may "x_m" => x_m: Float,
    may "y_m" => y_m: Float,
    may "theta_rad" => theta_rad: Float,
    may "speed_m_s" => speed_m_s: Float,
    may "localized" => localized: Truth,
    may "localization_score" => localization_score: Float,
    may "localization_deviation_m" => localization_deviation_m: Float,
    may "cross_track_rms_m" => cross_track_rms_m: Float,
    may "cross_track_max_m" => cross_track_max_m: Float,
    may "cross_track_p95_m" => cross_track_p95_m: Float,
    may "allowed_deviation_m" => allowed_deviation_m: Float,
    may "reference_path_m" => reference_path_m: Rows<2, 0, 256>,
    may "actual_path_m" => actual_path_m: Rows<2, 0, 256>,
    may "wheel_slip" => wheel_slip: Float,
}

fields! {
    PoseTest = PoseTest::default();
    may "command" => command: Bins<6>,
    may "attained" => attained: Rows<6, 2, 100>,
    may "ambient_temp_c" => ambient_temp_c: Float,
}

fields! {
    Gap [64] = Gap::default();
    must "from" => from_us: Time,
    must "to" => to_us: Time,
    must "cause" => cause: Text,
    may "pointer" => pointer: Text,
}

fields! {
    Quality [256] = Quality::default();
    must "pointer" => pointer: Text,
    may "status_code" => status_code: Code,
    may "from" => from_us: Time,
    may "to" => to_us: Time,
}

fields! {
    Event [256] = Event {
        index: 0,
        time_us: 0,
        code: Box::default(),
        severity: Severity::Info,
        component_id: None,
        text: None,
    };
    must "time" => time_us: Time,
    must "code" => code: Code,
    must "severity" => severity: Word<Severity>,
    may "component_id" => component_id: Text,
    may "text" => text: Text,
}

fields! {
    Maintenance [64] = Maintenance {
        index: 0,
        time_us: 0,
        kind: MaintenanceKind::Inspect,
        component_id: None,
        new_component_epoch: None,
        work_order: None,
    };
    must "time" => time_us: Time,
    must "kind" => kind: Word<MaintenanceKind>,
    may "component_id" => component_id: Text,
    may "new_component_epoch" => new_component_epoch: Epoch,
    may "work_order" => work_order: Text,
}
