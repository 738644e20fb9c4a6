//! Files, read and written on a thread of their own: a slow disk delays nobody.
//!
//! | file | what it does |
//! |---|---|
//! | `whole_file` | a file that is replaced as a whole, or not at all |
//! | `file_io` | the thread |
//! | `file_hash` | hashing a file that is to be sent, on a thread for each |
//! | `transfer_files` | the files of file transfers, on another thread |

mod file_hash;
mod file_io;
#[cfg(test)]
mod tests;
mod transfer_files;
mod whole_file;

pub use file_hash::{FileHashEvent, FileHashId, Hashing, hash_file};
pub use file_io::{Done, FileIo};
pub(crate) use transfer_files::TransferFiles;
pub use whole_file::WholeFile;
