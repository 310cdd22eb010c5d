//! The address under which this server proves to itself that a public address leads to it.

use super::State;
use crate::admin::reach::PATH;
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{self, Data, Path, ServiceConfig};

/// The route of the tracking side.
pub fn public_routes(config: &mut ServiceConfig) {
    config.service(web::resource(format!("{PATH}/{{nonce}}")).route(web::get().to(prove)));
}

async fn prove(state: Data<State>, nonce: Path<String>) -> HttpResponse {
    match state.auth.reach.answer(&nonce) {
        Some(proof) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
            .insert_header((CACHE_CONTROL, "no-store"))
            .body(proof),
        None => HttpResponse::NotFound().finish(),
    }
}
