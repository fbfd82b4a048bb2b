//! Two hosts on one machine: network namespaces with a line between them that is slow and loses packets.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

const ADDRESSES: [&str; 2] = ["10.213.77.1", "10.213.77.2"];

/// Both hosts, taken down when dropped.
pub(crate) struct Hosts {
    names: [String; 2],
    /// What `mpirun` starts in place of `ssh`.
    agent: PathBuf,
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in &self.names {
            // A host is not gone while something runs there.
            let inside = Command::new("ip").args(["netns", "pids", name]).output();
            let inside =
                inside.map_or(String::new(), |out| String::from_utf8_lossy(&out.stdout).into());
            for pid in inside.split_whitespace() {
                let _ = done(&["kill", "-9", pid]);
            }
            let _ = done(&["ip", "netns", "del", name]);
        }
    }
}

fn done(words: &[&str]) -> bool {
    Command::new(words[0]).args(&words[1..]).output().is_ok_and(|output| output.status.success())
}

impl Hosts {
    /// `None`, and a word about it, where this machine or this user may not have networks of its own.
    pub(crate) fn new(dir: &Path) -> Option<Self> {
        static PAIRS: AtomicUsize = AtomicUsize::new(0);
        let (id, pair) = (std::process::id(), PAIRS.fetch_add(1, Ordering::Relaxed));
        let names = ["a", "b"].map(|end| format!("softreg{id}{end}{pair}"));
        let agent = dir.join("agent.sh");
        // As ssh is called: options, the host, and a command for its shell.
        let text = format!("#!/bin/sh\nshift\nexec ip netns exec {} sh -c \"$*\"\n", names[1]);
        std::fs::write(&agent, text).unwrap();
        std::fs::set_permissions(&agent, Permissions::from_mode(0o755)).unwrap();
        let hosts = Self { names, agent };
        let [a, b] = &hosts.names;
        let up = done(&["ip", "netns", "add", a])
            && done(&["ip", "netns", "add", b])
            && done(&[
                "ip", "link", "add", "line", "netns", a, "type", "veth", "peer", "line", "netns", b,
            ])
            && [0, 1].iter().all(|i| hosts.connect(*i));
        if !up {
            eprintln!("skipped: no networks of its own for a process here (root, `ip` and `tc`)");
        }
        up.then_some(hosts)
    }

    fn connect(&self, host: usize) -> bool {
        let address = format!("{}/24", ADDRESSES[host]);
        let inside = |words: &[&str]| {
            done(&[&["ip", "netns", "exec", self.names[host].as_str()], words].concat())
        };
        // Without delay and loss of its own, a narrow line whose queue overflows has both.
        let shape = |words: &[&str]| {
            inside(&[&["tc", "qdisc", "add", "dev", "line", "root"], words].concat())
        };
        inside(&["ip", "link", "set", "lo", "up"])
            && inside(&["ip", "addr", "add", &address, "dev", "line"])
            && inside(&["ip", "link", "set", "line", "up"])
            && (shape(&["netem", "delay", "2ms", "loss", "1%"])
                || shape(&["tbf", "rate", "20mbit", "burst", "16kb", "limit", "24kb"]))
    }

    /// `mpirun` on the first host, with one process on each.
    pub(crate) fn mpirun(&self, dir: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names[0], "mpirun", "--allow-run-as-root"]);
        command.args(["--mca", "plm_rsh_agent"]).arg(&self.agent);
        // Not by the memory that these hosts share, and by no other way than the line.
        for (key, value) in
            [("btl", "tcp,self"), ("btl_tcp_if_include", "line"), ("oob_tcp_if_include", "line")]
        {
            command.args(["--mca", key, value]);
        }
        let each = ADDRESSES.map(|address| format!("{address}:1")).join(",");
        command.args(["--host", &each, "-n", "2"]).current_dir(dir);
        command
    }

    /// The address of the host that is not the launcher's.
    pub(crate) fn other(&self) -> &'static str {
        ADDRESSES[1]
    }

    /// Takes the line away, as if the other host were gone.
    pub(crate) fn cut(&self) {
        assert!(done(&[
            "ip",
            "netns",
            "exec",
            &self.names[0],
            "ip",
            "link",
            "set",
            "line",
            "down"
        ]));
    }

    /// What went over the line, and what it had to drop, in bytes and packets.
    pub(crate) fn sent_and_dropped(&self) -> (u64, u64) {
        let words = ["netns", "exec", &self.names[0], "tc", "-s", "qdisc", "show", "dev", "line"];
        let shown = Command::new("ip").args(words).output().unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        let number = |after: &str| {
            let rest = shown.split_once(after).unwrap_or_else(|| panic!("{after}: {shown}")).1;
            rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
        };
        (number("Sent "), number("dropped "))
    }
}
