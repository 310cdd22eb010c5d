//! Temporary.
use crate::http::problem::ApiError;
use crate::store::catalog::{Catalog, Change, Precondition};
use serde_json::Value;
/// x
pub struct Plan;
impl Plan {
    /// x
    pub fn summary(&self) -> Value {
        Value::Null
    }
    /// x
    pub fn into_changes(self) -> (Vec<Precondition>, Vec<Change>) {
        (vec![], vec![])
    }
}
/// x
pub fn export(_: &Catalog) -> Result<Value, ApiError> {
    Ok(Value::Null)
}
/// x
pub fn plan(_: Value, _: &Catalog, _: i64) -> Result<Plan, ApiError> {
    Ok(Plan)
}
/// x
pub fn to_toml(_: &Value) -> Result<String, ApiError> {
    Ok(String::new())
}
/// x
pub fn parse(_: &str) -> Result<Value, ApiError> {
    Ok(Value::Null)
}
