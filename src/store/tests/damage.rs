//! Rot: any byte of any file changed, any file gone. The store opens, holds all it was told, or says what it lost;
//! and the next start has nothing more to repair.

use super::*;

/// A store with snapshots, a tail of the journal and closed periods.
fn prepared(seed: u64, is_closed: bool) -> (tempfile::TempDir, Model) {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let (mut model, mut dice) = (Model::default(), Dice(seed));
    model.work(&mut store.writer, &mut dice, 80);
    store.keeper.rewrite_snapshots().unwrap();
    model.work(&mut store.writer, &mut dice, 60);
    store.keeper.checkpoint().unwrap();
    model.work(&mut store.writer, &mut dice, 20);
    if is_closed {
        store.writer.close().unwrap();
        return (dir, model);
    }
    let copy = tempfile::tempdir().unwrap();
    copy_tree(dir.path(), copy.path());
    (copy, model)
}

fn survives(dir: &Path, model: &Model, what: &str) {
    let held = {
        let (mut store, report) = match Store::open(dir, options()) {
            Ok(opened) => opened,
            Err(error) => panic!("{what}: {error}"),
        };
        let held = dump(&store);
        let repairs = store.reader.health().repairs;
        let commits = model.states.len() as u64;
        if report.torn_tail_bytes > 0 && report.last_seq < commits {
            // Rot of the very last commit, before any database had it on disk, is what a crash leaves too.
            assert!(
                held == model.states[report.last_seq as usize - 1],
                "{what}: {repairs:#?}"
            );
            assert_eq!(report.last_seq, commits - 1, "{what}");
        } else {
            let is_kept = held == model.last();
            assert!(
                is_kept || has_lost(&repairs),
                "{what}: not what was written, and nothing said: {report:#?}"
            );
            let is_counted = report.last_seq >= commits || has_lost(&repairs);
            assert!(is_counted, "{what}: numbers are used again: {report:?}");
        }
        assert_eq!(store.reader.health().state, StoreState::Ready, "{what}");
        store.writer.commit(put(Db::Hot, "next", "v")).unwrap();
        store.writer.close().unwrap();
        held
    };
    let (store, report) = open(dir);
    let mut again = dump(&store);
    assert_eq!(store.reader.health().repairs, report.repairs, "{what}");
    assert_eq!(report.repairs, vec![], "{what}: not repaired for good");
    again.get_mut(&Db::Hot).unwrap().remove(b"next".as_slice());
    assert!(again == held, "{what}: another state at the next start");
}

#[test]
fn any_changed_byte() {
    for (seed, is_closed) in [(61, true), (62, false)] {
        let (dir, model) = prepared(seed, is_closed);
        let mut dice = Dice(seed * 7);
        let files: Vec<_> = files_below(dir.path());
        for n in 0..30 {
            let copy = tempfile::tempdir().unwrap();
            copy_tree(dir.path(), copy.path());
            let victim = &files[dice.roll(files.len() as u64) as usize];
            let path = copy.path().join(victim.strip_prefix(dir.path()).unwrap());
            let mut bytes = std::fs::read(&path).unwrap();
            if bytes.is_empty() {
                continue;
            }
            let at = dice.roll(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << dice.roll(8);
            std::fs::write(&path, bytes).unwrap();
            let name = victim.strip_prefix(dir.path()).unwrap();
            survives(
                copy.path(),
                &model,
                &format!("seed {seed}, change {n}: {} at {at}", name.display()),
            );
        }
    }
}

#[test]
fn any_missing_file() {
    let (dir, model) = prepared(71, false);
    for victim in files_below(dir.path()) {
        let copy = tempfile::tempdir().unwrap();
        copy_tree(dir.path(), copy.path());
        let name = victim.strip_prefix(dir.path()).unwrap();
        std::fs::remove_file(copy.path().join(name)).unwrap();
        survives(copy.path(), &model, &format!("without {}", name.display()));
    }
}

#[test]
fn any_file_cut_short() {
    let (dir, model) = prepared(81, true);
    let mut dice = Dice(82);
    for victim in files_below(dir.path()) {
        let copy = tempfile::tempdir().unwrap();
        copy_tree(dir.path(), copy.path());
        let name = victim.strip_prefix(dir.path()).unwrap();
        let file = std::fs::File::options()
            .write(true)
            .open(copy.path().join(name))
            .unwrap();
        let len = dice.roll(file.metadata().unwrap().len().max(1));
        file.set_len(len).unwrap();
        survives(copy.path(), &model, &format!("{} cut to {len}", name.display()));
    }
}
