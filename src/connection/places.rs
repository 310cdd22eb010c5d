//! How many connections one network has. Beyond its bound a network gets narrow connections: for one click or
//! impression each, to be asked for soon, so that whoever fills the places of a network keeps no visitor of it from
//! their page. Proxies that are trusted speak for everybody and are not counted, nor are peers of this machine and of
//! private networks, among which a proxy may be that nobody told us of.

use crate::config::Config;
use crate::domain::network::{is_inner, neighbourhood};
use ipnet::IpNet;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Counts connections by network.
#[derive(Debug, Default)]
pub(super) struct Places {
    networks: Mutex<HashMap<IpAddr, u32>>,
}

/// What counts.
#[derive(Debug, Clone, Default)]
pub struct PlaceRules {
    /// Connections of one network; 0: any number.
    pub most: u32,
    /// Proxies that are not counted.
    pub trusted: Vec<IpNet>,
}

impl From<&Config> for PlaceRules {
    fn from(config: &Config) -> Self {
        Self {
            most: config.limits.connections_per_network,
            trusted: config.trusted_proxies.clone(),
        }
    }
}

/// What a connection may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breadth {
    /// Everything.
    Whole,
    /// One click or impression.
    Narrow,
}

/// A place that is taken; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    network: Option<IpAddr>,
    pub(super) breadth: Breadth,
}

impl Places {
    /// A place for a peer; `None` when its network has as many narrow ones as whole ones.
    pub(super) fn take(self: &Arc<Self>, peer: Option<IpAddr>, rules: &PlaceRules) -> Option<Place> {
        let counted = peer.map(|ip| ip.to_canonical()).filter(|ip| {
            rules.most > 0 && !is_inner(*ip) && !rules.trusted.iter().any(|net| net.contains(ip))
        });
        let network = counted.map(neighbourhood);
        let breadth = match network {
            None => Breadth::Whole,
            Some(network) => {
                let mut networks = self.networks.lock();
                let open = networks.entry(network).or_default();
                if *open >= rules.most.saturating_mul(2) {
                    return None;
                }
                *open += 1;
                if *open > rules.most {
                    Breadth::Narrow
                } else {
                    Breadth::Whole
                }
            }
        };
        Some(Place {
            places: self.clone(),
            network,
            breadth,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        let mut networks = self.places.networks.lock();
        if let Some(open) = networks.get_mut(&network) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                networks.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_places_and_then_narrow_ones() {
        let places = Arc::new(Places::default());
        let rules = PlaceRules {
            most: 3,
            trusted: vec!["203.0.113.9/32".parse().unwrap()],
        };
        let take = |peer: &str| places.take(peer.parse().ok(), &rules);
        let breadth = |place: &Option<Place>| place.as_ref().map(|place| place.breadth);
        let mut taken: Vec<_> = (0..8).map(|n| take(&format!("198.51.100.{n}"))).collect();
        let breadths: Vec<_> = taken.iter().map(breadth).collect();
        let (whole, narrow) = (Some(Breadth::Whole), Some(Breadth::Narrow));
        assert_eq!(
            breadths,
            [whole, whole, whole, narrow, narrow, narrow, None, None]
        );
        for other in ["198.51.101.1", "2001:db8:1::1", "::ffff:192.0.2.1"] {
            assert_eq!(breadth(&take(other)), whole, "{other}");
        }
        for uncounted in ["203.0.113.9", "127.0.0.1", "10.0.0.1", "::1", "fd00::1"] {
            let many: Vec<_> = (0..20).map(|_| take(uncounted)).collect();
            assert!(many.iter().all(|place| breadth(place) == whole), "{uncounted}");
        }
        taken.clear();
        assert_eq!(breadth(&take("198.51.100.1")), whole);
        let six: Vec<_> = (0..6).map(|n| take(&format!("2001:db8:7:{n:x}::1"))).collect();
        assert_eq!(breadth(&six[5]), narrow, "a /48 is one network");
        drop(six);
        assert!(places.networks.lock().is_empty(), "nothing is left behind");
    }
}
