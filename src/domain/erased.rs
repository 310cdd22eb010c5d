//! What was erased at the request of the person: by ids and hashes alone, so that it can be erased once more in a state
//! of before that is restored.

use super::ids::TimeId;
use serde::{Deserialize, Serialize};

/// Ids in one record, so that it stays far below what one may have.
const OF_ONE: usize = 10_000;

/// An erasure, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// When, unix milliseconds.
    pub at_ms: i64,
    /// Sessions, activities and postbacks that were touched.
    pub records: Vec<TimeId>,
    /// Hashes by which devices are known, in hexadecimal digits.
    pub devices: Vec<String>,
}

impl Erased {
    /// The same in parts that can be kept.
    pub fn parts(at_ms: i64, records: &[TimeId], devices: &[[u8; 16]]) -> Vec<Self> {
        let hex = |hash: &[u8; 16]| hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let of_records = records.chunks(OF_ONE).map(|records| Self {
            at_ms,
            records: records.to_vec(),
            devices: Vec::new(),
        });
        let of_devices = devices.chunks(OF_ONE).map(|devices| Self {
            at_ms,
            records: Vec::new(),
            devices: devices.iter().map(hex).collect(),
        });
        of_records.chain(of_devices).collect()
    }

    /// The hashes of the devices; what is none is left out.
    pub fn hashes(&self) -> impl Iterator<Item = [u8; 16]> {
        self.devices
            .iter()
            .filter_map(|text| u128::from_str_radix(text, 16).ok())
            .map(u128::to_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_erasure_comes_back_from_its_parts() {
        let records: Vec<TimeId> = (0..25_000).map(|n| TimeId::new(n, 7)).collect();
        let devices = [[1; 16], [0; 16], [255; 16]];
        let parts = Erased::parts(5, &records, &devices);
        assert_eq!(parts.len(), 4);
        let back: Vec<TimeId> = parts.iter().flat_map(|part| part.records.clone()).collect();
        assert_eq!(back, records);
        let hashes: Vec<_> = parts.iter().flat_map(Erased::hashes).collect();
        assert_eq!(hashes, devices);
        let largest = parts.iter().map(|part| serde_json::to_vec(part).unwrap().len());
        assert!(largest.max().unwrap() < 300_000);
        assert!(Erased::parts(5, &[], &[]).is_empty());
        // What lies in archives and stores.
        let text = serde_json::to_string(&Erased::parts(5, &records[..1], &[])[0]).unwrap();
        assert_eq!(text, r#"{"at_ms":5,"records":["0000000000000007"],"devices":[]}"#);
    }
}
