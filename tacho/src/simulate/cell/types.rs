//! The types of OPC 40010-1 (Robotics) and of DI, on which they rest, as the OPC Foundation publishes them; and their
//! numbers.

use anyhow::Context as _;
use opcua::nodes::{ImportedItem, NodeSet2Import, NodeSetImport, NodeSetNamespaceMapper};

/// Namespace of Device Integration.
pub(super) const DI: &str = "http://opcfoundation.org/UA/DI/";
/// Namespace of Robotics.
pub(super) const ROBOTICS: &str = "http://opcfoundation.org/UA/Robotics/";
/// Namespace of the cell's own nodes.
pub(super) const OWN: &str = "urn:tachograph:simulated-cell:nodes";

/// Of DI: the object below which all devices stand.
pub(super) const DEVICE_SET: u32 = 5001;
/// Of DI: what holds parameters and counters together.
pub(super) const FUNCTIONAL_GROUP: u32 = 1005;
/// Of DI: a piece of software.
pub(super) const SOFTWARE: u32 = 15106;

/// Of Robotics.
pub(super) const SYSTEM: u32 = 1002;
pub(super) const CONTROLLER: u32 = 1003;
pub(super) const MOTION_DEVICE: u32 = 1004;
pub(super) const TASK_CONTROL: u32 = 1011;
pub(super) const SAFETY_STATE: u32 = 1013;
pub(super) const LOAD: u32 = 1018;
pub(super) const MOTOR: u32 = 1019;
pub(super) const GEAR: u32 = 1022;
pub(super) const AXIS: u32 = 16601;
pub(super) const POWER_TRAIN: u32 = 16794;
pub(super) const USER: u32 = 18175;
pub(super) const CONTROLS: u32 = 4002;
pub(super) const MOVES: u32 = 18178;
pub(super) const REQUIRES: u32 = 18179;
pub(super) const OPERATIONAL_MODE: u32 = 3006;
pub(super) const MOTION_PROFILE: u32 = 3008;
pub(super) const EXECUTION_MODE: u32 = 18191;
pub(super) const CATEGORY: u32 = 18193;

/// A published set of nodes, with the namespaces that it speaks of, in its own order.
struct Published(NodeSet2Import);

/// The namespace of the cell's own nodes, which are added later.
struct Own;

/// The types, and the namespace of the cell.
///
/// # Errors
/// If a set that is built in cannot be read.
pub(super) fn imports() -> anyhow::Result<Vec<Box<dyn NodeSetImport>>> {
    let read = |name, xml| {
        let import = NodeSet2Import::new_str("en", xml, Vec::new());
        import.map(|import| Box::new(Published(import)) as Box<dyn NodeSetImport>).context(name)
    };
    let di = read("the types of DI", include_str!("nodesets/Opc.Ua.Di.NodeSet2.xml"))?;
    let robotics = read("the types of Robotics", include_str!("nodesets/Opc.Ua.Robotics.NodeSet2.xml"))?;
    Ok(vec![di, robotics, Box::new(Own)])
}

impl NodeSetImport for Published {
    // That of the library writes to standard output.
    fn register_namespaces(&self, namespaces: &mut NodeSetNamespaceMapper) {
        for (uri, index) in self.0.get_own_namespaces().iter().zip(1..) {
            namespaces.add_namespace(uri, index);
        }
    }

    fn get_own_namespaces(&self) -> Vec<String> {
        self.0.get_own_namespaces()
    }

    fn load<'a>(&'a self, namespaces: &'a NodeSetNamespaceMapper) -> Box<dyn Iterator<Item = ImportedItem> + 'a> {
        self.0.load(namespaces)
    }
}

impl NodeSetImport for Own {
    fn register_namespaces(&self, namespaces: &mut NodeSetNamespaceMapper) {
        namespaces.add_namespace(OWN, 1);
    }

    fn get_own_namespaces(&self) -> Vec<String> {
        vec![OWN.to_owned()]
    }

    fn load<'a>(&'a self, _namespaces: &'a NodeSetNamespaceMapper) -> Box<dyn Iterator<Item = ImportedItem> + 'a> {
        Box::new(std::iter::empty())
    }
}
