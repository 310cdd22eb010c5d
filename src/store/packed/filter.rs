//! A Bloom filter over the searched part of the keys of a run: whether a search has to look into it. Pure.
//!
//! The bytes are stored: hash, bits a key and probes belong to the form of a run (see [`super::run::FORM`]).

/// Bits for each key: with eight probes one absent key in about 300 is taken for present.
const BITS_PER_KEY: usize = 12;
const PROBES: u64 = 8;

/// A hash of some bytes, the same on every machine and in every version: the finalizer of MurmurHash3 over
/// each eight bytes and what came before.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ u64::try_from(bytes.len()).unwrap_or(0);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        state = mix(state ^ u64::from_le_bytes(word));
    }
    state
}

fn mix(mut word: u64) -> u64 {
    word ^= word >> 33;
    word = word.wrapping_mul(0xff51_afd7_ed55_8ccd);
    word ^= word >> 33;
    word = word.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter(Vec<u8>);

impl Filter {
    /// A filter that holds these hashes.
    pub(super) fn of(hashes: &[u64]) -> Self {
        let bytes = (hashes.len() * BITS_PER_KEY).div_ceil(8).max(8);
        let mut bits = vec![0; bytes];
        for hash in hashes {
            for (at, mask) in places(*hash, bytes) {
                bits[at] |= mask;
            }
        }
        Self(bits)
    }

    /// The stored form.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads [`Filter::bytes`]; `None`: it is empty.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        (!bytes.is_empty()).then_some(Self(bytes))
    }

    /// `false`: the key is not there for certain.
    pub(super) fn may_hold(&self, hash: u64) -> bool {
        places(hash, self.0.len()).all(|(at, mask)| self.0[at] & mask != 0)
    }
}

/// Byte and bit of each probe (Kirsch and Mitzenmacher: two hashes make them all).
fn places(hash: u64, bytes: usize) -> impl Iterator<Item = (usize, u8)> {
    let bits = u64::try_from(bytes).unwrap_or(u64::MAX / 8) * 8;
    let step = mix(hash) | 1;
    (0..PROBES).map(move |probe| {
        let bit = hash.wrapping_add(probe.wrapping_mul(step)) % bits;
        // Below the number of bytes, which is a `usize`.
        (usize::try_from(bit / 8).unwrap_or(0), 1 << (bit % 8))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_found_and_little_else() {
        let of = |n: u32| hash(&n.to_be_bytes());
        let filter = Filter::of(&(0..20_000).map(of).collect::<Vec<_>>());
        assert!((0..20_000).all(|n| filter.may_hold(of(n))));
        let wrong = (20_000..120_000).filter(|n| filter.may_hold(of(*n))).count();
        assert!(
            wrong < 700,
            "{wrong} of 100,000 absent keys were taken for present"
        );
        let read = Filter::from_bytes(filter.bytes().to_vec()).unwrap();
        assert_eq!(read, filter);
        assert!(!Filter::of(&[]).may_hold(of(1)));
    }

    #[test]
    fn hashes_are_the_same_in_every_version() {
        // A changed hash would hide every stored row from searches.
        assert_eq!(hash(b""), 0x9e37_79b9_7f4a_7c15);
        assert_eq!(
            [hash(b"d12345678"), hash(b"s1234567890a")],
            [11_515_025_600_189_359_596, 6_666_666_083_871_939_481]
        );
        assert_ne!(hash(b"a"), hash(b"a\0"));
    }
}
