//! The robot models that are compiled in: each file of `models/`, which a test compares with the folder.

/// Name and text of each built-in model.
pub(super) const FILES: [(&str, &str); 17] = [
    ("abb-irb1200-5-09.toml", include_str!("../../models/abb-irb1200-5-09.toml")),
    ("alder-h1.toml", include_str!("../../models/alder-h1.toml")),
    ("drover-d2.toml", include_str!("../../models/drover-d2.toml")),
    ("example-arm-6.toml", include_str!("../../models/example-arm-6.toml")),
    ("fanuc-lrmate-200id.toml", include_str!("../../models/fanuc-lrmate-200id.toml")),
    ("generic-amr.toml", include_str!("../../models/generic-amr.toml")),
    ("generic-arm.toml", include_str!("../../models/generic-arm.toml")),
    ("generic-humanoid.toml", include_str!("../../models/generic-humanoid.toml")),
    ("kestrel-k6.toml", include_str!("../../models/kestrel-k6.toml")),
    ("kuka-kr6-r900-2.toml", include_str!("../../models/kuka-kr6-r900-2.toml")),
    ("mir250.toml", include_str!("../../models/mir250.toml")),
    ("unitree-g1.toml", include_str!("../../models/unitree-g1.toml")),
    ("ur10e.toml", include_str!("../../models/ur10e.toml")),
    ("ur3.toml", include_str!("../../models/ur3.toml")),
    ("ur3e.toml", include_str!("../../models/ur3e.toml")),
    ("ur5e.toml", include_str!("../../models/ur5e.toml")),
    ("yaskawa-gp7.toml", include_str!("../../models/yaskawa-gp7.toml")),
];
