//! What is told of postbacks that wait too long: in English and Japanese.

pub(super) fn queue_headline(who: &str, percent: u64, is_over: bool) -> (String, String) {
    if is_over {
        return (
            "Resolved: held postbacks have room again".into(),
            "復旧: 保留中のポストバックの容量に余裕が戻りました".into(),
        );
    }
    (
        format!("The held postbacks of {who} take {percent} % of what may wait"),
        format!("{who} への保留中のポストバックが上限の {percent}% に達しました"),
    )
}

pub(super) fn queue_remedy() -> (String, String) {
    (
        "Beyond the bound (limits.held_mb) further postbacks are kept as failed and have to be sent again by hand. Do what Home says of the partner, or raise the bound.".into(),
        "上限（limits.held_mb）を超えた分は失敗として記録され、手動での再送が必要になります。ホームに表示されている対応を行うか、上限を引き上げてください。".into(),
    )
}

pub(super) fn ending_headline(postbacks: u64, money: &str, is_over: bool) -> (String, String) {
    if is_over {
        return (
            "Resolved: no waiting postback is about to be too old".into(),
            "復旧: 期限切れが近い送信待ちのポストバックはなくなりました".into(),
        );
    }
    let (of, worth) = if money.is_empty() {
        (String::new(), String::new())
    } else {
        (format!(" ({money})"), format!("（{money}）"))
    };
    (
        format!("{postbacks} waiting postbacks{of} will be too old within 24 hours"),
        format!("送信待ちのポストバック {postbacks} 件{worth}が24時間以内に送信期限を過ぎます"),
    )
}

pub(super) fn ending_remedy() -> (String, String) {
    (
        "Their rules have a greatest age: what is older than the platform takes ends without an attempt. Make the destination answer or let the partner go on before that.".into(),
        "ポストバック設定の最大経過時間を過ぎると、送信されずに終了します。それまでに受信側の不具合を解消するか、媒体への送信を再開してください。".into(),
    )
}
