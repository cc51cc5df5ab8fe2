//! TCP as a bridge to controllers needs it: every address is tried, nothing hangs, small messages go at once, and a peer
//! that is gone is noticed.

use std::sync::Arc;
use std::time::Duration;

use opcua::client::ConnectionSource;
use opcua::client::transport::{
    Connector, RequestRecv, SecureChannelState, StreamConnection, StreamConnector, TcpTransport, TransportConfiguration,
};
use opcua::core::comms::tcp_codec::TcpCodec;
use opcua::types::{DecodingOptions, EndpointDescription, Error, StatusCode};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::codec::FramedRead;

/// Port of OPC UA where a URL names none.
const PORT: u16 = 4840;
/// Longest time for one address to be reached.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest time for a connection and the server's first answer.
const HELLO: Duration = Duration::from_secs(12);
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Reaches the server of a URL.
#[derive(Debug, Clone)]
pub(in crate::opcua) struct Dial {
    url: String,
}

impl Dial {
    pub(super) fn to(url: &str) -> Self {
        Self { url: url.to_owned() }
    }
}

impl ConnectionSource for Dial {
    type Builder = Self;

    fn get_connector(&self, _endpoint: &EndpointDescription) -> Result<Self, Error> {
        Ok(self.clone())
    }
}

impl Connector for Dial {
    type Transport = TcpTransport;

    async fn connect(
        &self,
        channel: Arc<SecureChannelState>,
        outgoing: RequestRecv,
        config: TransportConfiguration,
    ) -> Result<TcpTransport, Error> {
        let connector = StreamConnector::new(stream, self.url.clone());
        let connected = timeout(HELLO, connector.connect(channel, outgoing, config)).await;
        connected
            .unwrap_or_else(|_late| Err(Error::new(StatusCode::BadTimeout, "the server accepts and does not answer")))
    }

    fn default_endpoint(&self) -> EndpointDescription {
        EndpointDescription::from(self.url.as_str())
    }
}

async fn stream(
    url: String,
    decoding: DecodingOptions,
) -> Result<StreamConnection<ReadHalf<TcpStream>, WriteHalf<TcpStream>>, Error> {
    let unreachable = |problem: String| Error::new(StatusCode::BadCommunicationError, problem);
    let (host, port) = host_and_port(&url).ok_or_else(|| unreachable(format!("no host in {url}")))?;
    let addresses = timeout(CONNECT, tokio::net::lookup_host((host, port))).await;
    let addresses = addresses.map_err(|_late| unreachable(format!("the name {host} is not resolved in time")))?;
    let mut last = format!("the name {host} has no address");
    for address in addresses.map_err(|error| unreachable(format!("the name {host} is not resolved: {error}")))? {
        match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let alive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
                let tuned = stream.set_nodelay(true).and_then(|()| SockRef::from(&stream).set_tcp_keepalive(&alive));
                tuned.map_err(|error| unreachable(format!("{address}: {error}")))?;
                let (reader, writer) = tokio::io::split(stream);
                return Ok(StreamConnection::new(
                    FramedRead::new(reader, TcpCodec::new(decoding)),
                    writer,
                    url.clone(),
                ));
            }
            Ok(Err(error)) => last = format!("{address}: {error}"),
            Err(_late) => last = format!("{address} does not answer"),
        }
    }
    Err(unreachable(last))
}

/// Host and port of `opc.tcp://HOST:PORT/PATH`; an IPv6 address stands in brackets.
fn host_and_port(url: &str) -> Option<(&str, u16)> {
    let rest = url.strip_prefix("opc.tcp://")?;
    let authority = rest.split('/').next()?;
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        return Some((host, port.strip_prefix(':').map_or(Some(PORT), |port| port.parse().ok())?));
    }
    match authority.rsplit_once(':') {
        Some((host, port)) => Some((host, port.parse().ok()?)),
        None => Some((authority, PORT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_host_and_perhaps_a_port() {
        assert_eq!(host_and_port("opc.tcp://10.0.0.5:4841/a/b"), Some(("10.0.0.5", 4841)));
        assert_eq!(host_and_port("opc.tcp://robot"), Some(("robot", 4840)));
        assert_eq!(host_and_port("opc.tcp://[::1]:7"), Some(("::1", 7)));
        assert_eq!(host_and_port("opc.tcp://[::1]/x"), Some(("::1", 4840)));
        assert_eq!(host_and_port("opc.tcp://robot:x"), None);
    }
}
