//! One who is published to (RFC 3903 section 6): it gives an entity-tag with each 2xx, and now and then has forgotten the last.

use std::collections::BTreeMap;

use sipsimple_core::random::Random;

use crate::draft::Draft;
use crate::post::Letter;
use crate::script::{Script, Turn};

/// The compositor.
#[derive(Debug)]
pub(super) struct Compositor {
    random: Random,
    /// The entity-tag of each publisher, by Call-ID.
    tags: BTreeMap<String, String>,
    /// The answers, by branch.
    answers: BTreeMap<String, Draft>,
}

impl Compositor {
    pub(super) fn new(random: Random) -> Self {
        Self { random, tags: BTreeMap::new(), answers: BTreeMap::new() }
    }

    fn answer(&mut self, letter: &Letter) -> Draft {
        let sip = &letter.sip;
        let answer = |code| Draft::response(sip, code, "compositor");
        let known = self.tags.get(sip.call_id()).cloned();
        if sip.header("sip-if-match").map(str::to_owned) != known || (known.is_some() && self.random.below(10) == 0) {
            self.tags.remove(sip.call_id());
            return answer(412);
        }
        match self.random.below(10) {
            0 => return answer(503).with("Retry-After", "3"),
            1 => return answer(500),
            _ => {}
        }
        if sip.header("expires") == Some("0") {
            self.tags.remove(sip.call_id());
            return answer(200).with("Expires", "0").with("SIP-ETag", "gone");
        }
        let tag = self.random.token(8);
        self.tags.insert(sip.call_id().to_owned(), tag.clone());
        answer(200).with("Expires", "60").with("SIP-ETag", tag)
    }
}

impl Script for Compositor {
    fn got(&mut self, letter: &Letter, turn: &mut Turn) {
        if letter.sip.request() != "PUBLISH" {
            return;
        }
        let branch = letter.sip.branch().to_owned();
        let answer = match self.answers.get(&branch) {
            Some(answer) => answer.clone(),
            None => self.answer(letter),
        };
        self.answers.insert(branch, answer.clone());
        turn.reply(letter, &answer);
    }
}
