//! What a server was found to have, as a configuration of the bridge: what its types tell is mapped, everything else
//! stands in comments, to be chosen from.

use tacho_config::settings::opcua::{CertificateUri, Identity, JointRatings, Security, ServerSettings};
use tacho_ingest::opcua::browse::{Found, FoundRobot, FoundSignal, Variable};
use toml::Value;

/// The configuration, as TOML.
pub(super) fn written(server: &ServerSettings, found: &Found) -> String {
    let mut text = summary(server, found);
    text.push_str("profile = \"development\"  # for a first try: leave it out where the settings name one\n\n");
    head(&mut text, server);
    for found in &found.robots {
        robot(&mut text, found);
    }
    if found.robots.is_empty() {
        text.push_str(
            "\n# The # goes from what is of the robot, and the field is to be named: docs/opcua.md lists all.",
        );
        text.push_str("\n[[opcua.servers.robots]]\nrobot_id = \"the ID of the robot\"\nrobot_kind = \"arm\"\n");
        text.push_str("power_on_h_start = 0  # its hours of power-on so far, where no signal counts them\n");
        for variable in &found.others {
            comment(&mut text, &format!("\n# {} = {}", variable.path, variable.shown));
            text.push_str("# [[opcua.servers.robots.signals]]\n");
            put(&mut text, "# ", "node", &variable.node);
            put(&mut text, "# ", "field", "joints.J1.speed_rad_s");
        }
        return text;
    }
    let left = found.robots.iter().flat_map(|robot| &robot.left);
    let left = left.map(|(variable, why)| (variable, why.as_str()));
    let others = found.others.iter().map(|variable| (variable, "no field is known for it"));
    let all: Vec<_> = left.chain(others).collect();
    if !all.is_empty() {
        text.push_str("\n# Not mapped:\n");
    }
    for (Variable { node, path, shown, .. }, why) in all {
        comment(&mut text, &format!("# {node}  {path} = {shown}: {why}"));
    }
    text
}

/// What was found, in a few lines.
fn summary(server: &ServerSettings, found: &Found) -> String {
    let mut text = String::new();
    let mapped: usize = found.robots.iter().map(|robot| robot.signals.len()).sum();
    let left = found.others.len() + found.robots.iter().map(|robot| robot.left.len()).sum::<usize>();
    let robots = match found.robots.len() {
        0 if found.knows_robotics => "it knows the types of OPC 40010-1 and has no robot of them".to_owned(),
        0 => "it does not know the types of OPC 40010-1".to_owned(),
        1 => "1 robot by the types of OPC 40010-1".to_owned(),
        robots => format!("{robots} robots by the types of OPC 40010-1"),
    };
    comment(&mut text, &format!("# {}: {robots}; {mapped} signals mapped, {left} variables not mapped.", server.url));
    if mapped > 0 {
        text.push_str(
            "# The bridge finds the same by itself where a robot says profile = \"robotics\": docs/opcua.md.\n",
        );
    }
    if !found.is_whole {
        text.push_str("# The server has more nodes than were looked at.\n");
    }
    text
}

fn head(text: &mut String, server: &ServerSettings) {
    let (policy, mode) = match server.security {
        Security::None => ("none", None),
        Security::Sign(policy) => (policy.name(), Some("sign")),
        Security::SignAndEncrypt(policy) => (policy.name(), None),
    };
    text.push_str("[[opcua.servers]]\n");
    put(text, "", "name", &server.name);
    put(text, "", "url", &server.url);
    put(text, "", "security", policy);
    if let Some(mode) = mode {
        put(text, "", "mode", mode);
    }
    match &server.certificate_uri {
        CertificateUri::AsTold => {}
        CertificateUri::Other(uri) => put(text, "", "certificate_uri", uri),
        CertificateUri::Absent => put(text, "", "certificate_uri", "none"),
    }
    match &server.identity {
        Identity::Anonymous => {}
        Identity::UserFile(path) => put(text, "", "user_file", &path.display().to_string()),
        Identity::Certificate { certificate, key } => {
            put(text, "", "user_certificate", &certificate.display().to_string());
            put(text, "", "user_key", &key.display().to_string());
        }
    }
}

fn robot(text: &mut String, found: &FoundRobot) {
    let told: Vec<_> = found.identification.iter().map(|(name, value)| format!("{name} {value}")).collect();
    comment(text, &format!("\n# The motion device {}: {}", found.path, told.join(", ")));
    text.push_str("[[opcua.servers.robots]]\n");
    let id = found.robot_id().map(|id| id.to_string());
    let serial = found.serial_number();
    // `check` refuses it, and names it.
    put(text, "", "robot_id", &id.unwrap_or_else(|| format!("the ID of the robot with the serial number {serial}")));
    put(text, "", "robot_kind", "arm");
    if !found.counts_hours() {
        text.push_str("power_on_h_start = 0  # its hours of power-on so far: the server does not count them\n");
    }
    for JointRatings { name, gear_ratio, .. } in &found.joints {
        text.push_str("\n[[opcua.servers.robots.joints]]\n");
        put(text, "", "name", name);
        if let Some(ratio) = gear_ratio {
            line(text, &format!("gear_ratio = {}", Value::from(*ratio)));
        }
    }
    for FoundSignal { mapping, variable } in &found.signals {
        comment(text, &format!("\n# {} = {}", variable.path, variable.shown));
        text.push_str("[[opcua.servers.robots.signals]]\n");
        put(text, "", "node", &mapping.node);
        put(text, "", "field", &mapping.field.to_string());
        if let Some(unit) = mapping.unit {
            put(text, "", "unit", &unit.to_string());
        }
    }
}

fn put(text: &mut String, before: &str, key: &str, value: &str) {
    line(text, &format!("{before}{key} = {}", Value::from(value)));
}

/// A comment, whatever a server has put into its names.
fn comment(text: &mut String, comment: &str) {
    let (breaks, rest) = comment.split_at(comment.len() - comment.trim_start_matches('\n').len());
    text.push_str(breaks);
    line(text, &rest.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>());
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
