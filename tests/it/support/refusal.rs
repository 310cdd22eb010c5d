//! What a refusal must look like: a 4xx in the one error form.

use super::client::Answer;

/// The stable code and field of an answer that must be a refusal in the one error form.
pub fn refusal(what: &str, answer: &Answer) -> (String, String) {
    assert!(
        (400..500).contains(&answer.status),
        "{what}: {} {}",
        answer.status,
        answer.text()
    );
    let error = &answer.json()["error"];
    let code = error["code"].as_str().unwrap_or_default();
    assert!(!code.is_empty(), "{what}: no code in {error}");
    assert!(
        error["message"].as_str().is_some_and(|m| m.len() > 10),
        "{what}: no sentence in {error}"
    );
    (
        code.to_owned(),
        error["field"].as_str().unwrap_or_default().to_owned(),
    )
}
