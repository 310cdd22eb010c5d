//! What was recorded, as the API shows it: flat objects for sessions, activities, postbacks and attempts,
//! and reading them from the store.

mod activity;
mod postback;
mod read;
mod session;

pub use activity::{ActivityDto, OriginDto, RuleOutcomeDto, VerdictWord, seen_activity};
pub use postback::{AttemptDto, PostbackDetail, PostbackDto, StateFilter};
pub use read::{
    activities_of, activities_of_order, activity, activity_or_engagement, detail, postback,
    postbacks_of_click, session,
};
pub use session::SessionDto;
