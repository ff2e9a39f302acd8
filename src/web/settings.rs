//! Where to listen, and what counts as ready.

use std::net::{Ipv4Addr, SocketAddr};

#[derive(Debug, Clone, PartialEq)]
pub struct WebSettings {
    /// `None`: nothing is served.
    pub listen: Option<SocketAddr>,
    /// Share of the streams that must be up for `/readyz`, in `[0, 1]`; finished ones are not
    /// counted. 0.5 of a lone stream is that stream.
    pub ready_share: f64,
}

impl WebSettings {
    pub const DEFAULT_LISTEN: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9184);
}

impl Default for WebSettings {
    fn default() -> Self {
        Self { listen: Some(Self::DEFAULT_LISTEN), ready_share: 0.5 }
    }
}
