//! One file over HTTP, going on where an earlier attempt stopped.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use md5::{Digest, Md5};
use sha2::Sha256;
use ureq::Agent;
use ureq::http::{Response, header};

use super::{Checksum, FetchError, Progress, RemoteFile};

/// Attempts per call before giving up on a connection that is lost again and again.
const ATTEMPTS: usize = 5;
/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// Bytes read, written and reported at once.
const BLOCK: usize = 1 << 16;

/// The path of the whole, verified file.
pub(super) fn download(
    file: &RemoteFile,
    url: &str,
    folder: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, FetchError> {
    let path = folder.join(file.name);
    if path.is_file() && file.checksum.fits(&path)?.is_ok() {
        return Ok(path);
    }
    let part = folder.join(format!("{}.part", file.name));
    let agent: Agent = Agent::config_builder()
        .timeout_connect(Some(SILENCE))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .http_status_as_error(false)
        .accept_encoding("identity")
        .build()
        .into();
    // A part that was there before may be of another file: then one fresh start is worth it.
    let mut may_start_over = length(&part) > 0;
    loop {
        transfer(&agent, file.name, url, &part, progress)?;
        let Err(found) = file.checksum.fits(&part)? else {
            std::fs::rename(&part, &path).map_err(FetchError::io("rename", &part))?;
            return Ok(path);
        };
        std::fs::remove_file(&part).map_err(FetchError::io("remove", &part))?;
        if !may_start_over {
            let (url, expected) = (url.to_owned(), file.checksum.to_string());
            return Err(FetchError::Checksum { url, found, expected });
        }
        may_start_over = false;
    }
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Requests the rest of the file until all of it has arrived.
fn transfer(
    agent: &Agent,
    name: &str,
    url: &str,
    part: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), FetchError> {
    let mut attempt = 1;
    loop {
        let have = length(part);
        let mut request = agent.get(url);
        if have > 0 {
            request = request.header(header::RANGE, format!("bytes={have}-"));
        }
        let lost = match request.call() {
            Ok(response) => {
                let status = response.status().as_u16();
                let goes_on = status == 206 && starts_at(&response, have);
                match status {
                    // Nothing is left to send: the checksum decides whether that is right.
                    416 if have > 0 => return Ok(()),
                    200 => {}
                    206 if goes_on => {}
                    status => return Err(FetchError::Status { url: url.to_owned(), status }),
                }
                match receive(response, name, part, if goes_on { have } else { 0 }, progress)? {
                    None => return Ok(()),
                    Some(reason) => reason,
                }
            }
            Err(error) => sentence(&error),
        };
        // An attempt that brought something is no failure: only a standstill ends the download.
        attempt = if length(part) > have { 1 } else { attempt + 1 };
        let refused = have == 0 && length(part) == 0 && attempt > 2;
        if attempt > ATTEMPTS || refused {
            return Err(FetchError::Network { url: url.to_owned(), reason: lost });
        }
    }
}

/// Whether a partial answer begins at the byte that was asked for.
fn starts_at(response: &Response<ureq::Body>, first: u64) -> bool {
    response
        .headers()
        .get(header::CONTENT_RANGE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim().starts_with(&format!("bytes {first}-")))
}

/// Appends the body to the part, which keeps `keep` bytes; the reason if it was cut off.
fn receive(
    response: Response<ureq::Body>,
    name: &str,
    part: &Path,
    keep: u64,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Option<String>, FetchError> {
    let total = response.body().content_length().map(|rest| keep + rest);
    // Not to append: Windows lets nobody cut a file who may append to it only.
    let mut out = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .open(part)
        .map_err(FetchError::io("write", part))?;
    out.set_len(keep).map_err(FetchError::io("write", part))?;
    out.seek(SeekFrom::End(0)).map_err(FetchError::io("write", part))?;
    let mut body = response.into_body().into_reader();
    let mut block = vec![0; BLOCK];
    let mut bytes = keep;
    progress(Progress { file: name, bytes, total });
    let cut = loop {
        match body.read(&mut block) {
            Ok(0) => break None,
            Ok(count) => {
                out.write_all(&block[..count]).map_err(FetchError::io("write", part))?;
                bytes += count as u64;
                progress(Progress { file: name, bytes, total });
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Some(format!("the connection was lost ({error})")),
        }
    };
    out.sync_all().map_err(FetchError::io("write", part))?;
    Ok(match total {
        Some(total) if cut.is_none() && bytes < total => {
            Some(format!("the connection was lost after {bytes} of {total} bytes"))
        }
        _ => cut,
    })
}

fn sentence(error: &ureq::Error) -> String {
    match error {
        ureq::Error::HostNotFound => "the server name cannot be resolved (no network?)".to_owned(),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "the server refused the connection".to_owned()
        }
        ureq::Error::Timeout(_) => {
            format!("no response from the server for {} seconds", SILENCE.as_secs())
        }
        error => format!("no connection ({error})"),
    }
}

impl Checksum {
    /// Whether a file is the right one; where it is not, its own checksum.
    fn fits(self, path: &Path) -> Result<Result<(), String>, FetchError> {
        let (found, fits) = match self {
            Self::Md5(expected) => {
                let found = digest::<Md5>(path)?;
                (format!("MD5 {found}"), found == expected)
            }
            Self::Sha256Start(expected) => {
                let found = digest::<Sha256>(path)?;
                (format!("SHA-256 {found}"), found.starts_with(expected))
            }
        };
        Ok(if fits { Ok(()) } else { Err(found) })
    }
}

impl std::fmt::Display for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Md5(expected) => write!(f, "MD5 {expected}"),
            Self::Sha256Start(expected) => write!(f, "SHA-256 {expected}…"),
        }
    }
}

/// The digest of a file in lower-case hexadecimal.
fn digest<D: Digest>(path: &Path) -> Result<String, FetchError> {
    let mut file = File::open(path).map_err(FetchError::io("read", path))?;
    let mut hash = D::new();
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block).map_err(FetchError::io("read", path))? {
            0 => break,
            count => hash.update(&block[..count]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
