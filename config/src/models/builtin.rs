//! The robot models that are compiled in: each file of `models/`, which a test compares with the folder.

/// Name and text of each built-in model.
pub(super) const FILES: [(&str, &str); 8] = [
    ("alder-h1.toml", include_str!("../../models/alder-h1.toml")),
    ("drover-d2.toml", include_str!("../../models/drover-d2.toml")),
    ("example-arm-6.toml", include_str!("../../models/example-arm-6.toml")),
    ("generic-amr.toml", include_str!("../../models/generic-amr.toml")),
    ("generic-arm.toml", include_str!("../../models/generic-arm.toml")),
    ("generic-humanoid.toml", include_str!("../../models/generic-humanoid.toml")),
    ("kestrel-k6.toml", include_str!("../../models/kestrel-k6.toml")),
    ("ur3.toml", include_str!("../../models/ur3.toml")),
];
