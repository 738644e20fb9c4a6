//! The out-queue of a layer.
//!
//! Each layer takes `now` and an out-queue with its inputs, and pushes what follows from them: the parent drains the queue
//! before its own call returns. Nothing is polled through two layers.

use std::collections::VecDeque;

/// What a layer has to say to its parent, oldest first.
#[derive(Debug)]
pub struct Outbox<T> {
    queue: VecDeque<T>,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Outbox<T> {
    /// An empty queue.
    #[must_use]
    pub const fn new() -> Self {
        Self { queue: VecDeque::new() }
    }

    /// Adds one at the end.
    pub fn push(&mut self, item: T) {
        self.queue.push_back(item);
    }

    /// Takes the oldest.
    #[must_use]
    pub fn pop(&mut self) -> Option<T> {
        self.queue.pop_front()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Those that wait, oldest first, without taking them.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.queue.iter()
    }
}
