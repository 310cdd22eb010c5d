//! Which placeholder stands for the partner's id of the click, without which a partner cannot tell what a conversion
//! came from.

use super::parts::Candidate;
use crate::domain::partner::{ClickParameter, Partner};

/// Whether a placeholder is the partner's id of the click: PARA1, by that name or the partner's own.
pub(super) fn is_click_id(candidate: &Candidate, partner: Option<&Partner>) -> bool {
    match candidate {
        Candidate::Known(placeholder) => placeholder.name == "para1",
        Candidate::Own(_) => false,
        Candidate::Parameter(name) => {
            let is_first = |of: &ClickParameter| of.name == *name && of.para == Some(1);
            partner.is_some_and(|partner| partner.click_parameters.iter().any(is_first))
        }
        Candidate::Secret(_) | Candidate::Computed(_) => false,
    }
}
