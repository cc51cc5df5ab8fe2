//! What `tacho opcua browse` and `tacho check` say, and settings of bridges that find robots by their types.

use crate::plant::{Plant, tacho, text};

/// What an instance without servers says that a server has; the server has no security.
pub fn browsed(plant: &Plant, url: &str) -> String {
    let data = plant.data();
    let data = data.to_str().expect("a temporary folder has a name in UTF-8");
    let output = tacho(&["opcua", "browse", url, "--security", "none", "--data", data]).expect("tacho starts");
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8(output.stdout).expect("TOML is UTF-8")
}

/// What `tacho check` says of a configuration, and whether it takes it.
pub fn checked(plant: &Plant, config: &str) -> (bool, String) {
    let file = plant.beside("checked.toml");
    std::fs::write(&file, config).expect("a temporary folder takes a file");
    let file = file.to_str().expect("a temporary folder has a name in UTF-8");
    let output = tacho(&["check", file]).expect("tacho starts");
    (output.status.success(), text(&output))
}

/// Settings of a bridge that finds the robots of a server by itself, with further lines for its robots.
pub fn by_types(url: &str, robots: &str) -> String {
    quick(&format!(
        "profile = \"development\"\n[[opcua.servers]]\nname = \"cell\"\nurl = \"{url}\"\nsecurity = \"none\"\n\
         [[opcua.servers.robots]]\nprofile = \"robotics\"\n{robots}\n"
    ))
}

/// The same with a short window, and intervals with which no value is skipped.
pub fn quick(config: &str) -> String {
    let intervals = "security = \"none\"\npublishing_interval = \"100ms\"\nsampling_interval = \"10ms\"\n";
    format!("{}\n[opcua]\nwindow = \"1s\"\n", config.replace("security = \"none\"\n", intervals))
}
