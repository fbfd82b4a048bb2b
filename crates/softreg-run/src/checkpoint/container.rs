//! The bytes of a checkpoint file: header, checksums, and the ways in which they can be wrong.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;

use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{SafeTensorError, SafeTensors};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Checkpoint, Data, FORMAT, Tensor};
use crate::Error;

const METADATA_KEY: &str = "__metadata__";
const FORMAT_KEY: &str = "format";
const DATA_KEY: &str = "crc32c";
const HEADER_KEY: &str = "header_crc32c";
/// What stands in the place of the header's own checksum while it is computed.
const BLANK: &str = "00000000";
/// Length of the length.
const PREFIX: usize = 8;

/// What is wrong with the bytes of a file.
#[derive(Debug)]
pub(super) enum Flaw {
    Truncated(String),
    Corrupt(String),
    Foreign(String),
    Newer(String),
}

impl Flaw {
    pub(super) fn at(self, path: &Path) -> Error {
        let path = path.to_path_buf();
        match self {
            Flaw::Truncated(reason) => Error::Truncated { path, reason },
            Flaw::Corrupt(reason) => Error::Corrupt { path, reason },
            Flaw::Foreign(reason) => Error::Foreign { path, reason },
            Flaw::Newer(found) => Error::NewerVersion { path, found, known: FORMAT },
        }
    }
}

/// The tensors as they lie in the file: wide types first so that each is aligned, then by name.
pub(super) fn in_file_order(checkpoint: &Checkpoint) -> Vec<(&str, &Tensor)> {
    let mut tensors: Vec<_> = checkpoint.tensors.iter().map(|(n, t)| (n.as_str(), t)).collect();
    // Stable, and the map gives them by name.
    tensors.sort_by_key(|(_, t)| std::cmp::Reverse(t.data().dtype().bitsize()));
    tensors
}

/// Refuses names that have a meaning of their own in the file.
pub(super) fn check_names(checkpoint: &Checkpoint) -> Result<(), Error> {
    if checkpoint.tensors.contains_key(METADATA_KEY) {
        let name = METADATA_KEY.to_string();
        return Err(Error::ReservedName { kind: "a tensor", name });
    }
    for own in [FORMAT_KEY, DATA_KEY, HEADER_KEY] {
        if checkpoint.metadata.contains_key(own) {
            return Err(Error::ReservedName { kind: "a metadata entry", name: own.to_string() });
        }
    }
    Ok(())
}

/// The whole header, padded, with both checksums.
pub(super) fn header(checkpoint: &Checkpoint) -> Result<Vec<u8>, String> {
    let mut crc = 0;
    for (_, tensor) in in_file_order(checkpoint) {
        let Ok(()) = tensor.data().for_each_chunk(|bytes| {
            crc = crc32c::crc32c_append(crc, bytes);
            Ok::<(), Infallible>(())
        });
    }
    let mut metadata = checkpoint.metadata.clone();
    metadata.insert(FORMAT_KEY.to_string(), FORMAT.to_string());
    metadata.insert(DATA_KEY.to_string(), digits(crc));
    sealed(metadata, &infos(checkpoint))
}

/// The header of this metadata (whatever checksum of its own it holds) and these tensors.
fn sealed(
    mut metadata: BTreeMap<String, String>,
    infos: &[(&str, TensorInfo)],
) -> Result<Vec<u8>, String> {
    metadata.insert(HEADER_KEY.to_string(), BLANK.to_string());
    let blank = Header { metadata: &metadata, infos }.to_bytes()?;
    metadata.insert(HEADER_KEY.to_string(), digits(crc32c::crc32c(&blank)));
    Header { metadata: &metadata, infos }.to_bytes()
}

fn digits(crc: u32) -> String {
    format!("{crc:08x}")
}

fn infos(checkpoint: &Checkpoint) -> Vec<(&str, TensorInfo)> {
    let mut end = 0;
    let place = |(name, tensor): (_, &Tensor)| {
        let start = end;
        end += tensor.data().bytes_len();
        let dtype = tensor.data().dtype();
        let shape = tensor.shape().to_vec();
        (name, TensorInfo { dtype, shape, data_offsets: (start, end) })
    };
    in_file_order(checkpoint).into_iter().map(place).collect()
}

struct Header<'a> {
    metadata: &'a BTreeMap<String, String>,
    infos: &'a [(&'a str, TensorInfo)],
}

impl Header<'_> {
    fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let mut bytes = serde_json::to_vec(self).map_err(|e| e.to_string())?;
        bytes.resize(bytes.len().next_multiple_of(PREFIX), b' ');
        Ok(bytes)
    }
}

impl Serialize for Header<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1 + self.infos.len()))?;
        map.serialize_entry(METADATA_KEY, self.metadata)?;
        for (name, info) in self.infos {
            map.serialize_entry(name, info)?;
        }
        map.end()
    }
}

/// Reads a whole file.
pub(super) fn parse(bytes: &[u8]) -> Result<Checkpoint, Flaw> {
    let file = safetensors(bytes)?;
    let (header_len, header) = (file.header_len, &bytes[PREFIX..PREFIX + file.header_len]);
    let mut metadata: BTreeMap<String, String> =
        file.header.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
    let format = metadata.get(FORMAT_KEY).cloned().unwrap_or_default();
    let version = format.strip_prefix("softreg-checkpoint/").and_then(|v| v.parse::<u32>().ok());
    match version {
        Some(1) => {}
        Some(2..) => return Err(Flaw::Newer(format)),
        _ if ours(header) => return Err(Flaw::Corrupt("its format cannot be read".into())),
        _ => return Err(Flaw::Foreign("it was not written by softreg".into())),
    }

    // The header is written in one way only, so it can be made again and compared.
    let names = file.header.offset_keys();
    let tensors = file.header.tensors();
    let mut infos: Vec<_> = names.iter().map(|n| (n.as_str(), tensors[n].clone())).collect();
    // By the offsets alone, empty tensors have no order.
    infos.sort_by_key(|(name, info)| (std::cmp::Reverse(info.dtype.bitsize()), *name));
    let again = sealed(metadata.clone(), &infos).map_err(Flaw::Corrupt)?;
    if again != header {
        return Err(Flaw::Corrupt("the checksum of its header does not match".into()));
    }
    let data = &bytes[PREFIX + header_len..];
    let crc = digits(crc32c::crc32c(data));
    let expected = metadata.get(DATA_KEY).map_or("", String::as_str);
    if expected != crc {
        return Err(Flaw::Corrupt(format!(
            "checksum {crc} does not match the expected {expected}"
        )));
    }

    let mut checkpoint = Checkpoint::default();
    for (name, info) in infos {
        let bytes = &data[info.data_offsets.0..info.data_offsets.1];
        let numbers = Data::from_bytes(info.dtype, bytes).ok_or_else(|| {
            Flaw::Corrupt(format!("tensor \"{name}\" has the unknown type {:?}", info.dtype))
        })?;
        let tensor =
            Tensor::new(info.shape, numbers).map_err(|e| Flaw::Corrupt(format!("{name}: {e}")))?;
        checkpoint.tensors.insert(name.to_string(), tensor);
    }
    for own in [FORMAT_KEY, DATA_KEY, HEADER_KEY] {
        metadata.remove(own);
    }
    checkpoint.metadata = metadata;
    Ok(checkpoint)
}

struct File {
    header_len: usize,
    header: Metadata,
}

/// Whether bytes that cannot be read were once a checkpoint of ours.
fn ours(bytes: &[u8]) -> bool {
    let mark = b"softreg-checkpoint/";
    bytes.windows(mark.len()).any(|window| window == mark)
}

/// Takes the file apart as safetensors, and tells a torn file of ours from some other file.
fn safetensors(bytes: &[u8]) -> Result<File, Flaw> {
    let missing = |count: usize| Flaw::Truncated(format!("{count} bytes are missing"));
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else {
        return Err(missing(PREFIX - bytes.len()));
    };
    let json = rest.first().is_none_or(|b| *b == b'{');
    let header_len = usize::try_from(u64::from_le_bytes(*prefix)).unwrap_or(usize::MAX);
    match SafeTensors::read_metadata(bytes) {
        Ok((header_len, header)) => Ok(File { header_len, header }),
        Err(_) if !json => Err(Flaw::Foreign("it is not a safetensors file".into())),
        // A length that no header has cannot come from a cut.
        Err(SafeTensorError::HeaderTooLarge) if ours(rest) => {
            Err(Flaw::Corrupt("its header has an impossible length".into()))
        }
        Err(SafeTensorError::HeaderTooLarge) => {
            Err(Flaw::Foreign("it is not a safetensors file".into()))
        }
        Err(SafeTensorError::InvalidHeaderLength) => {
            Err(missing(header_len.saturating_sub(rest.len())))
        }
        Err(SafeTensorError::MetadataIncompleteBuffer) => length_flaw(&rest[..header_len], rest),
        Err(_) if ours(rest) => Err(Flaw::Corrupt("its header cannot be read".into())),
        Err(error) => Err(Flaw::Foreign(format!("its header cannot be read: {error}"))),
    }
}

/// The header is sound, but the data is not as long as it says.
fn length_flaw<T>(header: &[u8], rest: &[u8]) -> Result<T, Flaw> {
    if !ours(header) {
        return Err(Flaw::Foreign("it was not written by softreg".into()));
    }
    let expected = serde_json::from_slice::<Metadata>(header).map_or(0, |m| m.data_len());
    let found = rest.len() - header.len();
    if found < expected {
        return Err(Flaw::Truncated(format!("{} bytes are missing", expected - found)));
    }
    Err(Flaw::Corrupt(format!("{} extra bytes follow its end", found - expected)))
}
