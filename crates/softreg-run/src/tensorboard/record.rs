//! The TFRecord frame: how TensorFlow tells where a message ends and whether it is whole.

/// `length (u64) | masked crc of the length | message | masked crc of the message`, all
/// little-endian.
pub(super) fn frame(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(message.len() + 16);
    record.extend(length);
    record.extend(masked_crc(&length).to_le_bytes());
    record.extend(message);
    record.extend(masked_crc(message).to_le_bytes());
    record
}

/// CRC-32C, rotated and shifted, so that the checksum of data that holds checksums stays good
/// (`crc32c.h` of TensorFlow).
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}
