//! How an indicator was found, where there is more than one way: the texts of the column `methods`.

use tacho_schemas::reason::Absent;

/// How a value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// From counters or statistics as the robot sent them; not named in `methods`.
    Sent,
    /// From the window's samples.
    Samples,
    /// From the cumulative load histogram, bins at their centres.
    LoadHistogram,
    /// From cumulative histograms, bins at their centres.
    Histograms,
    /// From the number of stops, each with its usual energy.
    StopCount,
    /// From the reference path and the actual one.
    Paths,
    /// On the scale of class I, because the record names no class.
    ClassAssumed,
    /// From fewer cycles than the 30 that ISO 9283 asks for.
    FewerThan30Cycles,
    /// By the robot's hours under power, because it does not send those with servos on.
    PowerOn,
    /// By the hours that the component's own temperature histogram counts.
    TempHistogram,
    /// At the motor's temperature, because the reducer's is not sent.
    MotorTemp,
    /// With a rating of which the model's file says that it, or a part of it, is assumed; stands behind other words.
    RatingAssumed,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 12] = [
        Self::Sent,
        Self::Samples,
        Self::LoadHistogram,
        Self::Histograms,
        Self::StopCount,
        Self::Paths,
        Self::ClassAssumed,
        Self::FewerThan30Cycles,
        Self::PowerOn,
        Self::TempHistogram,
        Self::MotorTemp,
        Self::RatingAssumed,
    ];

    /// The text in the lake.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Samples => "samples",
            Self::LoadHistogram => "load_histogram",
            Self::Histograms => "histograms",
            Self::StopCount => "stop_count",
            Self::Paths => "paths",
            Self::ClassAssumed => "class_i_assumed",
            Self::FewerThan30Cycles => "fewer_than_30_cycles",
            Self::PowerOn => "power_on_hours",
            Self::TempHistogram => "temp_histogram_hours",
            Self::MotorTemp => "motor_temp",
            Self::RatingAssumed => "rating_assumed",
        }
    }
}

/// A value with the way in which it was found, or why there is none.
pub type Traced = Result<(f64, Method), Absent>;
