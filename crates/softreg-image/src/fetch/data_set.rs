//! Which collections can be downloaded, from where, and how the right files are told from others.
//!
//! Checksums are what their publishers give: MD5, or the start of a SHA-256 in the name of the file. They
//! tell a broken download from a whole one; they are no defence against somebody who can forge files.

/// A downloadable collection.
#[derive(Debug, Clone, Copy)]
pub struct DataSet {
    /// The name to ask for it by.
    pub name: &'static str,
    /// One line for a list.
    pub summary: &'static str,
    /// The address that file names are appended to.
    pub base: &'static str,
    /// The files.
    pub files: &'static [RemoteFile],
    /// The features whose weights these are, where they are no pictures.
    pub weights_of: Option<&'static str>,
}

/// One file of a data set.
#[derive(Debug, Clone, Copy)]
pub struct RemoteFile {
    /// Its name on the server and on disk.
    pub name: &'static str,
    /// How the right file is told.
    pub checksum: Checksum,
    /// For a .tar.gz archive, the files to take out of it; the archive itself is then removed.
    pub members: &'static [Member],
}

/// A checksum in lower-case hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// MD5.
    Md5(&'static str),
    /// The first digits of SHA-256.
    Sha256Start(&'static str),
}

/// One file in an archive.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// Its name without folders, in the archive and on disk.
    pub name: &'static str,
    /// Its exact length in bytes.
    pub bytes: u64,
}

const fn plain(name: &'static str, md5: &'static str) -> RemoteFile {
    RemoteFile { name, checksum: Checksum::Md5(md5), members: &[] }
}

const fn batch(name: &'static str) -> Member {
    Member { name, bytes: 30_730_000 }
}

/// Every collection that can be downloaded.
pub const DATA_SETS: &[DataSet] = &[
    DataSet {
        name: "cifar10",
        summary: "CIFAR-10: 60,000 colour photographs, 32 x 32, in ten classes (170 MB)",
        base: "https://www.cs.toronto.edu/~kriz",
        files: &[RemoteFile {
            name: "cifar-10-binary.tar.gz",
            checksum: Checksum::Md5("c32a1d4ab5d03f1284b67883e8d87530"),
            members: &[
                batch("data_batch_1.bin"),
                batch("data_batch_2.bin"),
                batch("data_batch_3.bin"),
                batch("data_batch_4.bin"),
                batch("data_batch_5.bin"),
                batch("test_batch.bin"),
            ],
        }],
        weights_of: None,
    },
    DataSet {
        name: "mnist",
        summary: "MNIST: 70,000 handwritten digits, 28 x 28, grey (12 MB)",
        base: "https://ossci-datasets.s3.amazonaws.com/mnist",
        files: &[
            plain("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
            plain("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
            plain("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
            plain("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
        ],
        weights_of: None,
    },
    DataSet {
        name: "fashion-mnist",
        summary: "Fashion-MNIST: 70,000 pieces of clothing, 28 x 28, grey (31 MB)",
        base: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        files: &[
            plain("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            plain("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
            plain("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
            plain("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
        ],
        weights_of: None,
    },
    DataSet {
        name: "inception",
        summary: "weights of the Inception-v3 used for the Fréchet inception distance (evaluate --features inception, 95 MB)",
        base: "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights",
        files: &[RemoteFile {
            name: "pt_inception-2015-12-05-6726825d.pth",
            checksum: Checksum::Sha256Start("6726825d"),
            members: &[],
        }],
        weights_of: Some("inception"),
    },
];
