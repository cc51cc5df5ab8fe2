//! The files of `deploy/` are sound: manifests by Kubernetes' own schemas, units by systemd, settings by `tacho check`.

use std::path::{Path, PathBuf};
use std::process::Command;

use tacho_integration_tests::client::{installed, tool};
use tacho_integration_tests::plant::{program, tacho, text};

/// A manifest with a key that Kubernetes does not know, to see that the validator would tell.
const UNSOUND: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {prots: []}\n";

fn manifest() -> PathBuf {
    PathBuf::from("../deploy/kubernetes/tacho.yaml")
}

/// The settings that the manifest's config map holds.
fn settings() -> String {
    let text = std::fs::read_to_string(manifest()).unwrap();
    let (_, from) = text.split_once("  tacho.toml: |\n").unwrap();
    let (settings, _) = from.split_once("\n---\n").unwrap();
    settings.lines().map(|line| format!("{}\n", line.trim_start())).collect()
}

#[test]
fn the_manifests_are_what_kubernetes_takes() {
    let Some(python) = tool("TACHO_PYTHON") else { return };
    let validate = |file: &Path| {
        let validator = Path::new(&python).with_file_name("kubernetes-validate");
        Command::new(validator).arg("--strict").arg(file).output().unwrap()
    };
    let sound = validate(&manifest());
    assert!(sound.status.success(), "{}", text(&sound));
    assert_eq!(text(&sound).matches(" passed for resource ").count(), 8, "{}", text(&sound));
    let folder = tempfile::tempdir().unwrap();
    let unsound = folder.path().join("unsound.yaml");
    std::fs::write(&unsound, UNSOUND).unwrap();
    assert!(!validate(&unsound).status.success());
}

#[test]
fn the_settings_of_the_manifest_have_no_problems() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    let made = Command::new("sh")
        .args(["-c", "echo secret | \"$0\" user cell-7 --gateway > \"$1\""])
        .args([program(), users.clone()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", text(&made));
    let file = folder.path().join("tacho.toml");
    std::fs::write(&file, settings().replace("/etc/tacho-secrets/users", users.to_str().unwrap())).unwrap();
    let checked = tacho(&["check", file.to_str().unwrap()]).unwrap();
    assert!(checked.status.success() && text(&checked).contains("no problems"), "{}", text(&checked));
}

#[test]
fn systemd_takes_the_units() {
    if !installed("systemd-analyze") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir("../deploy/systemd").unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap().replace("@.service", "@1.service");
        let unit = std::fs::read_to_string(entry.path()).unwrap();
        let unit = unit.replace("/usr/local/bin/tacho", program().to_str().unwrap());
        let file = folder.path().join(name);
        std::fs::write(&file, unit).unwrap();
        let verified = Command::new("systemd-analyze").arg("verify").arg(&file).output().unwrap();
        assert!(verified.status.success() && text(&verified).is_empty(), "{}: {}", file.display(), text(&verified));
    }
}
