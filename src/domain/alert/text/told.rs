//! What is told of the store, of backups, certificates and the like: the first line, in English and Japanese.

use crate::domain::alert::AlertKind;

/// In English and Japanese: what is told of the store, backups and certificates.
pub(super) fn told_headline(kind: AlertKind, is_over: bool) -> (String, String) {
    match (kind, is_over) {
        (AlertKind::StoreDamaged, true) => (
            "Resolved: nothing more was lost in the store".into(),
            "復旧: その後、データの欠損は見つかっていません".into(),
        ),
        (AlertKind::StoreDamaged, false) => (
            "The store lost records or is damaged".into(),
            "データの一部が失われたか、破損しています".into(),
        ),
        (AlertKind::CertificateFailing, true) => (
            "Resolved: the certificates are good".into(),
            "復旧: 証明書は有効です".into(),
        ),
        (AlertKind::CertificateFailing, false) => (
            "A certificate runs out or cannot be issued".into(),
            "証明書の期限が近いか、発行できていません".into(),
        ),
        (AlertKind::RawDataFailing, true) => (
            "Resolved: raw data is handed on again".into(),
            "復旧: ローデータの送信が再開しました".into(),
        ),
        (AlertKind::RawDataFailing, false) => (
            "Raw data is not handed on".into(),
            "ローデータを送信できていません".into(),
        ),
        (AlertKind::ArchiveFailing, true) => (
            "Resolved: the archive is written again".into(),
            "復旧: アーカイブへの書き込みが再開しました".into(),
        ),
        (AlertKind::ArchiveFailing, false) => (
            "The archive is not written".into(),
            "アーカイブに書き込めていません".into(),
        ),
        (_, true) => (
            "Resolved: backups are made again".into(),
            "復旧: バックアップが再び作成されました".into(),
        ),
        (_, false) => (
            "There is no new backup".into(),
            "新しいバックアップが作成されていません".into(),
        ),
    }
}
