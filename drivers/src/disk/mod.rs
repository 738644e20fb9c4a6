//! Files, read and written on a thread of their own: a slow disk delays nobody.
//!
//! | file | what it does |
//! |---|---|
//! | `whole_file` | a file that is replaced as a whole, or not at all |
//! | `file_io` | the thread |

mod file_io;
#[cfg(test)]
mod tests;
mod whole_file;

pub use file_io::{Done, FileIo};
pub use whole_file::WholeFile;
