//! Who is hashed next: few hashes at once, since each takes memory; those that wait are bounded and fair. Known
//! browsers and people who have signed in come first; of the others each network has its turn, so that a thousand
//! tries of one do not stand before the one of another.

use super::AdminError;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Hashes under way at once (19 MiB each).
const AT_ONCE: usize = 2;
/// Of the known, and of all others, that may wait.
const MAY_WAIT: usize = 48;
/// Of one network that may wait.
const MAY_WAIT_OF_ONE: usize = 4;

/// Where a caller stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// A known browser, or somebody who has signed in.
    Known,
    /// Somebody of a network that nobody knows.
    Network(IpAddr),
}

type Turn = oneshot::Sender<Place>;

#[derive(Debug, Default)]
struct Waiting {
    under_way: usize,
    known: VecDeque<Turn>,
    /// Networks in the order of their turns, each with its callers.
    networks: VecDeque<(IpAddr, VecDeque<Turn>)>,
}

impl Waiting {
    fn enter(&mut self, lane: Lane, turn: Turn) -> Result<(), AdminError> {
        match lane {
            Lane::Known if self.known.len() < MAY_WAIT => self.known.push_back(turn),
            Lane::Known => return Err(AdminError::Busy),
            Lane::Network(of) => {
                let all: usize = self.networks.iter().map(|(_, turns)| turns.len()).sum();
                let own = self.networks.iter().position(|(network, _)| *network == of);
                let waiting = own.map_or(0, |at| self.networks[at].1.len());
                if all >= MAY_WAIT || waiting >= MAY_WAIT_OF_ONE {
                    return Err(AdminError::Busy);
                }
                match own {
                    Some(at) => self.networks[at].1.push_back(turn),
                    None => self.networks.push_back((of, VecDeque::from([turn]))),
                }
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<Turn> {
        if let Some(turn) = self.known.pop_front() {
            return Some(turn);
        }
        let (network, mut turns) = self.networks.pop_front()?;
        let turn = turns.pop_front();
        if !turns.is_empty() {
            self.networks.push_back((network, turns));
        }
        turn
    }
}

/// The queue.
#[derive(Debug, Clone, Default)]
pub(super) struct HashQueue(Arc<Mutex<Waiting>>);

/// A hash under way; the next comes when it is dropped.
#[derive(Debug)]
pub(super) struct Place(Option<HashQueue>);

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            queue.pass_on();
        }
    }
}

impl HashQueue {
    /// Waits for a place.
    ///
    /// # Errors
    /// [`AdminError::Busy`]: too many wait already.
    pub(super) async fn place(&self, lane: Lane) -> Result<Place, AdminError> {
        let turn = {
            let mut waiting = self.0.lock();
            if waiting.under_way < AT_ONCE {
                waiting.under_way += 1;
                return Ok(Place(Some(self.clone())));
            }
            let (turn, comes) = oneshot::channel();
            waiting.enter(lane, turn)?;
            comes
        };
        turn.await.map_err(|_| AdminError::Busy)
    }

    /// Gives the place of a hash that has ended to the next who still waits.
    fn pass_on(&self) {
        loop {
            let next = {
                let mut waiting = self.0.lock();
                let next = waiting.next();
                if next.is_none() {
                    waiting.under_way -= 1;
                }
                next
            };
            let Some(turn) = next else { return };
            match turn.send(Place(Some(self.clone()))) {
                Ok(()) => return,
                // They have gone away. The place must not pass itself on while it is dropped.
                Err(mut place) => place.0 = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(n: u8) -> Lane {
        Lane::Network(IpAddr::from([192, 0, n, 0]))
    }

    #[tokio::test]
    async fn the_known_come_first_and_networks_take_turns() {
        let queue = HashQueue::default();
        let mut places = vec![
            queue.place(network(0)).await.unwrap(),
            queue.place(network(0)).await.unwrap(),
        ];
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        let mut refused = 0;
        for (name, lane) in (0..50)
            .map(|_| ("flood", network(1)))
            .chain([("other", network(2)), ("known", Lane::Known)])
        {
            let (queue, order) = (queue.clone(), order.clone());
            tasks.push(tokio::spawn(async move {
                let place = queue.place(lane).await?;
                order.lock().push(name);
                drop(place);
                Ok::<_, AdminError>(())
            }));
            tokio::task::yield_now().await;
        }
        places.pop();
        for task in tasks {
            refused += usize::from(task.await.unwrap().is_err());
        }
        assert_eq!(refused, 46, "of a network few wait");
        let order = order.lock().clone();
        assert_eq!(order, ["known", "flood", "other", "flood", "flood", "flood"]);
        drop(places);
        assert_eq!(queue.0.lock().under_way, 0);
    }

    #[tokio::test]
    async fn who_went_away_keeps_no_place() {
        let queue = HashQueue::default();
        let places = (
            queue.place(Lane::Known).await.unwrap(),
            queue.place(Lane::Known).await.unwrap(),
        );
        let gone = tokio::spawn({
            let queue = queue.clone();
            async move { queue.place(network(1)).await.map(drop) }
        });
        tokio::task::yield_now().await;
        gone.abort();
        assert!(gone.await.is_err());
        drop(places);
        assert_eq!(queue.0.lock().under_way, 0);
        assert!(queue.place(network(1)).await.is_ok());
    }
}
