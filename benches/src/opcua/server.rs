//! A server of variables that all change at once, from time to time.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use opcua::server::address_space::VariableBuilder;
use opcua::server::diagnostics::NamespaceMetadata;
use opcua::server::node_manager::memory::{SimpleNodeManager, simple_node_manager};
use opcua::server::{ANONYMOUS_USER_TOKEN_ID, ServerBuilder, ServerEndpoint, ServerHandle};
use opcua::types::{DataTypeId, DataValue, NodeId, ObjectId, VariableTypeId, Variant};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::time::interval;

use crate::plant::Folder;

/// What the nodes are called, before their numbers.
pub(super) const NODE: &str = "nsu=urn:tachograph:bench;s=Value";
const NAMESPACE: &str = "urn:tachograph:bench";

/// A running server; it ends when it is dropped.
pub(super) struct Changing {
    address: SocketAddr,
    handle: ServerHandle,
    _runtime: Runtime,
    _pki: Folder,
}

impl Changing {
    /// A server of so many variables that all change as often as that.
    pub(super) fn start(variables: usize, every: Duration) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).context("OPC UA server")?;
        let address = listener.local_addr().context("OPC UA server")?;
        let pki = Folder::new(&format!("opcua-server-{}", address.port()))?;
        let nobody = [ANONYMOUS_USER_TOKEN_ID.to_owned()];
        let namespace = NamespaceMetadata { namespace_uri: NAMESPACE.to_owned(), ..NamespaceMetadata::default() };
        let mut builder = ServerBuilder::new()
            .application_name("bench")
            .application_uri(NAMESPACE)
            .product_uri(NAMESPACE)
            .pki_dir(pki.join("pki"))
            .host(address.ip().to_string())
            .port(address.port())
            .discovery_urls(vec!["/".to_owned()])
            .add_endpoint("none", ServerEndpoint::new_none("/", &nobody))
            .with_node_manager(simple_node_manager(namespace, "bench"));
        let limits = builder.limits_mut();
        limits.subscriptions.max_monitored_items_per_sub = 0;
        limits.subscriptions.max_queued_notifications = 0;
        let (server, handle) = {
            let _inside = runtime.enter();
            builder.build().map_err(|why| anyhow!("an OPC UA server: {why}"))?
        };
        let manager = handle.node_managers().get_of_type::<SimpleNodeManager>().context("nodes of the server")?;
        let index = handle.get_namespace_index(NAMESPACE).context("namespace of the server")?;
        let nodes: Vec<_> = (0..variables).map(|number| NodeId::new(index, format!("Value{number}"))).collect();
        add(&manager, &nodes);
        runtime.spawn(server.run_with(listener));
        let subscriptions = Arc::clone(handle.subscriptions());
        runtime.spawn(async move {
            let (mut ticks, mut value) = (interval(every), 0.0);
            loop {
                ticks.tick().await;
                value += 1.0;
                let values = nodes.iter().map(|node| (node, None, DataValue::new_now(value)));
                let _gone = manager.set_values(&subscriptions, values);
            }
        });
        Ok(Self { address, handle, _runtime: runtime, _pki: pki })
    }

    /// Where clients find it.
    pub(super) fn url(&self) -> String {
        format!("opc.tcp://{}/", self.address)
    }
}

impl Drop for Changing {
    fn drop(&mut self) {
        self.handle.cancel();
    }
}

fn add(manager: &SimpleNodeManager, nodes: &[NodeId]) {
    let mut space = manager.address_space().write();
    for node in nodes {
        VariableBuilder::new(node, node.to_string(), node.to_string())
            .data_type(DataTypeId::Double)
            .value(Variant::Double(0.0))
            .has_type_definition(VariableTypeId::BaseDataVariableType)
            .organized_by(ObjectId::ObjectsFolder)
            .insert(&mut *space);
    }
}
