//! What was restored, copied, cut or lost between two starts.

use super::*;

#[tokio::test]
async fn a_restored_backup_is_refused_and_a_new_log_names_the_evidence() {
    let mut plant = Plant::new();
    plant.land(1).await;
    plant.anchor().await;
    let backup = plant.copy();
    plant.land(1).await;
    plant.anchor().await;
    let restored = AnchorerOptions { file_registry_dir: plant.registry_dir(), ..backup.options() };
    let refused = Anchorer::open(restored.clone()).await.unwrap_err();
    let OpenError::RegistryAhead { registry: 2, here: 1, evidence } = refused else { panic!("{refused}") };
    let evidence = Digest::of(&fs::read(evidence).unwrap());
    assert!(Anchorer::open(restored.clone()).await.is_err(), "also the second time");

    let mut anchorer = Anchorer::open(AnchorerOptions { new_origin: true, ..restored }).await.unwrap();
    anchorer.tick(true).await.unwrap().unwrap();
    let windows = windows(&backup);
    assert_eq!((windows.len(), windows[0].beacon), (1, Some(evidence)));
    let registry = plant.registry_dir();
    let report = crate::audit(&backup.data_dir(), &backup.lake_dir(), &registry, |_| {}).await.unwrap();
    assert_eq!(report.origin, anchorer.origin());
}

#[tokio::test]
async fn of_two_copies_of_a_log_the_registry_takes_one() {
    let mut plant = Plant::new();
    plant.land(1).await;
    plant.anchor().await;
    let mut thief = plant.copy();
    let stolen = AnchorerOptions { file_registry_dir: plant.registry_dir(), ..thief.options() };
    let mut thiefs = Anchorer::open(stolen.clone()).await.unwrap();
    plant.land(1).await;
    plant.anchor().await;
    thief.land(2).await;
    let refused = thiefs.tick(true).await.unwrap_err();
    assert!(matches!(refused, AnchorError::Registry { .. }), "{refused}");
    assert_eq!(refused.verdict(), Verdict::Halt);
    assert!(thiefs.tick(true).await.is_err(), "it does not go on");
    let refused = Anchorer::open(stolen).await.unwrap_err();
    assert!(matches!(refused, OpenError::Forked { size: 2, .. }), "{refused}");
    assert_eq!(plant.audit().await.unwrap().windows, 2);
}

#[tokio::test]
async fn salt_keys_that_were_cut_are_refused_and_never_drawn_again() {
    let mut plant = Plant::new();
    plant.land(1).await;
    plant.anchor().await;
    let path = plant.data_dir().join("keys/salts/2026-03");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, "").unwrap();
    let refused = plant.anchorer().await.unwrap_err().to_string();
    assert!(refused.contains("keys/salts/2026-03") && refused.contains("from a backup"), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), b"");
    fs::write(&path, whole).unwrap();
    plant.anchor_more().await;
    plant.audit().await.unwrap();
}

#[tokio::test]
async fn a_registry_that_has_lost_what_was_lodged_halts_the_anchorer() {
    let mut plant = Plant::new();
    plant.land(1).await;
    let mut anchorer = plant.anchorer().await.unwrap();
    anchorer.tick(true).await.unwrap();
    fs::remove_dir_all(plant.registry_dir()).unwrap();
    plant.land(1).await;
    let lost = anchorer.tick(true).await.unwrap_err();
    assert!(lost.to_string().contains("has lost"), "{lost}");
    assert_eq!(lost.verdict(), Verdict::Halt);
    drop(anchorer);
    let refused = plant.anchorer().await.unwrap_err();
    assert!(refused.to_string().contains("--lodge-anew"), "{refused}");
    assert_eq!(refused.verdict(), Verdict::Halt);
    assert!(plant.audit().await.unwrap_err().to_string().contains("does not know the log"));

    let anew = AnchorerOptions { lodge_anew: true, ..plant.options() };
    let mut anchorer = Anchorer::open(anew.clone()).await.unwrap();
    anchorer.tick(true).await.unwrap();
    assert_eq!(head_in_registry(&plant, &anchorer), anchorer.lock.head());
    let [noted] = &anchorer.lock.lodged_anew[..] else { panic!("{:?}", anchorer.lock) };
    assert_eq!((noted.accepted, noted.known), (1, 0));
    let report = plant.audit().await.unwrap();
    assert_eq!((report.lodged_anew, report.registry_size), (1, anchorer.lock.size));
    drop(anchorer);
    // Where nothing is lost, the switch does nothing.
    assert_eq!(Anchorer::open(anew).await.unwrap().lock.lodged_anew.len(), 1);
}

#[tokio::test]
async fn a_registry_that_was_set_back_is_given_the_rest_only_at_a_word() {
    let mut plant = Plant::new();
    plant.anchor_more().await;
    let before = plant.copy();
    plant.anchor_more().await;
    plant.anchor_more().await;
    fs::remove_dir_all(plant.registry_dir()).unwrap();
    crate::plant::copy_dir(&before.registry_dir(), &plant.registry_dir());
    let refused = plant.anchorer().await.unwrap_err();
    let OpenError::Anchor(AnchorError::RegistryLost { accepted: 3, known: 1, .. }) = refused else {
        panic!("{refused}")
    };
    assert!(plant.audit().await.unwrap_err().to_string().contains("it had accepted 3"));
    let anchorer = Anchorer::open(AnchorerOptions { lodge_anew: true, ..plant.options() }).await.unwrap();
    assert_eq!(head_in_registry(&plant, &anchorer), anchorer.lock.head());
    assert_eq!(plant.audit().await.unwrap().lodged_anew, 1);
}

#[tokio::test]
async fn what_was_left_of_a_window_and_does_not_fit_is_made_again() {
    let mut plant = Plant::new();
    plant.land(1).await;
    plant.anchor().await;
    let registry = plant.data_dir().join("registry");
    let segments = registry.join("segments/0000000000");
    let whole = fs::read(&segments).unwrap();
    fs::write(&segments, &whole[..whole.len() / 2]).unwrap();
    fs::write(registry.join("prepared.json"), "half of").unwrap();
    plant.anchor_more().await;
    assert_eq!(fs::read(&segments).unwrap(), whole);
    plant.audit().await.unwrap();
}

#[tokio::test]
async fn a_log_that_was_taken_away_is_missed_and_a_new_one_begins_only_at_a_word() {
    let mut plant = Plant::new();
    plant.land(2).await;
    plant.anchor().await;
    for folder in ["registry", "keys"] {
        fs::remove_dir_all(plant.data_dir().join(folder)).unwrap();
    }
    let missed = plant.audit().await.unwrap_err();
    assert!(missed.is_divergence() && missed.to_string().contains("registry/lock.json"), "{missed}");
    for _again in 0..2 {
        let refused = plant.anchorer().await.unwrap_err();
        assert!(matches!(refused, OpenError::LogGone { .. }), "{refused}");
        assert_eq!(refused.verdict(), Verdict::Halt);
    }
    let anew = AnchorerOptions { new_origin: true, ..plant.options() };
    let mut anchorer = Anchorer::open(anew).await.unwrap();
    anchorer.tick(true).await.unwrap().unwrap();
    let windows = windows(&plant);
    assert!(windows.len() == 1 && windows[0].beacon.is_some(), "{windows:?}");
    drop(anchorer);
    plant.anchor_more().await;
    plant.audit().await.unwrap();
}

/// As after `rm -rf` of a data directory, or a restore into the wrong place: the registry beside it knows better.
#[tokio::test]
async fn a_log_that_begins_beside_one_that_the_registry_knows_says_so() {
    let mut former = Plant::new();
    former.land(2).await;
    former.anchor().await;
    let mut plant = Plant::new();
    // The lake has its tables, and nothing has landed.
    plant.land_until("lake.ledger.before_put").await;
    let beside = AnchorerOptions { file_registry_dir: former.options().file_registry_dir, ..plant.options() };
    let mut anchorer = Anchorer::open(beside).await.unwrap();
    plant.land(2).await;
    anchorer.tick(true).await.unwrap().unwrap();
    let windows = windows(&plant);
    assert!(windows.len() == 1 && windows[0].beacon.is_some(), "{windows:?}");
}

#[tokio::test]
async fn a_lake_is_anchored_in_one_log_until_a_word_puts_another_in_its_place() {
    let mut plant = Plant::new();
    plant.land(1).await;
    let mut first = plant.anchorer().await.unwrap();
    first.tick(true).await.unwrap().unwrap();
    plant.land(1).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let data_dir = elsewhere.path().join("data");
    let file_registry_dir = elsewhere.path().join("registry");
    // One origin by a setting, as of two processes that share a configuration.
    let origin = Some(first.origin().to_owned());
    let second = AnchorerOptions { data_dir: data_dir.clone(), file_registry_dir, origin, ..plant.options() };
    for _again in 0..2 {
        let refused = Anchorer::open(second.clone()).await.unwrap_err();
        let OpenError::Anchor(AnchorError::Claimed { claimed, .. }) = &refused else { panic!("{refused}") };
        assert!(claimed.starts_with(first.origin()) && refused.verdict() == Verdict::Halt, "{claimed}");
        assert_eq!(Lock::read(&data_dir.join("registry")).unwrap(), None, "nothing is begun");
    }

    let mut instead = Anchorer::open(AnchorerOptions { new_origin: true, ..second.clone() }).await.unwrap();
    let refused = first.tick(true).await.unwrap_err();
    assert!(
        matches!(&refused, AnchorError::Claimed { claimed, .. } if claimed.starts_with(instead.origin())),
        "{refused}"
    );
    assert_eq!((refused.verdict(), windows(&plant).len()), (Verdict::Halt, 1));
    let refused = plant.anchorer().await.unwrap_err();
    assert!(matches!(refused, OpenError::Anchor(AnchorError::Claimed { .. })), "{refused}");
    let begun = Lock::read(&data_dir.join("registry")).unwrap().unwrap();
    assert!(begun.begun_beside.is_some(), "it says so");
    instead.tick(true).await.unwrap().unwrap();
    Anchorer::open(second).await.unwrap();
}

#[tokio::test]
async fn a_log_that_was_taken_away_with_its_registry_is_missed_by_the_lake() {
    let mut plant = Plant::new();
    plant.land(1).await;
    plant.anchor().await;
    for folder in [plant.data_dir().join("registry"), plant.data_dir().join("keys"), plant.registry_dir()] {
        fs::remove_dir_all(folder).unwrap();
    }
    let refused = plant.anchorer().await.unwrap_err();
    assert!(matches!(refused, OpenError::Anchor(AnchorError::Claimed { .. })), "{refused}");
}
