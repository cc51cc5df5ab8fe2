//! Why an indicator has no value. Stored beside it, readable in SQL.

use crate::record::words;

words! {
    /// Why an indicator has no value.
    Absent {
        /// The record does not carry the counter that the law needs.
        CounterMissing = "counter_missing",
        /// The record does not carry another value that the law needs.
        InputMissing = "input_missing",
        /// The component has not turned yet, so nothing can be divided by its damage.
        NoRotation = "no_rotation",
        /// No hours of operation yet, or none known.
        NoOperatingHours = "no_operating_hours",
        /// The throughput is too small for a figure that means something.
        BelowMinThroughput = "below_min_throughput",
        /// No configuration is known for this robot model.
        ModelUnknown = "model_unknown",
        /// The model's configuration lacks the rating that the law needs.
        RatingMissing = "rating_missing",
        /// The law is that of strain-wave reducers, and this is another.
        NotStrainWave = "not_strain_wave",
        /// The strokes are too small for the law, which needs the bearing to turn.
        SmallOscillation = "small_osc",
        /// The value does not fit the lake's column.
        OutOfResolution = "out_of_resolution",
        /// The value is not a finite number.
        NotFinite = "not_finite",
        /// The law does not apply to this kind of robot or component.
        NotApplicable = "not_applicable",
        /// The pack was not at rest, or not long enough.
        NotAtRest = "not_at_rest",
        /// The robot did not know where it was.
        NotLocalized = "not_localized",
        /// The values do not vary, so nothing can be divided by their variance.
        NoVariance = "no_variance",
        /// The value is outside of what can be, so one of its inputs is wrong.
        OutOfRange = "out_of_range",
        /// The values that it comes from contradict each other.
        Inconsistent = "inconsistent",
    }
}
