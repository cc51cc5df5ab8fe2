//! A configuration of the bridge for a server that was looked through: what is known by its types is mapped, everything
//! else stands there to be chosen from.

use std::fmt::Write as _;

use serde_json::Value as Json;
use tacho_config::settings::opcua::{Field, Identity, Security, SecurityPolicy, ServerSettings, Unit};

use super::Variable;
use super::robotics::Robot;

/// The configuration, as TOML.
pub(super) fn written(server: &ServerSettings, robots: &[Robot], variables: &[Variable]) -> String {
    let mut text = head(server);
    if robots.is_empty() {
        robot(&mut text, 1, false, "a robot");
        text.push_str("# The server has no types of OPC 40010-1: take the # from what is of the robot, and name its field.\n");
        for variable in variables {
            signal(&mut text, variable, "counters.power_on_h", "# ");
        }
    }
    for (number, found) in (1..).zip(robots) {
        let of = |place: usize| variables.iter().find(|variable| variable.place == place);
        let mapped: Vec<_> = found.fields.iter().filter_map(|(place, field)| Some((of(*place)?, field))).collect();
        let counts = mapped.iter().any(|(variable, field)| **field == Field::power_on() && fits(variable, field));
        let path = mapped.first().map_or_else(String::new, |(variable, _)| variable.path.clone());
        robot(&mut text, number, counts, &format!("the motion device of {path} (node {})", found.place));
        for (variable, field) in mapped {
            let comment = if fits(variable, field) { "" } else { "# " };
            signal(&mut text, variable, &field.to_string(), comment);
        }
    }
    text
}

fn head(server: &ServerSettings) -> String {
    let (policy, mode) = match server.security {
        Security::None => ("none", None),
        Security::Sign(policy) => (SecurityPolicy::name(policy), Some("sign")),
        Security::SignAndEncrypt(policy) => (SecurityPolicy::name(policy), None),
    };
    let mut text = String::from("[[opcua.servers]]\n");
    put(&mut text, "", "name", &server.name);
    put(&mut text, "", "url", &server.url);
    put(&mut text, "", "security", policy);
    if let Some(mode) = mode {
        put(&mut text, "", "mode", mode);
    }
    if let Identity::UserFile(path) = &server.identity {
        put(&mut text, "", "user_file", &path.display().to_string());
    }
    text
}

fn robot(text: &mut String, number: usize, counts: bool, what: &str) {
    text.push_str("\n[[opcua.servers.robots]]\n");
    // Of the right form, so that `check` takes it, and of no robot.
    let _written = writeln!(text, "robot_id = \"XX{number:027}\"  # to be replaced by the ID of {}", line(what));
    text.push_str("robot_kind = \"arm\"\n");
    if !counts {
        text.push_str("power_on_h_start = 0  # to be replaced by its hours of power-on: the server does not count them\n");
    }
}

fn signal(text: &mut String, variable: &Variable, field: &str, comment: &str) {
    let unit = variable.unit.as_deref().map_or_else(String::new, |unit| format!(" {unit}"));
    let what = format!("{}: {} = {}{unit}", variable.path, variable.data_type, variable.value);
    let _written = writeln!(text, "\n# {}", line(&what));
    let _written = writeln!(text, "{comment}[[opcua.servers.robots.signals]]");
    put(text, comment, "node", &variable.node);
    put(text, comment, "field", field);
}

/// Whether a variable may be the field, as far as its unit tells.
fn fits(variable: &Variable, field: &Field) -> bool {
    let Some(own) = field.unit() else { return true };
    let Some(shown) = &variable.unit else { return true };
    let unit = Unit::of_server(variable.unit_id, shown);
    match unit {
        Some(unit) => unit.dimension() == own.dimension(),
        None => shown.trim().is_empty() && variable.unit_id <= 0,
    }
}

/// A key and a text; JSON's texts are TOML's.
fn put(text: &mut String, comment: &str, key: &str, value: &str) {
    let _written = writeln!(text, "{comment}{key} = {}", Json::from(value));
}

fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
