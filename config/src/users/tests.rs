//! Tests of the users file.

use super::*;

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21l$wSCbJm0GqLnRDlOOdIBgJxbCWnVqgWoVSbgOlD6HOTQ";

fn problems(text: &str) -> Vec<String> {
    let found = Users::parse(text).err().map_or(Vec::new(), |problems| problems.0);
    found.iter().map(Problem::to_string).collect()
}

#[test]
fn users_have_a_name_a_hash_and_the_robots_that_they_may_publish_for() {
    let (one, two) = ("CNAB12HX00010000000000000042A", "DKUR00UR300000000000000000001");
    let text = format!(
        "# our plant\n\nplc:{HASH}:gateway\ngateway-1:{HASH}:gateway\ncell-7:{HASH}:robots={two}, {one},{one}\n{one}:{HASH}\n{two}:{HASH}:gateway\n"
    );
    let users = Users::parse(&text).unwrap();
    assert_eq!(users.len(), 5);
    let (one, two) = (one.parse().unwrap(), two.parse().unwrap());
    let may = |name: &str| {
        let user = users.get(name).unwrap();
        (user.may_publish_for(&one), user.may_publish_for(&two))
    };
    assert_eq!(may("plc"), (true, true));
    assert_eq!(may("gateway-1"), (true, true));
    assert_eq!(users.get("cell-7").unwrap().robots, [one, two]);
    assert_eq!(may(one.as_str()), (true, false), "a robot's own account");
    assert_eq!(may(two.as_str()), (true, true), "unless it is said to be a gateway");
    assert_eq!(users.get("plc").unwrap().hash.expose(), HASH);
    assert!(users.get("nobody").is_none() && Users::default().is_empty());
}

#[test]
fn all_wrong_lines_are_listed_and_nothing_of_a_hash_or_password_is_shown() {
    let text = format!(
        "plain:secret\n\
         {HASH}\n\
         :{HASH}\n\
         old:{}\n\
         greedy:{}\n\
         bound:{HASH}:secret\n\
         robots:{HASH}:robots=CNAB12\n\
         twice:{HASH}:gateway\n\
         twice:{HASH}:gateway\n\
         unbound:{HASH}\n\
         no-hash\n",
        HASH.replace("argon2id", "argon2i"),
        HASH.replace("m=19456", "m=4000000"),
    );
    let found = problems(&text);
    let places: Vec<_> = found.iter().map(|problem| problem.split(" = ").next().unwrap()).collect();
    assert_eq!(
        places,
        [
            "line 1 (plain)",
            "line 1 (plain)",
            "line 2",
            "line 3",
            "line 4 (old)",
            "line 4 (old)",
            "line 5 (greedy)",
            "line 5 (greedy)",
            "line 6 (bound)",
            "line 7 (robots)",
            "line 9",
            "line 10 (unbound)",
            "line 11 (no-hash)",
            "line 11 (no-hash)"
        ],
        "{found:#?}"
    );
    let shown = found.join("\n");
    assert!(!shown.contains("secret") && !shown.contains("c29tZ") && !shown.contains("wSCb"), "{shown}");
    assert!(shown.contains("line 7 (robots) = CNAB12: expected robot IDs: a robot ID has 29 characters"));
}

#[test]
fn debug_never_shows_a_hash() {
    let users = Users::parse(&format!("plc:{HASH}:gateway")).unwrap();
    let shown = format!("{users:?}");
    assert!(shown.contains("plc") && shown.contains("***") && !shown.contains("argon2id"), "{shown}");
}

#[test]
fn a_hash_must_be_whole_and_within_costs() {
    assert!(is_argon2id(HASH));
    let cases = [
        HASH.replace("v=19", "v=16"),
        HASH.replace("t=2", "t=17"),
        HASH.replace("p=1", "p=0"),
        HASH.replace("m=19456,", ""),
        HASH.replace("c29tZXNhbHRzb21l", "c29t!ZXNhbHRzb21l"),
        HASH.replace("c29tZXNhbHRzb21l", ""),
        format!("{HASH}$x"),
        HASH[..60].to_owned(),
        String::new(),
    ];
    for case in cases {
        assert!(!is_argon2id(&case), "{case}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let found = Users::load(Path::new("/no/such/users")).unwrap_err();
    assert!(found.to_string().starts_with("/no/such/users = "), "{found}");
    assert!(found.to_string().contains("NAME:HASH; `tacho user NAME` makes one"), "{found}");
}

#[test]
fn a_wrong_line_is_named_with_its_file_and_a_file_without_users_is_one_problem() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("users");
    std::fs::write(&path, "# our plant\nplain:secret\n").unwrap();
    let found = Users::load(&path).unwrap_err().to_string();
    assert!(found.starts_with(&format!("{}: line 2 (plain) = ***: expected NAME:HASH", path.display())), "{found}");
    std::fs::write(&path, "# nobody yet\n").unwrap();
    let found = Users::load(&path).unwrap().some(&path).unwrap_err().to_string();
    assert!(found.starts_with(&format!("{} = no user: expected at least one line", path.display())), "{found}");
}

#[test]
fn a_name_is_one_that_a_line_can_begin_with() {
    for name in ["plc", "cell 7", "CNAB12HX00010000000000000042A", "ä"] {
        assert!(Users::is_name(name), "{name}");
        assert_eq!(Users::parse(&format!("{name}:{HASH}:gateway")).unwrap().len(), 1, "{name}");
    }
    for name in ["", " plc", "a:b", "a$b", "#plc", "a\nb", &"x".repeat(129)] {
        assert!(!Users::is_name(name), "{name}");
    }
}
