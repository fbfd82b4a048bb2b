//! Whose process it is that asks, where the system tells: other people with accounts on this computer reach its own address
//! as well, and a page for one person is none for them. Where the system tells, whoever is not known stays out.

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use std::net::{IpAddr, SocketAddr};
use tokio::net::TcpListener;

/// One end of a connection to this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visitor {
    /// A process of this account or of the administrator's, who can do anything as it is, or one that nothing is known of
    /// on a system that does not tell.
    Ours,
    /// A process of another account of this computer.
    OtherAccount,
    /// Nobody's: the system tells whose connections are, and no process has this one any more.
    Nobody,
}

impl Connected<IncomingStream<'_, TcpListener>> for Visitor {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        let peer = *stream.remote_addr();
        match stream.io().local_addr() {
            // It is this end that only this computer reaches: the other one may be at any of its addresses.
            Ok(here) if here.ip().is_loopback() => Visitor::at(peer, here),
            Ok(_) => Visitor::Ours,
            Err(_) => Visitor::Nobody,
        }
    }
}

impl Visitor {
    /// Whose process has its end of a connection at `peer`, by Linux's table of all of them.
    #[cfg(target_os = "linux")]
    fn at(peer: SocketAddr, here: SocketAddr) -> Self {
        let path = if peer.is_ipv4() { "/proc/net/tcp" } else { "/proc/net/tcp6" };
        let look = || std::fs::read_to_string(path).map(|table| holder(&table, peer, here));
        let own = rustix::process::geteuid().as_raw();
        Self::told(look, own)
    }

    /// Whose it is by what a few looks tell. Where there is no table, nothing is known.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    fn told(mut look: impl FnMut() -> std::io::Result<Option<Holder>>, own: u32) -> Self {
        let Ok(first) = look() else { return Visitor::Ours };
        // A line may be passed over while those beside it come and go.
        let first = first.or_else(|| look().ok().flatten());
        match first {
            None => Visitor::Nobody,
            // Linux writes 0 as the user of what was closed, and reads it after the rest of the line. What was closed
            // meanwhile stays so: with the same number a moment later, it was the administrator's all the time.
            Some(holder) if holder.user == 0 => match look() {
                Ok(second) if second == first => Visitor::Ours,
                _ => Visitor::Nobody,
            },
            Some(holder) if holder.user == own => Visitor::Ours,
            Some(_) => Visitor::OtherAccount,
        }
    }

    /// Not told here.
    #[cfg(not(target_os = "linux"))]
    fn at(_: SocketAddr, _: SocketAddr) -> Self {
        Visitor::Ours
    }
}

/// Who has one end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Holder {
    user: u32,
    /// The number of its socket, which no other one gets.
    socket: u64,
}

/// Who has the socket at `from` that is connected to `to`, by a table as `/proc/net/tcp` has it: each line says after its number
/// the own address, that of the other end, in the eighth column the user, and in the tenth the socket.
///
/// Nobody has it who closed it, whether it is gone or goes on to be closed by the other end: the socket is then 0, and so is
/// the user, who is no administrator for that. Who only will send no more still has it.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn holder(table: &str, from: SocketAddr, to: SocketAddr) -> Option<Holder> {
    let (from, to) = (written(from), written(to));
    let mut lines = table.lines().map(|line| line.split_ascii_whitespace().skip(1));
    let mut columns = lines.find_map(|mut columns| {
        let is_it = columns.next() == Some(&from) && columns.next() == Some(&to);
        is_it.then_some(columns)
    })?;
    let user = columns.nth(4)?.parse().ok()?;
    let socket = columns.nth(1)?.parse().ok()?;
    (socket != 0).then_some(Holder { user, socket })
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
        // Line 3 says no more, line 4 was closed, line 5 has come to rest.
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2081 00000000:0000 0A 00000000:00000000 00:00000000 00000000   1000        0 41 1 0000000000000000 100 0 0 10 0
   1: 0100007F:2081 0100007F:C350 01 00000000:00000000 00:00000000 00000000   1000        0 42 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:C350 0100007F:2081 01 00000000:00000000 00:00000000 00000000   1001        0 43 1 0000000000000000 20 4 30 10 -1
   3: 0100007F:C352 0100007F:2081 05 00000000:00000000 00:00000000 00000000   1002        0 45 1 0000000000000000 20 4 30 10 -1
   4: 0100007F:C353 0100007F:2081 04 00000000:00000000 01:00000014 00000000     0        0 0 2 0000000000000000 20 4 30 10 -1
   5: 0100007F:C354 0100007F:2081 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0000000000000000
   6: 00000000000000000000000001000000:C350 00000000000000000000000001000000:2081 01 00000000:00000000 00:00000000 00000000     7        0 44 1 0
";
        let here = "127.0.0.1:8321".parse().unwrap();
        let user = |from: &str| holder(table, from.parse().unwrap(), here).map(|h| h.user);
        assert_eq!(user("127.0.0.1:50000"), Some(1001));
        assert_eq!(user("127.0.0.1:50002"), Some(1002));
        for gone in ["127.0.0.1:50001", "127.0.0.2:50000", "127.0.0.1:50003", "127.0.0.1:50004"] {
            assert_eq!(user(gone), None, "{gone}");
        }
        let (from, to) = ("[::1]:50000".parse().unwrap(), "[::1]:8321".parse().unwrap());
        assert_eq!(holder(table, from, to), Some(Holder { user: 7, socket: 44 }));
        assert_eq!(holder("", from, to), None);
    }

    #[test]
    fn the_administrator_is_believed_only_twice() {
        let by = |user, socket| Some(Holder { user, socket });
        let unread = || Err(std::io::ErrorKind::NotFound.into());
        let told = |first, second| {
            let mut looks = [second, first].into_iter().collect::<Vec<_>>();
            Visitor::told(|| looks.pop().unwrap_or(Ok(None)), 1000)
        };
        assert_eq!(told(Ok(by(1000, 5)), Ok(None)), Visitor::Ours);
        assert_eq!(told(Ok(by(1001, 5)), Ok(None)), Visitor::OtherAccount);
        assert_eq!(told(Ok(by(0, 5)), Ok(by(0, 5))), Visitor::Ours);
        // Closed between the two, and another one in its place.
        assert_eq!(told(Ok(by(0, 5)), Ok(None)), Visitor::Nobody);
        assert_eq!(told(Ok(by(0, 5)), Ok(by(0, 6))), Visitor::Nobody);
        assert_eq!(told(Ok(None), Ok(by(1000, 5))), Visitor::Ours);
        assert_eq!(told(Ok(None), Ok(by(0, 5))), Visitor::Nobody);
        assert_eq!(told(Ok(None), Ok(None)), Visitor::Nobody);
        assert_eq!(told(unread(), unread()), Visitor::Ours);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn whoever_is_gone_is_nobody() {
        use std::io::{Read, Write};
        use std::net::{Shutdown, TcpListener, TcpStream};
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let here = listener.local_addr().unwrap();
            let connected = || {
                let client = TcpStream::connect(here).unwrap();
                let (server, peer) = listener.accept().unwrap();
                (client, server, peer)
            };
            // Ours while it is there, even when it will say no more, or has heard that this end will not.
            let (client, mut server, peer) = connected();
            assert_eq!(Visitor::at(peer, here), Visitor::Ours);
            client.shutdown(Shutdown::Write).unwrap();
            assert_eq!(server.read(&mut [0]).unwrap(), 0);
            assert_eq!(Visitor::at(peer, here), Visitor::Ours);
            drop(client);
            assert_eq!(Visitor::at(peer, here), Visitor::Nobody);
            let (_client, server, peer) = connected();
            drop(server);
            assert_eq!(Visitor::at(peer, here), Visitor::Ours);
            // Reset, because it closed before it had read all.
            let (client, mut server, peer) = connected();
            server.write_all(b"unread").unwrap();
            client.peek(&mut [0]).unwrap();
            drop(client);
            assert_eq!(Visitor::at(peer, here), Visitor::Nobody);
        }
    }
}
