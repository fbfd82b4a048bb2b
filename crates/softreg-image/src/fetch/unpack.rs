//! Takes the known files out of an archive, and nothing else.
//!
//! Names and lengths in the archive decide nothing: a member is taken when its last name is one
//! that is expected, and written under that name, to the length that is expected.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;

use super::{FetchError, RemoteFile};

/// Whether every member is there already, in its full length.
pub(super) fn is_complete(file: &RemoteFile, folder: &Path) -> bool {
    file.members.iter().all(|member| {
        std::fs::metadata(folder.join(member.name))
            .is_ok_and(|metadata| metadata.is_file() && metadata.len() == member.bytes)
    })
}

pub(super) fn unpack(file: &RemoteFile, path: &Path, folder: &Path) -> Result<(), FetchError> {
    let problem = |problem: String| FetchError::Archive { path: path.to_path_buf(), problem };
    let packed = File::open(path).map_err(FetchError::io("read", path))?;
    let mut archive = tar::Archive::new(GzDecoder::new(BufReader::new(packed)));
    let entries = archive.entries().map_err(|error| problem(error.to_string()))?;
    for entry in entries {
        let mut entry = entry.map_err(|error| problem(error.to_string()))?;
        let member = entry.path().ok().and_then(|inner| {
            let name = inner.file_name()?.to_str()?.to_owned();
            file.members.iter().find(|member| member.name == name)
        });
        let Some(member) = member.filter(|_| entry.header().entry_type().is_file()) else {
            continue;
        };
        let target = folder.join(member.name);
        let part = folder.join(format!("{}.part", member.name));
        let mut out = File::create(&part).map_err(FetchError::io("write", &part))?;
        let bytes = std::io::copy(&mut (&mut entry).take(member.bytes + 1), &mut out)
            .map_err(|error| problem(error.to_string()))?;
        if bytes != member.bytes {
            let _ = std::fs::remove_file(&part);
            let (name, expected) = (member.name, member.bytes);
            return Err(problem(format!("'{name}' in it is not {expected} bytes long")));
        }
        out.sync_all().map_err(FetchError::io("write", &part))?;
        std::fs::rename(&part, &target).map_err(FetchError::io("rename", &part))?;
    }
    match file.members.iter().find(|member| !folder.join(member.name).is_file()) {
        Some(missing) => Err(problem(format!("it does not contain '{}'", missing.name))),
        None => Ok(()),
    }
}
