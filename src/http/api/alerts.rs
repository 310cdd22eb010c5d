//! Alerts: what stands, what last became of each channel, and a test.

use super::read;
use crate::admin::AdminError;
use crate::admin::save::{Note, note};
use crate::alerts::{LastSent, OpenAlert};
use crate::domain::account::AlertChannel;
use crate::http::State;
use crate::http::auth::Owner;
use crate::http::extract::Json;
use crate::http::problem::ApiError;
use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};

/// How a channel is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ChannelDto {
    /// Which.
    pub channel: AlertChannel,
    /// Whether it is set up.
    pub is_set_up: bool,
    /// What last became of a message; `null`: there was none since the start.
    pub last: Option<LastSent>,
}

/// Alerts as they stand.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AlertsView {
    /// Those that were said and are not over, the oldest first.
    pub open: Vec<OpenAlert>,
    /// E-mail, webhook, LINE.
    pub channels: Vec<ChannelDto>,
}

/// What stands, and what last became of each channel.
#[utoipa::path(tag = "settings", responses((status = 200, body = AlertsView)))]
#[get("/alerts")]
pub async fn get_alerts(state: Data<State>, _owner: Owner) -> Result<HttpResponse, ApiError> {
    let settings = state.recorder.catalog().settings.clone();
    let channels = AlertChannel::ALL.map(|channel| ChannelDto {
        channel,
        is_set_up: settings.alerts.has(channel),
        last: state.alerts.last(channel),
    });
    Ok(HttpResponse::Ok().json(AlertsView {
        open: state.alerts.open(),
        channels: channels.into(),
    }))
}

/// What became of a summary on one way.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SummarySent {
    /// Which way.
    pub channel: AlertChannel,
    /// What came of it.
    pub sent: LastSent,
}

/// Sends the summary of the last whole day or week now, on every way that is set up, and tells what came of each.
#[utoipa::path(tag = "settings", responses((status = 200, body = Vec<SummarySent>)))]
#[post("/alerts/summary")]
pub async fn send_summary(state: Data<State>, owner: Owner) -> Result<HttpResponse, ApiError> {
    let sent = read(&state, move |state| Ok(state.alerts.send_summary())).await?;
    let Some(sent) = sent else {
        return Err(AdminError::TooMuch.into());
    };
    let taken = sent.iter().filter(|(_, sent)| sent.is_ok).count();
    let detail = format!("{taken} of {}", sent.len());
    let entry = Note::new("alerts.summary", "now").detail(&detail);
    note(&state.recorder, owner.0.actor(), entry).await?;
    let all = sent
        .into_iter()
        .map(|(channel, sent)| SummarySent { channel, sent });
    Ok(HttpResponse::Ok().json(all.collect::<Vec<_>>()))
}

/// Which channel is tested.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertTest {
    /// Which.
    pub channel: AlertChannel,
}

/// Sends a test alert on a channel as it is saved, and tells exactly what came of it.
#[utoipa::path(tag = "settings", responses((status = 200, body = LastSent)))]
#[post("/alerts/test")]
pub async fn test_alert(
    state: Data<State>,
    owner: Owner,
    body: Json<AlertTest>,
) -> Result<HttpResponse, ApiError> {
    let channel = body.0.channel;
    let sent = read(&state, move |state| Ok(state.alerts.send_test(channel))).await?;
    let result = if sent.is_ok { "sent" } else { "failed" };
    let entry = Note::new("alerts.test", channel.as_str()).detail(result);
    note(&state.recorder, owner.0.actor(), entry).await?;
    Ok(HttpResponse::Ok().json(sent))
}
