//! What happens between two steps of something that takes a while.

use super::*;

#[test]
fn a_backup_holds_a_commit_that_is_durable_and_not_seen_yet() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.writer.commit(put(Db::Hot, "k", "v")).unwrap();
    store.keeper.rewrite_snapshots().unwrap();
    let commit = put(Db::Hot, "late", "v");
    let appended = store.writer.append(&commit).unwrap();
    let file = dir.path().join("b.tar");
    let backup = store.keeper.backup(&file).unwrap();
    assert_eq!(backup.last_seq, appended.seq());
    store.writer.apply(appended, commit);
    let target = tempfile::tempdir().unwrap();
    restore(&file, target.path(), false, false).unwrap();
    let (restored, report) = open(target.path());
    assert_eq!(report.last_seq, backup.last_seq);
    for key in [&b"k"[..], b"late"] {
        assert_eq!(
            restored.reader.get(Db::Hot, key).unwrap(),
            Some(b"v".to_vec()),
            "{key:?}"
        );
    }
}
