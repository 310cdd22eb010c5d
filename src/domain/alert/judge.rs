//! What the facts say of one kind of alert each.

use super::{Detail, Judgement, LaneFact, LaneStanding, Tally};

/// Waiting that makes the queue old, seconds.
const QUEUE_OLD_S: i64 = 60;
/// Waiting with which it is well again, seconds.
const QUEUE_WELL_S: i64 = 15;
/// Refused conversions of an hour below which nothing is said.
const FEWEST_REFUSED: i64 = 10;
/// Failed checks of known senders in an hour that are said.
const FAILED_CHECKS: usize = 10;
/// With fewer than so many it is over.
const FEW_FAILED_CHECKS: usize = 5;
/// Failed tries to sign in of an hour that are an attack.
const MOST_FAILED_LOGINS: i64 = 50;
/// Below which it is over.
const FEW_FAILED_LOGINS: i64 = 10;

pub(super) fn judge_logins(failed: i64) -> Judgement {
    match failed {
        MOST_FAILED_LOGINS.. => Judgement::Wrong(Detail::Logins { failed }),
        ..FEW_FAILED_LOGINS => Judgement::Well,
        _ => Judgement::Unclear,
    }
}

pub(super) fn judge_lane(lane: &LaneFact) -> Judgement {
    let wrong = |status| {
        Judgement::Wrong(Detail::Lane {
            partners: lane.partners.clone(),
            waiting: lane.waiting,
            status,
        })
    };
    match lane.standing {
        LaneStanding::Well => Judgement::Well,
        LaneStanding::Unknown => Judgement::Unclear,
        LaneStanding::Unreachable => wrong(None),
        LaneStanding::Refusing(status) => wrong(Some(status)),
    }
}

pub(super) fn judge_queue(age_s: i64) -> Judgement {
    match age_s {
        age_s if age_s > QUEUE_OLD_S => Judgement::Wrong(Detail::Queue { age_s }),
        age_s if age_s < QUEUE_WELL_S => Judgement::Well,
        _ => Judgement::Unclear,
    }
}

pub(super) fn judge_overdue(postbacks: usize) -> Judgement {
    let wrong = Judgement::Wrong(Detail::Overdue { postbacks });
    if postbacks == 0 { Judgement::Well } else { wrong }
}

pub(super) fn judge_disk(free_mb: u64, needed_mb: u64) -> Judgement {
    if free_mb < needed_mb + needed_mb / 2 {
        Judgement::Wrong(Detail::Disk { free_mb, needed_mb })
    } else if free_mb > needed_mb * 2 {
        Judgement::Well
    } else {
        Judgement::Unclear
    }
}

pub(super) fn judge_told(message: &Option<String>) -> Judgement {
    match message {
        Some(message) => Judgement::Wrong(Detail::Told {
            message: message.clone(),
        }),
        None => Judgement::Well,
    }
}

pub(super) fn judge_checks(failed: usize) -> Judgement {
    match failed {
        FAILED_CHECKS.. => Judgement::Wrong(Detail::Checks { failed }),
        ..FEW_FAILED_CHECKS => Judgement::Well,
        _ => Judgement::Unclear,
    }
}

pub(super) fn judge_refusals(hour: Tally, day: Tally) -> Judgement {
    let (refused, total) = (hour.refused, hour.refused + hour.accepted);
    let day_total = day.refused + day.accepted;
    // Shares are compared crosswise, so that nothing is divided.
    let is_thrice_usual = refused * day_total >= 3 * day.refused * total;
    if refused >= FEWEST_REFUSED && refused * 10 >= total * 3 && is_thrice_usual {
        Judgement::Wrong(Detail::Refusals { refused, total })
    } else if refused < FEWEST_REFUSED || refused * 10 < total * 2 {
        Judgement::Well
    } else {
        Judgement::Unclear
    }
}

pub(super) fn judge_held_queue(queue: &Option<(String, u64)>) -> Judgement {
    match queue {
        Some((partner, percent)) if *percent >= 50 => Judgement::Wrong(Detail::HeldQueue {
            partner: partner.clone(),
            percent: *percent,
        }),
        Some((_, 40..)) => Judgement::Unclear,
        Some(_) | None => Judgement::Well,
    }
}

pub(super) fn judge_ending(ending: &Option<(u64, String)>) -> Judgement {
    match ending {
        Some((postbacks, money)) => Judgement::Wrong(Detail::Ending {
            postbacks: *postbacks,
            money: money.clone(),
        }),
        None => Judgement::Well,
    }
}
