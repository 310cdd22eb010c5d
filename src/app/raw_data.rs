//! The stream and the files of raw data of a running server.

use super::{AppError, Core};
use crate::export::{Export, ExportError};
use crate::http::health::Check;
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

/// Starts the files of raw data when they are set up, before intake starts. A setting or a place that cannot be used is
/// told, and the server runs without them.
pub(super) fn start_export(
    core: &Core,
    client: &Arc<Client>,
    faults: &mut Vec<Check>,
) -> Result<Option<Arc<Export>>, AppError> {
    match Export::start(&core.config.export, &core.recorder, client.clone()) {
        Ok(export) => Ok(export.map(Arc::new)),
        Err(error @ (ExportError::Setting(_) | ExportError::Objects(_) | ExportError::File { .. })) => {
            let message = format!("no files of raw data are written: {error}{}", error.remedy());
            tracing::error!(code = error.code(), "{message}");
            faults.push(Check {
                name: "export",
                is_ok: false,
                message,
            });
            Ok(None)
        }
        Err(ExportError::Store(error)) => Err(error.into()),
        Err(ExportError::Record(error)) => Err(error.into()),
        Err(ExportError::Thread(error)) => Err(AppError::Thread(error)),
    }
}
