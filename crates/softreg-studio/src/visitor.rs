//! Whose process it is that asks, where the system tells: other people with accounts on this computer reach its own address
//! as well, and a page for one person is none for them.

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use std::net::{IpAddr, SocketAddr};
use tokio::net::TcpListener;

/// One end of a connection to this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visitor {
    /// A process of this account or of the administrator's, who can do anything as it is, or one that nothing is known of.
    Ours,
    /// A process of another account of this computer.
    OtherAccount,
}

impl Connected<IncomingStream<'_, TcpListener>> for Visitor {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        let peer = *stream.remote_addr();
        match stream.io().local_addr() {
            Ok(here) if peer.ip().is_loopback() => Visitor::at(peer, here),
            _ => Visitor::Ours,
        }
    }
}

impl Visitor {
    /// Whose process has its end of a connection at `peer`, by Linux's table of all of them.
    #[cfg(target_os = "linux")]
    fn at(peer: SocketAddr, here: SocketAddr) -> Self {
        let path = if peer.is_ipv4() { "/proc/net/tcp" } else { "/proc/net/tcp6" };
        let table = std::fs::read_to_string(path).unwrap_or_default();
        let own = rustix::process::geteuid().as_raw();
        match account(&table, peer, here) {
            Some(user) if user != own && user != 0 => Visitor::OtherAccount,
            _ => Visitor::Ours,
        }
    }

    /// Not told here.
    #[cfg(not(target_os = "linux"))]
    fn at(_: SocketAddr, _: SocketAddr) -> Self {
        Visitor::Ours
    }
}

/// The user whose socket is at `from` and connected to `to`, by a table as `/proc/net/tcp` has it: each line says after its number
/// the own address, that of the other end, and in the eighth column the user.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn account(table: &str, from: SocketAddr, to: SocketAddr) -> Option<u32> {
    let (from, to) = (written(from), written(to));
    table.lines().find_map(|line| {
        let mut columns = line.split_ascii_whitespace().skip(1);
        let is_it = columns.next() == Some(&from) && columns.next() == Some(&to);
        is_it.then(|| columns.nth(4)?.parse().ok()).flatten()
    })
}

/// An address as that table has it: words of four bytes in the order of this machine, in hexadecimal.
fn written(address: SocketAddr) -> String {
    let bytes = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let words = bytes.chunks_exact(4).map(|word| match word {
        &[a, b, c, d] => format!("{:08X}", u32::from_ne_bytes([a, b, c, d])),
        _ => String::new(),
    });
    format!("{}:{:04X}", words.collect::<String>(), address.port())
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    #[test]
    fn the_user_of_a_connection_is_found() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2081 00000000:0000 0A 00000000:00000000 00:00000000 00000000   1000        0 41 1 0000000000000000 100 0 0 10 0
   1: 0100007F:2081 0100007F:C350 01 00000000:00000000 00:00000000 00000000   1000        0 42 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:C350 0100007F:2081 01 00000000:00000000 00:00000000 00000000   1001        0 43 1 0000000000000000 20 4 30 10 -1
   3: 00000000000000000000000001000000:C350 00000000000000000000000001000000:2081 01 00000000:00000000 00:00000000 00000000     7        0 44 1 0
";
        let here = "127.0.0.1:8321".parse().unwrap();
        assert_eq!(account(table, "127.0.0.1:50000".parse().unwrap(), here), Some(1001));
        assert_eq!(account(table, "127.0.0.1:50001".parse().unwrap(), here), None);
        assert_eq!(account(table, "127.0.0.2:50000".parse().unwrap(), here), None);
        let (from, to) = ("[::1]:50000".parse().unwrap(), "[::1]:8321".parse().unwrap());
        assert_eq!(account(table, from, to), Some(7));
        assert_eq!(account("", from, to), None);
    }
}
