//! Where an address is: the operator's GeoIP file, optional and replaceable while running.
//!
//! No file means empty places, not an error. A file that cannot be read is an error when it is loaded, and
//! the one before it stays in use. What an address may reveal is decided elsewhere.

use crate::domain::session::Geo;
use arc_swap::ArcSwapOption;
use maxminddb::Reader;
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a GeoIP file is not used.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// It cannot be opened or read.
    #[error("cannot read the GeoIP file {path}: {source}. Check the path and the permissions.")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no MaxMind database, or a damaged one.
    #[error("{path} is not a usable MaxMind database (.mmdb): {message}. Download it again, uncompressed.")]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What the reader says.
        message: String,
    },
}

impl GeoError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "geoip_unreadable",
            Self::Corrupt { .. } => "geoip_corrupt",
        }
    }
}

/// The file in use, shared by all request threads.
#[derive(Debug, Default)]
pub struct GeoIp {
    reader: ArcSwapOption<Reader<Vec<u8>>>,
    failed_lookups: AtomicU64,
}

/// What is read of a record; City, Country, Enterprise, ISP and ASN files each have a part of it.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Record<'a> {
    #[serde(borrow)]
    country: Place<'a>,
    #[serde(borrow)]
    subdivisions: Vec<Place<'a>>,
    #[serde(borrow)]
    city: Place<'a>,
    #[serde(borrow)]
    postal: Postal<'a>,
    isp: Option<&'a str>,
    organization: Option<&'a str>,
    autonomous_system_organization: Option<&'a str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Place<'a> {
    iso_code: Option<&'a str>,
    #[serde(borrow)]
    names: Names<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Names<'a> {
    en: Option<&'a str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Postal<'a> {
    code: Option<&'a str>,
}

impl GeoIp {
    /// Without a file.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads a file and puts it in the place of the one before. The whole file is read into memory (some
    /// 60 MB for a city database) and looked up at addresses spread over the whole range, so that a damaged
    /// file is found now; a fault, and the one before stays.
    pub fn load(&self, path: &Path) -> Result<(), GeoError> {
        let bytes = std::fs::read(path).map_err(|source| GeoError::Io {
            path: path.into(),
            source,
        })?;
        let corrupt = |error: maxminddb::MaxMindDbError| GeoError::Corrupt {
            path: path.into(),
            message: error.to_string(),
        };
        let reader = Reader::from_source(bytes).map_err(corrupt)?;
        for octet in 0..=255 {
            let probe = IpAddr::V4(Ipv4Addr::new(octet, octet, 1, 1));
            look_up(&reader, probe).map_err(corrupt)?;
        }
        self.reader.store(Some(reader.into()));
        Ok(())
    }

    /// Whether a file is in use.
    pub fn unload(&self) {
        self.reader.store(None);
    }

    /// Whether there is one.
    pub fn is_loaded(&self) -> bool {
        self.reader.load().is_some()
    }

    /// The place of an address; empty without a file, for an address that it does not know, and for a
    /// damaged record, which is counted.
    pub fn place(&self, ip: IpAddr) -> Geo {
        let reader = self.reader.load();
        match reader.as_ref().map(|reader| look_up(reader, ip)) {
            None => Geo::default(),
            Some(Ok(geo)) => geo,
            Some(Err(_)) => {
                self.failed_lookups.fetch_add(1, Ordering::Relaxed);
                Geo::default()
            }
        }
    }

    /// Lookups that met a damaged record since the start.
    pub fn failed_lookups(&self) -> u64 {
        self.failed_lookups.load(Ordering::Relaxed)
    }
}

fn look_up(reader: &Reader<Vec<u8>>, ip: IpAddr) -> Result<Geo, maxminddb::MaxMindDbError> {
    let ip = ip.to_canonical();
    if ip.is_ipv6() && reader.metadata().ip_version == 4 {
        return Ok(Geo::default());
    }
    let found = reader.lookup(ip)?;
    let Some(record) = found.decode::<Record<'_>>()? else {
        return Ok(Geo::default());
    };
    let owned = |text: Option<&str>| text.unwrap_or("").to_owned();
    Ok(Geo {
        country: owned(record.country.iso_code).to_ascii_lowercase(),
        subdivision: owned(record.subdivisions.first().and_then(|s| s.iso_code)),
        city: owned(record.city.names.en),
        postal_code: owned(record.postal.code),
        isp: owned(
            record
                .isp
                .or(record.organization)
                .or(record.autonomous_system_organization),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the parts of the MaxMind DB format that a file with one record for 0.0.0.0/1 needs.
    fn database() -> Vec<u8> {
        fn text(out: &mut Vec<u8>, s: &str) {
            out.push(0x40 | u8::try_from(s.len()).unwrap());
            out.extend(s.as_bytes());
        }
        fn map(out: &mut Vec<u8>, members: u8) {
            out.push(0xE0 | members);
        }
        let mut data = Vec::new();
        map(&mut data, 3);
        text(&mut data, "country");
        map(&mut data, 1);
        text(&mut data, "iso_code");
        text(&mut data, "JP");
        text(&mut data, "city");
        map(&mut data, 1);
        text(&mut data, "names");
        map(&mut data, 1);
        text(&mut data, "en");
        text(&mut data, "Hakone");
        text(&mut data, "organization");
        text(&mut data, "Example Net");

        // One node of two 24-bit records: left is the data (1 node + 16 + offset 0), right is "nothing".
        let mut file = vec![0, 0, 17, 0, 0, 1];
        file.extend([0; 16]);
        file.extend(data);
        file.extend(b"\xAB\xCD\xEFMaxMind.com");
        map(&mut file, 9);
        for (name, value) in [
            ("node_count", &[0xC1, 1][..]),
            ("record_size", &[0xA1, 24]),
            ("ip_version", &[0xA1, 4]),
            ("binary_format_major_version", &[0xA1, 2]),
            ("binary_format_minor_version", &[0xA0]),
            ("build_epoch", &[1, 2, 1]),
            ("languages", &[0, 4]),
            ("description", &[0xE0]),
        ] {
            text(&mut file, name);
            file.extend(value);
        }
        text(&mut file, "database_type");
        text(&mut file, "Test-City");
        file
    }

    #[test]
    fn places() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("geo.mmdb");
        std::fs::write(&path, database()).unwrap();
        let geo = GeoIp::empty();
        assert_eq!(geo.place("1.2.3.4".parse().unwrap()), Geo::default());
        geo.load(&path).unwrap();
        let place = geo.place("1.2.3.4".parse().unwrap());
        assert_eq!(
            (place.country.as_str(), place.city.as_str(), place.isp.as_str()),
            ("jp", "Hakone", "Example Net")
        );
        assert_eq!(geo.place("200.2.3.4".parse().unwrap()), Geo::default());
        assert_eq!(geo.place("2001:db8::1".parse().unwrap()), Geo::default());
    }

    #[test]
    fn a_bad_file_is_told_and_the_good_one_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("geo.mmdb");
        std::fs::write(&path, database()).unwrap();
        let geo = GeoIp::empty();
        geo.load(&path).unwrap();

        let whole = database();
        let mut rotten = whole.clone();
        rotten[22] = 0xFF;
        for bad in [&b"hello"[..], &whole[..whole.len() - 40], &rotten] {
            std::fs::write(&path, bad).unwrap();
            assert_eq!(geo.load(&path).unwrap_err().code(), "geoip_corrupt");
        }
        assert_eq!(
            geo.load(&dir.path().join("none")).unwrap_err().code(),
            "geoip_unreadable"
        );
        assert!(geo.is_loaded());
        assert_eq!(geo.place("1.2.3.4".parse().unwrap()).country, "jp");
    }
}
