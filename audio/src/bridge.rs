//! Bridges (seed class AudioBridge): ports that all hear each other.
//!
//! A bridge lets every producer in it be heard by every consumer in it, except a port by itself. Bridges nest: what is in a
//! bridge hears and is heard by the members of the bridge around it as well, so the ports of a tree of bridges
//! all hear each other, and that is how it is computed: no samples pass through a bridge, and nesting adds no delay.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::PortId;

/// A bridge of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BridgeId(u64);

/// What can be in a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Member {
    /// A port.
    Port(PortId),
    /// Another bridge.
    Bridge(BridgeId),
}

impl From<PortId> for Member {
    fn from(port: PortId) -> Self {
        Self::Port(port)
    }
}

impl From<BridgeId> for Member {
    fn from(bridge: BridgeId) -> Self {
        Self::Bridge(bridge)
    }
}

/// Why a bridge cannot be changed; it then stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BridgeError {
    /// There is no such bridge in this engine.
    #[error("no such bridge")]
    NoBridge(BridgeId),
    /// There is no such port in this engine, for example because it is plugged into another mixer.
    #[error("no such port in this mixer")]
    NoPort(PortId),
    /// What is to be removed is not in the bridge.
    #[error("not in the bridge")]
    NotAMember(Member),
    /// The bridge to be added is in a bridge already, or would end up in itself.
    #[error("bridges nest as trees only")]
    NotATree(BridgeId),
}

/// All bridges of an engine.
#[derive(Debug, Default)]
pub(crate) struct Bridges {
    bridges: BTreeMap<BridgeId, Bridge>,
    next: u64,
}

#[derive(Debug, Default)]
struct Bridge {
    members: BTreeSet<Member>,
    /// The bridge that this one is in.
    outer: Option<BridgeId>,
}

impl Bridges {
    pub(crate) fn create(&mut self) -> BridgeId {
        let id = BridgeId(self.next);
        self.next += 1;
        self.bridges.insert(id, Bridge::default());
        id
    }

    /// Takes a bridge apart and forgets it.
    pub(crate) fn delete(&mut self, id: BridgeId) -> Result<(), BridgeError> {
        self.stop(id)?;
        if let Some(outer) = self.bridges.remove(&id).and_then(|bridge| bridge.outer)
            && let Some(outer) = self.bridges.get_mut(&outer)
        {
            outer.members.remove(&Member::Bridge(id));
        }
        Ok(())
    }

    /// Adds a member; once is enough. Whether a port exists is the caller's business.
    pub(crate) fn add(&mut self, id: BridgeId, member: Member) -> Result<(), BridgeError> {
        let bridge = self.bridges.get(&id).ok_or(BridgeError::NoBridge(id))?;
        if bridge.members.contains(&member) {
            return Ok(());
        }
        if let Member::Bridge(inner) = member {
            let root = self.root(id);
            let bridge = self.bridges.get_mut(&inner).ok_or(BridgeError::NoBridge(inner))?;
            if bridge.outer.is_some() || root == inner {
                return Err(BridgeError::NotATree(inner));
            }
            bridge.outer = Some(id);
        }
        if let Some(bridge) = self.bridges.get_mut(&id) {
            bridge.members.insert(member);
        }
        Ok(())
    }

    /// Removes a member.
    pub(crate) fn remove(&mut self, id: BridgeId, member: Member) -> Result<(), BridgeError> {
        let bridge = self.bridges.get_mut(&id).ok_or(BridgeError::NoBridge(id))?;
        if !bridge.members.remove(&member) {
            return Err(BridgeError::NotAMember(member));
        }
        self.set_free(member);
        Ok(())
    }

    /// Removes all members.
    pub(crate) fn stop(&mut self, id: BridgeId) -> Result<(), BridgeError> {
        let bridge = self.bridges.get_mut(&id).ok_or(BridgeError::NoBridge(id))?;
        for member in std::mem::take(&mut bridge.members) {
            self.set_free(member);
        }
        Ok(())
    }

    /// Removes a port from all bridges.
    pub(crate) fn forget(&mut self, port: PortId) {
        for bridge in self.bridges.values_mut() {
            bridge.members.remove(&Member::Port(port));
        }
    }

    /// The members of a bridge, in the order of their creation.
    pub(crate) fn members(&self, id: BridgeId) -> Result<impl Iterator<Item = Member>, BridgeError> {
        let bridge = self.bridges.get(&id).ok_or(BridgeError::NoBridge(id))?;
        Ok(bridge.members.iter().copied())
    }

    /// The ports of each tree of bridges. A port that is in several bridges of a tree comes several times.
    pub(crate) fn trees(&self) -> impl Iterator<Item = Vec<PortId>> {
        self.bridges.iter().filter(|(_, bridge)| bridge.outer.is_none()).map(|(root, _)| {
            let (mut ports, mut open) = (Vec::new(), vec![*root]);
            while let Some(bridge) = open.pop().and_then(|id| self.bridges.get(&id)) {
                for member in &bridge.members {
                    match member {
                        Member::Port(port) => ports.push(*port),
                        Member::Bridge(inner) => open.push(*inner),
                    }
                }
            }
            ports
        })
    }

    fn root(&self, mut id: BridgeId) -> BridgeId {
        while let Some(outer) = self.bridges.get(&id).and_then(|bridge| bridge.outer) {
            id = outer;
        }
        id
    }

    fn set_free(&mut self, member: Member) {
        if let Member::Bridge(inner) = member
            && let Some(bridge) = self.bridges.get_mut(&inner)
        {
            bridge.outer = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(number: u64) -> PortId {
        PortId::for_test(number)
    }

    fn trees(bridges: &Bridges) -> Vec<Vec<PortId>> {
        let mut trees: Vec<_> = bridges.trees().filter(|ports| !ports.is_empty()).collect();
        trees.iter_mut().for_each(|ports| ports.sort());
        trees.sort();
        trees
    }

    #[test]
    fn a_bridge_is_a_set() {
        let mut bridges = Bridges::default();
        let bridge = bridges.create();
        bridges.add(bridge, port(1).into()).unwrap();
        bridges.add(bridge, port(1).into()).unwrap();
        assert_eq!(trees(&bridges), [[port(1)]]);
        bridges.remove(bridge, port(1).into()).unwrap();
        assert_eq!(bridges.remove(bridge, port(1).into()), Err(BridgeError::NotAMember(port(1).into())));
        assert_eq!(trees(&bridges), [] as [Vec<PortId>; 0]);
    }

    #[test]
    fn nested_bridges_are_one_tree() {
        let mut bridges = Bridges::default();
        let [outer, inner, innermost, other] = [(); 4].map(|()| bridges.create());
        for (bridge, member) in [
            (outer, Member::from(port(1))),
            (outer, inner.into()),
            (inner, port(2).into()),
            (inner, innermost.into()),
            (innermost, port(3).into()),
            (other, port(4).into()),
        ] {
            bridges.add(bridge, member).unwrap();
        }
        assert_eq!(trees(&bridges), [vec![port(1), port(2), port(3)], vec![port(4)]]);
        bridges.remove(outer, inner.into()).unwrap();
        assert_eq!(trees(&bridges), [vec![port(1)], vec![port(2), port(3)], vec![port(4)]]);
        bridges.add(other, inner.into()).unwrap();
        bridges.forget(port(2));
        assert_eq!(trees(&bridges), [vec![port(1)], vec![port(3), port(4)]]);
        bridges.delete(inner).unwrap();
        assert_eq!(trees(&bridges), [vec![port(1)], vec![port(3)], vec![port(4)]]);
        assert_eq!(bridges.members(other).unwrap().collect::<Vec<_>>(), [Member::Port(port(4))]);
    }

    #[test]
    fn only_trees_are_let_in() {
        let mut bridges = Bridges::default();
        let [a, b, c] = [(); 3].map(|()| bridges.create());
        assert_eq!(bridges.add(a, a.into()), Err(BridgeError::NotATree(a)));
        bridges.add(a, b.into()).unwrap();
        bridges.add(b, c.into()).unwrap();
        assert_eq!(bridges.add(c, a.into()), Err(BridgeError::NotATree(a)));
        assert_eq!(bridges.add(a, c.into()), Err(BridgeError::NotATree(c)));
        bridges.add(a, b.into()).unwrap();
        bridges.stop(b).unwrap();
        bridges.add(a, c.into()).unwrap();
    }

    #[test]
    fn what_is_gone_is_an_error() {
        let mut bridges = Bridges::default();
        let [a, b] = [(); 2].map(|()| bridges.create());
        bridges.delete(b).unwrap();
        assert_eq!(bridges.delete(b), Err(BridgeError::NoBridge(b)));
        assert_eq!(bridges.add(a, b.into()), Err(BridgeError::NoBridge(b)));
        assert_eq!(bridges.add(b, a.into()), Err(BridgeError::NoBridge(b)));
        assert_eq!(bridges.stop(b), Err(BridgeError::NoBridge(b)));
        assert!(bridges.members(b).is_err());
    }
}
