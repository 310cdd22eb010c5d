//! The stream of a running server.

use super::{AppError, Core};
use crate::stream::Stream;
use crate::wire::Client;
use std::sync::Arc;

/// Starts the stream when a receiver is configured. Before intake starts: from then on it tells what comes late.
pub(super) fn start(core: &Core, client: &Arc<Client>) -> Result<Option<Arc<Stream>>, AppError> {
    let stream = Stream::start(
        &core.config.stream,
        &core.recorder,
        client.clone(),
        &core.report.instance,
    );
    Ok(stream?.map(Arc::new))
}
