//! The thread that reads and writes the files of file transfers, in the order that it is asked to.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Read, Result, Seek, SeekFrom, Write};
use std::sync::mpsc::{Receiver, Sender, channel};

use sipsimple_core::id::AskId;
use sipsimple_core::sip::Text;
use sipsimple_core::stream::{FileAnswer, FileQuestion};

/// Files that are kept open.
const OPEN: usize = 16;

/// The most that is read at once.
const READ: u64 = 1024 * 1024;

/// Reads and writes files on a thread named `file-transfer`.
#[derive(Debug)]
pub(crate) struct TransferFiles {
    questions: Sender<(AskId, FileQuestion)>,
}

impl TransferFiles {
    /// Starts the thread, which ends with this. It gives each answer to `done`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(done: impl FnMut(AskId, FileAnswer) + Send + 'static) -> Result<Self> {
        let (questions, queue) = channel();
        std::thread::Builder::new().name("file-transfer".into()).spawn(move || run(&queue, done))?;
        Ok(Self { questions })
    }

    /// Asks a question.
    pub(crate) fn ask(&self, ask: AskId, question: FileQuestion) {
        // The thread lives as long as this.
        let _ = self.questions.send((ask, question));
    }
}

fn run(questions: &Receiver<(AskId, FileQuestion)>, mut done: impl FnMut(AskId, FileAnswer)) {
    let mut files = Files::default();
    for (ask, question) in questions {
        let answer = files.answer(&question).unwrap_or_else(|error| FileAnswer::Failed(error.to_string().into()));
        done(ask, answer);
    }
}

/// The files that are open, the one that was used last behind the others.
#[derive(Debug, Default)]
struct Files {
    open: VecDeque<(Text, bool, File)>,
}

impl Files {
    fn answer(&mut self, question: &FileQuestion) -> Result<FileAnswer> {
        match question {
            FileQuestion::Read { file, at, len } => {
                let file = self.file(file, false)?;
                file.seek(SeekFrom::Start(*at))?;
                let mut data = Vec::new();
                file.take(*len.min(&READ)).read_to_end(&mut data)?;
                Ok(FileAnswer::Read(data.into()))
            }
            FileQuestion::Write { file, at, data } => {
                let file = self.file(file, true)?;
                file.seek(SeekFrom::Start(*at))?;
                file.write_all(data)?;
                Ok(FileAnswer::Written(data.len() as u64))
            }
        }
    }

    /// A file, open to be read, and where that is asked for to be written.
    fn file(&mut self, name: &Text, writes: bool) -> Result<&mut File> {
        let known = self.open.iter().position(|(known, writable, _)| known == name && (*writable || !writes));
        let entry = match known.and_then(|place| self.open.remove(place)) {
            Some(entry) => entry,
            None => {
                let file =
                    OpenOptions::new().read(true).write(writes).create(writes).truncate(false).open(name.as_str())?;
                (name.detached(), writes, file)
            }
        };
        if self.open.len() >= OPEN {
            self.open.pop_front();
        }
        self.open.push_back(entry);
        self.open.back_mut().map(|(.., file)| file).ok_or_else(|| std::io::Error::other("no file"))
    }
}
