//! The thread that reads and writes files.

use std::io::Result;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use zeroize::Zeroizing;

use super::WholeFile;

/// What to do with a file.
enum Job {
    Read { max: usize },
    Write(Zeroizing<String>),
}

/// What has been done with a file.
#[derive(Debug)]
pub enum Done {
    /// It was read: what [`ConfigurationManager::loaded`](sipsimple_core::settings::ConfigurationManager::loaded) wants.
    Read(Result<Option<Zeroizing<Vec<u8>>>>),
    /// It was written: what [`ConfigurationManager::persisted`](sipsimple_core::settings::ConfigurationManager::persisted) wants.
    Written(Result<()>),
}

/// One file, read and written on a thread named `file-io`, in the order that it was asked for. When it is dropped, all that was asked for is done first.
#[derive(Debug)]
pub struct FileIo {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl FileIo {
    /// Starts the thread. It calls `done` after each job.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(file: WholeFile, done: impl FnMut(Done) + Send + 'static) -> Result<Self> {
        let (jobs, queue) = channel();
        let run = move || run(&file, &queue, done);
        let thread = std::thread::Builder::new().name("file-io".into()).spawn(run)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Reads the file, but no more than one byte above `max`.
    pub fn read(&self, max: usize) {
        self.ask(Job::Read { max });
    }

    /// Replaces the file.
    pub fn write(&self, text: Zeroizing<String>) {
        self.ask(Job::Write(text));
    }

    fn ask(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // The thread lives as long as this.
            let _ = jobs.send(job);
        }
    }
}

impl Drop for FileIo {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(file: &WholeFile, jobs: &Receiver<Job>, mut done: impl FnMut(Done)) {
    for job in jobs {
        done(match job {
            Job::Read { max } => Done::Read(file.read(max)),
            Job::Write(text) => Done::Written(file.write(text.as_bytes())),
        });
    }
}
