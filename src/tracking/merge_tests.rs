use super::*;

fn change(at_ms: i64) -> StatusChange {
    StatusChange {
        at_ms,
        status: ConversionStatus::Approved,
        by: "somebody".into(),
    }
}

#[test]
fn of_two_states_of_a_conversion_the_one_that_was_changed_last_stands() {
    let changes = |at: &[i64]| at.iter().copied().map(change).collect::<Vec<_>>();
    for (present, theirs, expected) in [
        (&[1][..], &[1][..], Stands::Present),
        (&[1, 5], &[1], Stands::Present),
        (&[1], &[1, 5], Stands::Theirs),
        (&[1, 4], &[1, 5], Stands::TheirsOvertakes),
        (&[1, 6], &[1, 5], Stands::PresentOvertakes),
        (&[1, 6], &[1, 2, 5], Stands::PresentOvertakes),
        (&[], &[1], Stands::Theirs),
    ] {
        assert_eq!(
            stands(&changes(present), &changes(theirs)),
            expected,
            "{present:?} {theirs:?}"
        );
    }
}
